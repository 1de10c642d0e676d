//! The head of a provider's answer as the client gets it, with what the gateway has to say.

use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode};

use crate::headers::{self, AnswerHead};
use crate::request::answer::Answer;
use crate::request::exchange::Exchange;

/// The head of `answer`.
pub(super) fn head(exchange: &Exchange<'_>, answer: &Answer) -> AnswerHead {
    let (response, dialect) = (answer.response(), exchange.facts.dialect);
    let bounds = exchange.record.bounds();
    let mut headers = headers::incoming(bounds, &response.headers, dialect, &answer.traces);
    if answer.is_decoded() {
        // It came in a coding that nobody had asked for, and goes on in plain, which all read.
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
    }
    if let Some(content_type) = answer.content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    tell(exchange, &mut headers);
    if let Some(origin) = exchange.record.cors() {
        headers::cors::allow(&mut headers, origin.clone());
    }
    AnswerHead {
        status: response.status,
        headers,
    }
}

/// Adds what the gateway has to say of the request.
fn tell(exchange: &Exchange<'_>, headers: &mut HeaderMap) {
    let plan = &exchange.plan;
    let progress = plan.progress();
    headers.insert(headers::REQUEST_ID, exchange.record.id().header_value());
    headers.insert(headers::ATTEMPTS, HeaderValue::from(progress.attempts));
    if progress.fell_back
        && let Ok(served_by) =
            HeaderValue::from_str(&format!("{}/{}", exchange.provider().id, plan.model()))
    {
        headers.insert(headers::SERVED_BY, served_by);
    }
    let waited = exchange.record.limit_waited() + plan.waited();
    if !waited.is_zero() {
        let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        headers.insert(headers::WAITED_MS, HeaderValue::from(waited));
    }
}

/// Has a body of unknown length sent in chunks, so that its end can be told from a broken one.
pub(super) fn chunk(exchange: &Exchange<'_>, head: &mut AnswerHead) {
    let has_body = exchange.facts.method != Method::HEAD
        && !matches!(
            head.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    let has_length = head.headers.contains_key(header::CONTENT_LENGTH);
    if has_body && !has_length && exchange.client.knows_chunks() {
        let chunked = HeaderValue::from_static("chunked");
        head.headers.insert(header::TRANSFER_ENCODING, chunked);
    }
}
