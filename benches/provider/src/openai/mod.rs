//! OpenAI's API.

mod batches;
mod chat;
mod chat_events;
mod embeddings;
pub(crate) mod errors;
mod files;
pub(crate) mod headers;
mod models;
mod read;
mod response_events;
mod responses;

use bytes::Bytes;
use http::Method;

use crate::body::Outcome;
use crate::exchange::Exchange;
use crate::problem::Problem;

/// Answers a request to one of OpenAI's paths.
pub(crate) async fn answer(exchange: Exchange, body: Bytes) -> Outcome {
    let path = exchange.path.clone();
    if let Some(rest) = below(&path, "/v1/responses") {
        return responses::answer(exchange, rest, body).await;
    }
    if let Some(rest) = below(&path, "/v1/files") {
        return files::answer(exchange, rest, body).await;
    }
    if let Some(rest) = below(&path, "/v1/batches") {
        return batches::answer(exchange, rest, body).await;
    }
    if let Some(rest) = below(&path, "/v1/models") {
        return models::answer(exchange, rest).await;
    }
    match (path.as_str(), exchange.is(&Method::POST)) {
        ("/v1/chat/completions", true) => chat::create(exchange, body).await,
        ("/v1/embeddings", true) => embeddings::create(exchange, &body).await,
        ("/v1/chat/completions" | "/v1/embeddings", false) => {
            let problem = Problem::new(405, "invalid_request_error", "Not allowed to do that.")
                .code("method_not_supported");
            exchange.problem(&problem, None)
        }
        _ => {
            let method = exchange.head.method.clone();
            let problem = errors::not_found(format!("Invalid URL ({method} {path})"));
            exchange.problem(&problem, None)
        }
    }
}

/// What follows `root` in a path at or below it.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(root)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
