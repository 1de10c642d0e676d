//! The paths of the OpenAI API and its relatives.
//!
//! The table names paths without a version: OpenAI's own begin with `/v1`, Azure's with
//! `/openai/deployments/{deployment}` or `/openai/v1`, and some relatives' with nothing, because
//! their version is part of the base URL.

use crate::route::row::{Row, find};
use crate::route::served::{Route, RouteError};
use keyweir_terms::endpoint::Endpoint;

const ROWS: &[Row] = &[
    Row::new("/chat/completions", "GET, POST", Endpoint::Inference).model(),
    Row::new("/responses", "POST", Endpoint::Inference)
        .model()
        .creates(),
    Row::new("/embeddings", "POST", Endpoint::Inference).model(),
    Row::new("/completions", "POST", Endpoint::Inference).model(),
    Row::new(
        "/chat/completions/{id}",
        "GET, POST, DELETE",
        Endpoint::Other,
    ),
    Row::new("/chat/completions/{id}/messages", "GET", Endpoint::Other),
    Row::new("/responses/input_tokens", "POST", Endpoint::CountTokens).model(),
    Row::new("/responses/compact", "POST", Endpoint::Inference).model(),
    Row::new("/responses/{id}", "GET, DELETE", Endpoint::Other),
    Row::new("/responses/{id}/cancel", "POST", Endpoint::Other),
    Row::new("/responses/{id}/input_items", "GET", Endpoint::Other),
    Row::new("/models", "GET", Endpoint::Models),
    Row::new("/models/**", "GET", Endpoint::Models),
    Row::new("/moderations", "POST", Endpoint::Inference).json(),
    Row::new("/images/generations", "POST", Endpoint::Inference).json(),
    Row::new("/images/{}", "POST", Endpoint::Inference),
    Row::new("/audio/speech", "POST", Endpoint::Inference).model(),
    Row::new("/audio/{}", "POST", Endpoint::Inference),
    Row::new("/files", "GET, POST", Endpoint::Files).creates(),
    Row::new("/files/{id}", "GET, DELETE", Endpoint::Files),
    Row::new("/files/{id}/content", "GET", Endpoint::Files),
    Row::new("/uploads", "POST", Endpoint::Files)
        .json()
        .creates(),
    Row::new("/uploads/{id}/{}", "POST", Endpoint::Files).creates(),
    Row::new("/batches", "GET, POST", Endpoint::Batches)
        .json()
        .creates(),
    Row::new("/batches/{id}", "GET", Endpoint::Batches),
    Row::new("/batches/{id}/cancel", "POST", Endpoint::Batches),
    Row::new("/vector_stores", "GET, POST", Endpoint::Other)
        .json()
        .creates(),
    Row::new(
        "/vector_stores/{id}/**",
        "GET, POST, DELETE",
        Endpoint::Other,
    )
    .json(),
    Row::new("/conversations", "POST", Endpoint::Other)
        .json()
        .creates(),
    Row::new(
        "/conversations/{id}/**",
        "GET, POST, DELETE",
        Endpoint::Other,
    )
    .json(),
    Row::new("/containers", "GET, POST", Endpoint::Other)
        .json()
        .creates(),
    Row::new("/containers/{id}/**", "GET, POST, DELETE", Endpoint::Other),
];

/// What Azure serves per deployment; the deployment takes the model's place.
const DEPLOYMENT_ROWS: &[Row] = &[
    Row::new(
        "/deployments/{model}/chat/completions",
        "POST",
        Endpoint::Inference,
    )
    .model(),
    Row::new(
        "/deployments/{model}/completions",
        "POST",
        Endpoint::Inference,
    )
    .model(),
    Row::new(
        "/deployments/{model}/embeddings",
        "POST",
        Endpoint::Inference,
    )
    .model(),
    Row::new(
        "/deployments/{model}/responses",
        "POST",
        Endpoint::Inference,
    )
    .model()
    .creates(),
    Row::new(
        "/deployments/{model}/images/generations",
        "POST",
        Endpoint::Inference,
    )
    .json(),
    Row::new(
        "/deployments/{model}/images/{}",
        "POST",
        Endpoint::Inference,
    ),
    Row::new(
        "/deployments/{model}/audio/speech",
        "POST",
        Endpoint::Inference,
    )
    .model(),
    Row::new("/deployments/{model}/audio/{}", "POST", Endpoint::Inference),
];

pub(super) fn route<'a>(method: &str, path: &'a str) -> Result<Route<'a>, RouteError> {
    let versioned = strip_segment(path, "/openai");
    let bare = strip_segment(versioned, "/v1");
    if bare.starts_with("/deployments/") {
        return find(DEPLOYMENT_ROWS, method, versioned);
    }
    // A GET of the root of chat completions lists stored ones; it produces nothing.
    let listed = |route: Route<'a>| match route.endpoint {
        Endpoint::Inference if method != "POST" => Route {
            endpoint: Endpoint::Other,
            is_list: method == "GET",
            ..route
        },
        _ => route,
    };
    find(ROWS, method, bare)
        .map(listed)
        .map_err(|error| match error {
            RouteError::NotServed if is_administration(bare) => RouteError::Forbidden,
            other => other,
        })
}

