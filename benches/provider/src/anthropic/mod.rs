//! Anthropic's API.

pub(crate) mod errors;
pub(crate) mod events;
pub(crate) mod headers;
pub(crate) mod messages;

use bytes::Bytes;
use http::Method;

use crate::body::Outcome;
use crate::exchange::Exchange;

/// Answers a request to one of Anthropic's paths.
pub(crate) async fn answer(exchange: Exchange, body: Bytes) -> Outcome {
    let path = exchange.path.clone();
    match path.as_str() {
        "/v1/messages" if exchange.is(&Method::POST) => messages::create(exchange, &body).await,
        "/v1/messages/count_tokens" if exchange.is(&Method::POST) => {
            messages::count(exchange, &body).await
        }
        _ => {
            let problem = errors::not_found("Not Found");
            exchange.problem(&problem, None)
        }
    }
}
