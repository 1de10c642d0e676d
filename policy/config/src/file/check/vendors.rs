//! Vendors whose own API is declared to speak another dialect than it does.

use keyweir_terms::dialect::{CredentialStyle, Dialect};

use crate::file::check::Check;

impl Check<'_> {
    pub(super) fn misspoken_providers(&self) {
        for provider in &self.raw.providers {
            let (Some(id), Some(dialect), Some(url)) =
                (&provider.id, provider.dialect, &provider.base_url)
            else {
                continue;
            };
            let host = url.host.to_string();
            match (host.as_str(), dialect) {
                ("api.anthropic.com", Dialect::OpenAi) => self.warn(
                    &id.spot,
                    "is Anthropic's own API and is said to speak the openai dialect: it does so for \
                     chat completions only, without what it tells of limits and caches",
                    "write dialect = \"anthropic\", unless clients of OpenAI's are meant to be served \
                     by Claude",
                ),
                ("api.openai.com", Dialect::Anthropic) => self.warn(
                    &id.spot,
                    "is OpenAI's own API, which does not speak the anthropic dialect",
                    "write dialect = \"openai\"",
                ),
                ("generativelanguage.googleapis.com", Dialect::Generic)
                    if provider.credential != Some(CredentialStyle::XGoogApiKey) =>
                {
                    self.warn(
                        &id.spot,
                        "is Gemini's own API, which takes keys as x-goog-api-key alone",
                        "write credential = \"x-goog-api-key\"",
                    );
                }
                _ => {}
            }
        }
    }
}
