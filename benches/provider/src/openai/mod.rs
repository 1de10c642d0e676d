//! OpenAI's API.

pub(crate) mod errors;
pub(crate) mod headers;

use bytes::Bytes;

use crate::body::Outcome;
use crate::exchange::Exchange;

/// Answers a request to one of OpenAI's paths.
pub(crate) async fn answer(exchange: Exchange, body: Bytes) -> Outcome {
    let _ = body;
    let problem = errors::not_found("Invalid URL");
    exchange.problem(&problem, None)
}
