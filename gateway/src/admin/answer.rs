//! Answers to operators.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::telemetry::escape::{beginning, seen_json};

/// How long an operator's end may take nothing of an answer.
pub(super) const WRITE: Duration = Duration::from_secs(10);

/// How much of an id that is none is told, in bytes.
const ID_TOLD: usize = 100;

/// Of an id that is none, what is told of it.
pub(super) fn told(id: &str) -> &str {
    beginning(id, ID_TOLD)
}

/// A line of text.
pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Response<Vec<u8>> {
    let body = body.into().into_bytes();
    answer(status, "text/plain; charset=utf-8", body)
}

/// What is asked for lies in a ledger, and this gateway keeps none.
pub(super) fn no_ledger() -> Response<Vec<u8>> {
    let why = "this gateway has no ledger: start it with --state DIR\n";
    text(StatusCode::NOT_FOUND, why)
}

/// A JSON document.
pub(super) fn json(status: StatusCode, body: &Value) -> Response<Vec<u8>> {
    let body = seen_json(format!("{body:#}\n")).into_bytes();
    answer(status, "application/json", body)
}

/// A page, which nobody is to keep.
pub(super) fn answer(status: StatusCode, media: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    *response.body_mut() = body;
    response
}
