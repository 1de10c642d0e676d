//! The paths of the Anthropic API.

use crate::route::row::{Row, find};
use crate::route::served::{Route, RouteError};
use keyweir_terms::endpoint::Endpoint;

const ROWS: &[Row] = &[
    Row::new("/v1/messages", "POST", Endpoint::Inference).model(),
    Row::new("/v1/messages/count_tokens", "POST", Endpoint::CountTokens).model(),
    Row::new("/v1/messages/batches", "GET, POST", Endpoint::Batches)
        .json()
        .creates(),
    Row::new(
        "/v1/messages/batches/{id}",
        "GET, DELETE",
        Endpoint::Batches,
    ),
    Row::new(
        "/v1/messages/batches/{id}/cancel",
        "POST",
        Endpoint::Batches,
    ),
    Row::new(
        "/v1/messages/batches/{id}/results",
        "GET",
        Endpoint::Batches,
    ),
    Row::new("/v1/models", "GET", Endpoint::Models),
    Row::new("/v1/models/{}", "GET", Endpoint::Models),
    Row::new("/v1/files", "GET, POST", Endpoint::Files).creates(),
    Row::new("/v1/files/{id}", "GET, DELETE", Endpoint::Files),
    Row::new("/v1/files/{id}/content", "GET", Endpoint::Files),
    Row::new("/v1/skills", "GET, POST", Endpoint::Other).creates(),
    Row::new("/v1/skills/{id}/**", "GET, POST, DELETE", Endpoint::Other),
    Row::new("/v1/complete", "POST", Endpoint::Inference).model(),
    Row::new("/api/hello", "GET, HEAD", Endpoint::Probe),
];

pub(super) fn route<'a>(method: &str, path: &'a str) -> Result<Route<'a>, RouteError> {
    find(ROWS, method, path).map_err(|error| match error {
        RouteError::NotServed if is_administration(path) => RouteError::Forbidden,
        other => other,
    })
}

fn is_administration(path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    let first = segments.next();
    matches!(first, Some("v1" | "api"))
        && matches!(segments.next(), Some("organizations" | "oauth" | "admin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(method: &str, path: &str) -> bool {
        let lists = ["/v1/messages/batches", "/v1/files", "/v1/skills"];
        method == "GET" && lists.contains(&path)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn serves_its_paths() {
        use Endpoint::*;
        // method, path, endpoint, resource, creates, model body, JSON body
        let table = [
            ("POST", "/v1/messages", Inference, None, false, true, true),
            (
                "POST",
                "/v1/messages/count_tokens",
                CountTokens,
                None,
                false,
                true,
                true,
            ),
            (
                "POST",
                "/v1/messages/batches",
                Batches,
                None,
                true,
                false,
                true,
            ),
            (
                "GET",
                "/v1/messages/batches",
                Batches,
                None,
                false,
                false,
                false,
            ),
            (
                "GET",
                "/v1/messages/batches/b1",
                Batches,
                Some("b1"),
                false,
                false,
                false,
            ),
            (
                "DELETE",
                "/v1/messages/batches/b1",
                Batches,
                Some("b1"),
                false,
                false,
                false,
            ),
            (
                "POST",
                "/v1/messages/batches/b1/cancel",
                Batches,
                Some("b1"),
                false,
                false,
                false,
            ),
            (
                "GET",
                "/v1/messages/batches/b1/results",
                Batches,
                Some("b1"),
                false,
                false,
                false,
            ),
            ("GET", "/v1/models", Models, None, false, false, false),
            (
                "GET",
                "/v1/models/claude-opus-4-1",
                Models,
                None,
                false,
                false,
                false,
            ),
            ("POST", "/v1/files", Files, None, true, false, false),
            ("GET", "/v1/files", Files, None, false, false, false),
            (
                "GET",
                "/v1/files/f1",
                Files,
                Some("f1"),
                false,
                false,
                false,
            ),
            (
                "DELETE",
                "/v1/files/f1",
                Files,
                Some("f1"),
                false,
                false,
                false,
            ),
            (
                "GET",
                "/v1/files/f1/content",
                Files,
                Some("f1"),
                false,
                false,
                false,
            ),
            ("POST", "/v1/skills", Other, None, true, false, false),
            (
                "POST",
                "/v1/skills/s1/versions",
                Other,
                Some("s1"),
                false,
                false,
                false,
            ),
            (
                "DELETE",
                "/v1/skills/s1/versions/3",
                Other,
                Some("s1"),
                false,
                false,
                false,
            ),
            ("POST", "/v1/complete", Inference, None, false, true, true),
            ("HEAD", "/api/hello", Probe, None, false, false, false),
            ("GET", "/api/hello", Probe, None, false, false, false),
        ];
        for (method, path, endpoint, resource, creates, model, json) in table {
            let expected = Route {
                endpoint,
                resource,
                is_list: lists(method, path),
                creates_resource: creates,
                has_model_body: model,
                has_json_body: json,
                model: None,
            };
            assert_eq!(route(method, path), Ok(expected), "{method} {path}");
        }
    }

    #[test]
    fn refuses_administration_and_the_unknown() {
        for path in [
            "/v1/organizations/me",
            "/v1/organizations/api_keys",
            "/v1/organizations",
            "/v1/oauth/token",
            "/api/oauth/claude_cli/create_api_key",
        ] {
            for method in ["GET", "POST", "DELETE"] {
                assert_eq!(route(method, path), Err(RouteError::Forbidden), "{path}");
            }
        }
        for path in [
            "/",
            "/v1",
            "/v2/messages",
            "/v1/chat/completions",
            "/metrics",
        ] {
            assert_eq!(route("POST", path), Err(RouteError::NotServed), "{path}");
        }
        assert_eq!(
            route("GET", "/v1/messages"),
            Err(RouteError::MethodNotAllowed { allow: "POST" })
        );
    }
}
