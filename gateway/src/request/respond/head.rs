//! The head of a provider's answer as the client gets it, with what the gateway has to say.

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use pingora_http::ResponseHeader;

use crate::headers;
use crate::request::answer::Answer;
use crate::request::exchange::Exchange;

/// The head of `answer`.
pub(super) fn head(exchange: &Exchange<'_>, answer: &Answer) -> ResponseHeader {
    let dialect = exchange.facts.dialect;
    let mut head = headers::incoming(answer.response(), dialect, &answer.traces);
    if answer.is_decoded() {
        // It came in a coding that nobody had asked for, and goes on in plain, which all read.
        head.remove_header(&header::CONTENT_ENCODING);
        head.remove_header(&header::CONTENT_LENGTH);
    }
    if let Some(content_type) = answer.content_type {
        set(
            &mut head,
            header::CONTENT_TYPE,
            HeaderValue::from_static(content_type),
        );
    }
    let plan = &exchange.plan;
    let progress = plan.progress();
    set(
        &mut head,
        headers::REQUEST_ID,
        exchange.record.id().header_value(),
    );
    set(
        &mut head,
        headers::ATTEMPTS,
        HeaderValue::from(progress.attempts),
    );
    if progress.fell_back
        && let Ok(served_by) =
            HeaderValue::from_str(&format!("{}/{}", exchange.provider().id, plan.model()))
    {
        set(&mut head, headers::SERVED_BY, served_by);
    }
    if !plan.waited().is_zero() {
        let waited = u64::try_from(plan.waited().as_millis()).unwrap_or(u64::MAX);
        set(&mut head, headers::WAITED_MS, HeaderValue::from(waited));
    }
    for (name, value) in exchange.record.bounds() {
        set(&mut head, name, value);
    }
    if let Some(origin) = exchange.record.cors() {
        let (status, mut parts) = (head.status, head.headers.clone());
        headers::cors::allow(&mut parts, origin.clone());
        head = rebuilt(status, parts);
    }
    head
}

fn rebuilt(status: StatusCode, headers: http::HeaderMap) -> ResponseHeader {
    let mut answer = http::Response::new(());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    ResponseHeader::from(answer.into_parts().0)
}

/// Has a body of unknown length sent in chunks, so that its end can be told from a broken one.
pub(super) fn chunk(exchange: &Exchange<'_>, head: &mut ResponseHeader, answer: &Answer) {
    let has_body = exchange.facts.method != Method::HEAD
        && !matches!(
            answer.response().status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    let has_length = head.headers.contains_key(header::CONTENT_LENGTH);
    if has_body && !has_length && exchange.client.knows_chunks() {
        set(
            head,
            header::TRANSFER_ENCODING,
            HeaderValue::from_static("chunked"),
        );
    }
}

pub(super) fn set(head: &mut ResponseHeader, name: HeaderName, value: HeaderValue) {
    // Cannot fail: both are valid already.
    let _ = head.insert_header(name, value);
}
