//! Where a provider's list of models is.
//!
//! Sources: <https://platform.openai.com/docs/api-reference/models/list>,
//! <https://docs.anthropic.com/en/api/models-list> (pages of at most 1,000),
//! <https://ai.google.dev/api/models>.

use keyweir_terms::dialect::Dialect;

/// The path and the query to ask a provider of `dialect` for its models. `base_path`: the path of its
/// base URL, which comes before.
pub fn models_target(dialect: Dialect, base_path: &str) -> (&'static str, Option<&'static str>) {
    match dialect {
        Dialect::Anthropic => ("/v1/models", Some("limit=1000")),
        Dialect::OpenAi => ("/v1/models", None),
        // APIs that are none of these differ in where their version stands; base URLs that are meant
        // to be used have it.
        Dialect::Generic if base_path.split('/').any(is_version) => ("/models", None),
        Dialect::Generic => ("/v1/models", None),
    }
}

fn is_version(segment: &str) -> bool {
    let rest = segment.strip_prefix('v');
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_in_the_base_url_is_not_said_twice() {
        let at = |dialect, base| models_target(dialect, base).0;
        assert_eq!(at(Dialect::Generic, "/v1beta"), "/models");
        assert_eq!(at(Dialect::Generic, "/api/v4/x"), "/models");
        assert_eq!(at(Dialect::Generic, ""), "/v1/models");
        assert_eq!(at(Dialect::Generic, "/vendor"), "/v1/models");
    }
}
