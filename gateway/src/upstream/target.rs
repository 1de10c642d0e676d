//! Where a path is at a provider: behind the path of its base URL, with one version in all.
//!
//! Clients of the openai dialect bring `/v1`; providers document base URLs that end in a version of
//! their own, or have one in the middle (`/v1beta/openai`, `/api/paas/v4`), and mean it in the place
//! of the client's. Clients of the anthropic dialect bring `/v1` too, and its providers document base
//! URLs without; there, and at other APIs, only the same version is not said twice.

use keyweir_policy::terms::dialect::Dialect;

/// The part of `path` that stands behind the base URL's path, `prefix`.
pub(super) fn behind<'a>(dialect: Dialect, prefix: &str, path: &'a str) -> &'a str {
    if prefix.is_empty() {
        return path;
    }
    let first = path.get(1..).unwrap_or_default().split('/').next();
    let first = first.unwrap_or_default();
    let rest = &path[path.len().min(1 + first.len())..];
    let replaces = match dialect {
        Dialect::OpenAi => first == "v1" && prefix.split('/').any(is_version),
        Dialect::Anthropic | Dialect::Generic => false,
    };
    let doubled = is_version(first) && prefix.rsplit('/').next() == Some(first);
    if replaces || doubled { rest } else { path }
}

/// `v1`, `v4`, `v1beta`.
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else {
        return false;
    };
    let kind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() > kind.len() && matches!(kind, "" | "alpha" | "beta")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_urls_version_stands_in_the_place_of_the_clients() {
        use Dialect::{Anthropic, Generic, OpenAi};
        const CHAT: &str = "/v1/chat/completions";
        const BARE: &str = "/chat/completions";
        for (dialect, prefix, path, expected) in [
            (OpenAi, "", CHAT, CHAT),
            (OpenAi, "/v1", CHAT, BARE),
            (OpenAi, "/api/v1", CHAT, BARE),
            (OpenAi, "/v1beta/openai", CHAT, BARE),
            (OpenAi, "/api/paas/v4", CHAT, BARE),
            (OpenAi, "/api/v3", CHAT, BARE),
            (OpenAi, "/proxy/openai", CHAT, CHAT),
            (OpenAi, "/vendor", CHAT, CHAT),
            (OpenAi, "/v1", "/v1", ""),
            (OpenAi, "/v1", "/v10/x", "/v10/x"),
            (Anthropic, "/v1", "/v1/messages", "/messages"),
            (Anthropic, "/v2/claude", "/v1/messages", "/v1/messages"),
            (Generic, "/v1beta", "/v1beta/models", "/models"),
            (Generic, "/v1beta", "/v1/models", "/v1/models"),
            (Generic, "/v1", "", ""),
        ] {
            assert_eq!(behind(dialect, prefix, path), expected, "{prefix} {path}");
        }
    }
}
