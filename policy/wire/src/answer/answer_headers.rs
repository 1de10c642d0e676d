//! Which headers of an answer the client gets: those on these lists, and no others.
//!
//! By list, where requests go by rule: a client's unknown header may carry its next feature, but a
//! provider's, or its edge's, says mostly what is the pool's own affair (what one key has left, whose
//! account it is, where the provider really is, which upstream a proxy chose) or would make a
//! browser do something in the gateway's name (`set-cookie`, `refresh`, `access-control-*`).
//! `docs/HEADERS.md` tells operators of them; a test holds the two together.

use keyweir_terms::dialect::Dialect;

use crate::credential::names::is_credential_header;
use crate::word_list::list;

list!(
    /// What belongs to HTTP and its content, and the ids by which a provider's support finds a
    /// request.
    OF_ANY, is_of_any:
    "accept-ranges",
    "age",
    "allow",
    "cache-control",
    "cf-ray",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "deprecation",
    "etag",
    "expires",
    "last-modified",
    "pragma",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "sunset",
    "vary",
    "warning",
    "x-request-id",
    "x-should-retry",
);

list!(
    /// What OpenAI's relatives (Azure, OpenRouter, NVIDIA, DeepSeek, Mistral) say of a request.
    OF_RELATIVES, is_of_relatives:
    "apim-request-id",
    "azureml-model-session",
    "mistral-correlation-id",
    "nvcf-reqid",
    "nvcf-status",
    "x-ds-trace-id",
    "x-generation-id",
    "x-ms-client-request-id",
    "x-ms-request-id",
);

list!(
    /// What other APIs say of a request: Bedrock, and endpoints at Hugging Face.
    OF_OTHERS, is_of_others:
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-invocation-latency",
    "x-amzn-bedrock-output-token-count",
    "x-amzn-errortype",
    "x-amzn-requestid",
    "x-compute-time",
    "x-compute-type",
);

/// Families in which a vendor says something of its features. Not: what a key has left, and whose
/// account it is.
const ANTHROPIC: &str = "anthropic-";
const OPENAI: &str = "openai-";

/// Families within those that say what one key has left.
const BUDGETS: [&str; 4] = [
    "anthropic-fast-",
    "anthropic-priority-",
    "anthropic-ratelimit-",
    "openai-ratelimit-",
];

/// Whether a client of `dialect` gets the header `name` (lower case) of an answer.
pub(crate) fn passes(dialect: Dialect, name: &str) -> bool {
    if is_of_any(name) {
        return true;
    }
    let is_of_dialect = match dialect {
        Dialect::Anthropic => name.starts_with(ANTHROPIC),
        Dialect::OpenAi => name.starts_with(OPENAI) || is_of_relatives(name),
        Dialect::Generic => {
            name.starts_with(ANTHROPIC)
                || name.starts_with(OPENAI)
                || is_of_relatives(name)
                || is_of_others(name)
        }
    };
    is_of_dialect
        && !BUDGETS.iter().any(|family| name.starts_with(family))
        && !is_credential_header(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECTS: [Dialect; 3] = [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic];

    #[test]
    fn what_is_the_pools_own_does_not_pass_in_any_dialect() {
        for name in [
            "access-control-allow-origin",
            "alt-svc",
            "anthropic-fast-input-tokens-remaining",
            "anthropic-organization-id",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-workspace-id",
            "api-key",
            "authorization",
            "content-location",
            "content-security-policy",
            "link",
            "llm_provider-request-id",
            "llm_provider-x-ratelimit-remaining-requests",
            "location",
            "nel",
            "openai-organization",
            "openai-project",
            "openai-project-id",
            "ratelimit",
            "refresh",
            "report-to",
            "server",
            "set-cookie",
            "strict-transport-security",
            "via",
            "www-authenticate",
            "x-api-key",
            "x-goog-api-key",
            "x-goog-upload-url",
            "x-litellm-model-api-base",
            "x-litellm-key-spend",
            "x-ms-ratelimit-remaining-requests",
            "x-powered-by",
            "x-ratelimit-remaining-tokens",
            "x-unknown",
        ] {
            for dialect in DIALECTS {
                assert!(!passes(dialect, name), "{dialect:?} {name}");
            }
        }
    }

    #[test]
    fn a_dialects_own_headers_pass_to_its_clients() {
        use Dialect::*;
        for (dialect, name, expected) in [
            (Anthropic, "content-type", true),
            (Anthropic, "request-id", true),
            (Anthropic, "anthropic-version", true),
            (Anthropic, "anthropic-feature-of-2027", true),
            (Anthropic, "openai-processing-ms", false),
            (OpenAi, "x-request-id", true),
            (OpenAi, "openai-processing-ms", true),
            (OpenAi, "apim-request-id", true),
            (OpenAi, "anthropic-version", false),
            (OpenAi, "x-amzn-requestid", false),
            (Generic, "x-amzn-requestid", true),
            (Generic, "openai-version", true),
        ] {
            assert_eq!(passes(dialect, name), expected, "{dialect:?} {name}");
        }
    }

    #[test]
    fn operators_are_told_of_every_header_that_passes() {
        let told = include_str!("../../../../docs/HEADERS.md");
        let part = |title: &str| -> Vec<&str> {
            let (_, rest) = told.split_once(title).unwrap_or_else(|| panic!("{title}"));
            let line = rest.lines().find(|line| line.starts_with('`'));
            let line = line.unwrap_or_else(|| panic!("{title}"));
            line.split(", ")
                .map(|name| name.trim_matches('`'))
                .collect()
        };
        assert_eq!(part("### Of any provider"), OF_ANY);
        assert_eq!(part("### Of OpenAI's relatives"), OF_RELATIVES);
        assert_eq!(part("### Of other APIs"), OF_OTHERS);
        for family in [ANTHROPIC, OPENAI].iter().chain(&BUDGETS) {
            assert!(told.contains(&format!("`{family}*`")), "{family}");
        }
    }
}
