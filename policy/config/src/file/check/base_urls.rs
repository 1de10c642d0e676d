//! Base URLs with the path of a request in them, which is put behind them once more.

use keyweir_terms::dialect::Dialect;

use crate::file::check::Check;

/// How paths of OpenAI's API end.
const ENDINGS: [&str; 4] = ["/completions", "/embeddings", "/models", "/responses"];

impl Check<'_> {
    pub(super) fn base_urls(&self) {
        for provider in &self.raw.providers {
            let (Some(id), Some(url)) = (&provider.id, &provider.base_url) else {
                continue;
            };
            // Where the version is in the path of every request, it is what is warned of.
            let is_spoken = provider.dialect == Some(Dialect::OpenAi);
            let ending = ENDINGS
                .iter()
                .find(|ending| url.path_prefix.ends_with(**ending));
            if let (true, Some(ending)) = (is_spoken, ending) {
                self.warn(
                    &id.spot,
                    format!(
                        "its base_url ends in {ending}, and the path of each request is put behind it"
                    ),
                    "end it before that, as the base URL of an SDK does",
                );
            }
        }
    }
}
