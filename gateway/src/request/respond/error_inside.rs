//! An error that came where an answer belongs, as the error answer that it should have been.

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderValue};
use keyweir_policy::wire::refusal::ErrorAnswer;

use super::head::head;
use super::piece::{begin, write};
use crate::request::answer::Answer;
use crate::request::exchange::Exchange;
use crate::request::record::Event;
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

/// Gives the client the `error` that came inside `answer`.
pub(super) async fn deliver(
    exchange: &mut Exchange<'_>,
    answer: Answer,
    error: ErrorAnswer,
) -> Result<bool, Stop> {
    let mut head = head(exchange, &answer);
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_GATEWAY);
    head.status = status;
    head.headers.remove(header::CONTENT_ENCODING);
    let length = HeaderValue::from(error.body.len());
    head.headers.insert(header::CONTENT_LENGTH, length);
    let json = HeaderValue::from_static("application/json");
    head.headers.insert(header::CONTENT_TYPE, json);
    answer.discard().await;
    begin(exchange, head).await?;
    write(exchange, Bytes::from(error.body), true).await?;
    exchange.record.on(Event::Ended {
        outcome: Outcome::PassedThrough,
        status: status.as_u16(),
    });
    Ok(true)
}