/// `path` without its first segment, if that is `segment` (with its slash) and more follows.
fn strip_segment<'a>(path: &'a str, segment: &str) -> &'a str {
    path.strip_prefix(segment)
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or(path)
}

fn is_administration(path: &str) -> bool {
    let first = path.split('/').nth(1);
    matches!(
        first,
        Some("organization" | "organizations" | "admin" | "dashboard" | "projects" | "oauth")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(method: &str, path: &str) -> bool {
        let lists = [
            "/files",
            "/batches",
            "/vector_stores",
            "/containers",
            "/chat/completions",
        ];
        method == "GET" && lists.iter().any(|list| path.ends_with(list))
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn serves_its_paths_with_and_without_version() {
        use Endpoint::*;
        // method, path, endpoint, resource, creates, model body, JSON body
        let table = [
            (
                "POST",
                "/chat/completions",
                Inference,
                None,
                false,
                true,
                true,
            ),
            ("GET", "/chat/completions", Other, None, false, false, false),
            (
                "GET",
                "/chat/completions/c1",
                Other,
                Some("c1"),
                false,
                false,
                false,
            ),
            (
                "DELETE",
                "/chat/completions/c1",
                Other,
                Some("c1"),
                false,
                false,
                false,
            ),
            ("POST", "/completions", Inference, None, false, true, true),
            ("POST", "/responses", Inference, None, true, true, true),
            (
                "GET",
                "/responses/r1",
                Other,
                Some("r1"),
                false,
                false,
                false,
            ),
            (
                "POST",
                "/responses/r1/cancel",
                Other,
                Some("r1"),
                false,
                false,
                false,
            ),
            (
                "GET",
                "/responses/r1/input_items",
                Other,
                Some("r1"),
                false,
                false,
                false,
            ),
            (
                "POST",
                "/responses/input_tokens",
                CountTokens,
                None,
                false,
                true,
                true,
            ),
            ("POST", "/embeddings", Inference, None, false, true, true),
            ("POST", "/moderations", Inference, None, false, false, true),
            (
                "POST",
                "/images/generations",
                Inference,
                None,
                false,
                false,
                true,
            ),
            (
                "POST",
                "/images/edits",
                Inference,
                None,
                false,
                false,
                false,
            ),
            ("POST", "/audio/speech", Inference, None, false, true, true),
            (
                "POST",
                "/audio/transcriptions",
                Inference,
                None,
                false,
                false,
                false,
            ),
            ("GET", "/models", Models, None, false, false, false),
            (
                "GET",
                "/models/meta/llama",
                Models,
                None,
                false,
                false,
                false,
            ),
            ("POST", "/files", Files, None, true, false, false),
            (
                "GET",
                "/files/f1/content",
                Files,
                Some("f1"),
                false,
                false,
                false,
            ),
            ("POST", "/batches", Batches, None, true, false, true),
            (
                "GET",
                "/batches/b1",
                Batches,
                Some("b1"),
                false,
                false,
                false,
            ),
            (
                "POST",
                "/batches/b1/cancel",
                Batches,
                Some("b1"),
                false,
                false,
                false,
            ),
            ("POST", "/vector_stores", Other, None, true, false, true),
            (
                "DELETE",
                "/vector_stores/v1/files/f1",
                Other,
                Some("v1"),
                false,
                false,
                false,
            ),
            ("POST", "/conversations", Other, None, true, false, true),
            (
                "POST",
                "/conversations/c1/items",
                Other,
                Some("c1"),
                false,
                false,
                true,
            ),
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
            for prefix in ["", "/v1", "/openai/v1"] {
                let path = format!("{prefix}{path}");
                assert_eq!(route(method, &path), Ok(expected), "{method} {path}");
            }
        }
    }

    #[test]
    fn azure_names_the_model_in_the_path() {
        for path in [
            "/openai/deployments/my-gpt/chat/completions",
            "/deployments/my-gpt/chat/completions",
        ] {
            let found = route("POST", path).unwrap();
            assert_eq!(found.model, Some("my-gpt"));
            assert!(found.has_json_body && !found.has_model_body);
        }
        assert_eq!(
            route("POST", "/openai/deployments/my-gpt/secrets"),
            Err(RouteError::NotServed)
        );
    }

    #[test]
    fn refuses_administration_and_the_unknown() {
        for path in [
            "/v1/organization/costs",
            "/v1/organization/admin_api_keys",
            "/v1/organizations",
            "/v1/admin",
            "/v1/projects/p1/api_keys",
            "/dashboard/billing/usage",
            "/openai/v1/organization/users",
        ] {
            assert_eq!(route("GET", path), Err(RouteError::Forbidden), "{path}");
        }
        for path in [
            "/",
            "/v1",
            "/v1/v1/models",
            "/v1/realtime",
            "/v1/messages",
            "/openai",
        ] {
            assert_eq!(route("GET", path), Err(RouteError::NotServed), "{path}");
        }
        assert_eq!(
            route("DELETE", "/v1/models/gpt-4o"),
            Err(RouteError::MethodNotAllowed { allow: "GET" })
        );
    }
}
