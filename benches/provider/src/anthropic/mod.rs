//! Anthropic's API.

mod batches;
pub(crate) mod errors;
mod events;
mod files;
pub(crate) mod headers;
mod messages;
mod models;

use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::exchange::Exchange;
use crate::problem::Problem;

/// Answers a request to one of Anthropic's paths.
pub(crate) async fn answer(exchange: Exchange, body: Bytes) -> Outcome {
    let path = exchange.path.clone();
    if let Some(rest) = below(&path, "/v1/messages/batches") {
        return batches::answer(exchange, rest, body).await;
    }
    if let Some(rest) = below(&path, "/v1/files") {
        return files::answer(exchange, rest, body).await;
    }
    if let Some(rest) = below(&path, "/v1/models") {
        return models::answer(exchange, rest).await;
    }
    match (path.as_str(), exchange.is(&Method::POST)) {
        ("/v1/messages", true) => messages::create(exchange, body).await,
        ("/v1/messages/count_tokens", true) => messages::count(exchange, &body).await,
        ("/v1/messages" | "/v1/messages/count_tokens", false) => {
            let problem = Problem::new(405, "invalid_request_error", "Method Not Allowed");
            exchange.problem(&problem, None)
        }
        // What coding agents ask to see whether anybody is there.
        ("/api/hello", false) => match exchange.pass(Purpose::Free, "", Charge::default()).await {
            Ok(passed) => passed.json(json!({ "message": "hello" }).to_string()),
            Err(outcome) => outcome,
        },
        _ => {
            let problem = errors::not_found("Not Found");
            exchange.problem(&problem, None)
        }
    }
}

/// What follows `root` in a path at or below it.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(root)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
