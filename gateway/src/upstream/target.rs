//! Where a path is at a provider: behind the path of its base URL, with one version in all.
//!
//! Clients of the openai dialect bring `/v1`; providers document base URLs that end in a version of
//! their own, or have one in the middle (`/v1beta/openai`, `/api/paas/v4`), and mean it in the place
//! of the client's. Clients of the anthropic dialect bring `/v1` too, and its providers document base
//! URLs without; there, and at other APIs, only the same version is not said twice.
//!
//! Clients that come from gateways that serve OpenAI's API at their root, too, bring no version; a provider
//! whose base URL has no path wants one all the same.

use keyweir_policy::terms::dialect::Dialect;

/// The version that OpenAI's clients bring.
const VERSION: &str = "/v1";
/// Azure's paths begin with one of these, and have their version in the query.
const AZURE: [&str; 2] = ["openai", "deployments"];

/// What `path` is asked for by at a provider with the base URL's path `prefix`, in two parts.
pub(super) fn at<'a>(dialect: Dialect, prefix: &'a str, path: &'a str) -> (&'a str, &'a str) {
    let first = first_segment(path);
    let is_bare = !first.is_empty() && !is_version(first) && !AZURE.contains(&first);
    match dialect {
        Dialect::OpenAi if prefix.is_empty() && is_bare => (VERSION, path),
        _ => (prefix, behind(dialect, prefix, path)),
    }
}

/// The part of `path` that stands behind the base URL's path, `prefix`.
fn behind<'a>(dialect: Dialect, prefix: &str, path: &'a str) -> &'a str {
    if prefix.is_empty() {
        return path;
    }
    let first = first_segment(path);
    let rest = &path[path.len().min(1 + first.len())..];
    let replaces = match dialect {
        Dialect::OpenAi => first == "v1" && prefix.split('/').any(is_version),
        Dialect::Anthropic | Dialect::Generic => false,
    };
    let doubled = is_version(first) && prefix.rsplit('/').next() == Some(first);
    if replaces || doubled { rest } else { path }
}

fn first_segment(path: &str) -> &str {
    let first = path.get(1..).unwrap_or_default().split('/').next();
    first.unwrap_or_default()
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
            (OpenAi, "", BARE, CHAT),
            (OpenAi, "", "/openai/v1/models", "/openai/v1/models"),
            (
                OpenAi,
                "",
                "/deployments/m/embeddings",
                "/deployments/m/embeddings",
            ),
            (OpenAi, "/v1", CHAT, CHAT),
            (OpenAi, "/v1", BARE, CHAT),
            (OpenAi, "/api/v1", CHAT, "/api/v1/chat/completions"),
            (
                OpenAi,
                "/v1beta/openai",
                CHAT,
                "/v1beta/openai/chat/completions",
            ),
            (
                OpenAi,
                "/api/paas/v4",
                CHAT,
                "/api/paas/v4/chat/completions",
            ),
            (OpenAi, "/api/v3", CHAT, "/api/v3/chat/completions"),
            (
                OpenAi,
                "/proxy/openai",
                CHAT,
                "/proxy/openai/v1/chat/completions",
            ),
            (OpenAi, "/vendor", CHAT, "/vendor/v1/chat/completions"),
            (OpenAi, "/vendor", BARE, "/vendor/chat/completions"),
            (OpenAi, "/v1", "/v1", "/v1"),
            (OpenAi, "/v1", "/v10/x", "/v1/v10/x"),
            (Anthropic, "", "/messages", "/messages"),
            (Anthropic, "/v1", "/v1/messages", "/v1/messages"),
            (
                Anthropic,
                "/v2/claude",
                "/v1/messages",
                "/v2/claude/v1/messages",
            ),
            (Generic, "", "/chat", "/chat"),
            (Generic, "/v1beta", "/v1beta/models", "/v1beta/models"),
            (Generic, "/v1beta", "/v1/models", "/v1beta/v1/models"),
            (Generic, "/v1", "", "/v1"),
        ] {
            let (before, behind) = at(dialect, prefix, path);
            assert_eq!(format!("{before}{behind}"), expected, "{prefix} {path}");
        }
    }
}
