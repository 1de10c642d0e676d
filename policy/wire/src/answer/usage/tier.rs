//! At which rates a request was served: of Anthropic within the usage, of `OpenAI` beside it
//! (<https://platform.claude.com/docs/en/api/service-tiers>,
//! <https://developers.openai.com/api/docs/guides/flex-processing>).

use crate::json::{Malformed, Reader};
use keyweir_terms::request::Tier;

/// The tier that the next value names, if it names one.
pub(crate) fn read_tier(reader: &mut Reader<'_>) -> Result<Option<Tier>, Malformed> {
    let name = reader.string_or_skip()?;
    Ok(name.map(|name| match name.raw() {
        b"batch" | b"flex" => Tier::Batch,
        _ => Tier::Usual,
    }))
}
