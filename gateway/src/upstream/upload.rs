//! Sends a request, and notices an answer that comes before its end.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use pingora_core::protocols::http::v1::client::HttpSession as Http1;
use pingora_core::protocols::http::v2;
use pingora_core::protocols::http::v2::client::Http2Session as Http2;
use pingora_core::{BError, ErrorType};
use pingora_http::RequestHeader;

use super::informational::{read_head_http1, read_head_http2};

/// How much of a body is written before looking whether the answer is already there: a provider
/// that refuses a large request says so long before it has read it.
const SLICE: usize = 64 * 1024;

/// How long an answer may take that was sent before the provider stopped reading.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How far an upload came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uploaded {
    /// To its end.
    Whole,
    /// The answer's head was there before the end.
    Answered,
}

/// Sends a request over HTTP/1.1.
pub(super) async fn upload_http1(
    http1: &mut Http1,
    head: Box<RequestHeader>,
    body: &Bytes,
) -> Result<Uploaded, BError> {
    http1.write_request_header(head).await?;
    let mut rest = &body[..];
    while !rest.is_empty() {
        let (slice, after) = rest.split_at(rest.len().min(SLICE));
        if let Err(error) = http1.write_body(slice).await {
            return last_words(http1).await.ok_or(error);
        }
        rest = after;
        if !rest.is_empty() && already_answered(http1)? {
            return Ok(Uploaded::Answered);
        }
    }
    http1.finish_body().await?;
    Ok(Uploaded::Whole)
}

/// Looks for an answer without waiting. What was read of its head so far is kept by the session.
fn already_answered(http1: &mut Http1) -> Result<bool, BError> {
    match tokio::task::unconstrained(read_head_http1(http1)).now_or_never() {
        Some(Ok(())) => Ok(true),
        Some(Err(error)) => Err(error),
        None => Ok(false),
    }
}

/// A provider that closes while we write has often said why before.
async fn last_words(http1: &mut Http1) -> Option<Uploaded> {
    match tokio::time::timeout(LAST_WORDS, read_head_http1(http1)).await {
        Ok(Ok(())) => Some(Uploaded::Answered),
        _ => None,
    }
}

/// Sends a request over HTTP/2.
pub(super) async fn upload_http2(
    http2: &mut Http2,
    head: Box<RequestHeader>,
    body: &Bytes,
    send: Duration,
) -> Result<Uploaded, BError> {
    http2.write_request_header(head, body.is_empty())?;
    if body.is_empty() {
        return Ok(Uploaded::Whole);
    }
    let Some(mut writer) = http2.take_request_body_writer() else {
        return Ok(Uploaded::Whole);
    };
    tokio::select! {
        biased;
        written = v2::write_body(&mut writer, body.clone(), true, Some(send)) => match written {
            Ok(()) => Ok(Uploaded::Whole),
            // Nobody is to wait for that connection again: it may let no stream begin.
            Err(error) if *error.etype() == ErrorType::WriteTimedout => {
                http2.conn.mark_shutdown();
                Err(error)
            }
            Err(error) => last_words_http2(http2).await.ok_or(error),
        },
        answered = read_head_http2(http2) => answered.map(|()| Uploaded::Answered),
    }
}

async fn last_words_http2(http2: &mut Http2) -> Option<Uploaded> {
    match tokio::time::timeout(LAST_WORDS, read_head_http2(http2)).await {
        Ok(Ok(())) => Some(Uploaded::Answered),
        _ => None,
    }
}
