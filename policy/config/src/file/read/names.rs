//! What things are called: their own names, those of others, and patterns for names of models.

use crate::file::fields::Fields;
use crate::file::problems::At;
use crate::file::read::bounds::LIST_MAX;
use crate::file::value::Value;
use keyweir_terms::pattern::ModelPatterns;

/// Longest name. Names stand in metrics' labels and in paths.
const ID_LEN_MAX: usize = 64;

/// The name of a thing. Given even if it is wrong, so that what refers to it is not wrong too.
pub(super) fn id(fields: &mut Fields<'_>) -> Option<At<String>> {
    fields.required("id", |value| {
        value.at(|value| {
            let id = value.text()?;
            if !is_id(id) {
                value.refuse::<()>(format!(
                    "must be 1 to {ID_LEN_MAX} of a-z, 0-9, \"-\", \"_\" and \".\", \
                     and begin with a letter or a digit"
                ));
            }
            Some(id.to_owned())
        })
    })
}

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=ID_LEN_MAX).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || b"-_.".contains(&byte))
}

/// The name of another thing.
pub(super) fn reference(value: Value<'_>) -> Option<At<String>> {
    value.at(|value| value.text().map(str::to_owned))
}

/// Patterns for models: `["claude-*"]`.
pub(super) fn patterns(value: &Value<'_>) -> Option<ModelPatterns> {
    let written = value.list(LIST_MAX, |value| Some(value.parsed()))?;
    if written.is_empty() {
        return value.refuse("needs at least one pattern");
    }
    ModelPatterns::new(written.into_iter().flatten().collect())
}
