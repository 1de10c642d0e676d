//! Reading a request: its credential and its body.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{sleep, timeout};

use crate::counters::add;
use crate::state::State;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoBody {
    /// It is larger than it may be.
    TooLarge,
    /// The client left in the middle of it.
    ClientLeft,
}

/// The credential of a request, in whichever header it stands.
pub(crate) fn credential(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-api-key").or_else(|| headers.get("api-key")) {
        return key.to_str().ok();
    }
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether the announced length is already too much.
pub(crate) fn announces_more_than(headers: &HeaderMap, max: u64) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    length
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > max)
}

/// Reads a whole body, at `bytes_per_sec` if it is to be slow.
pub(crate) async fn read_body(
    state: &Arc<State>,
    mut body: Incoming,
    max: u64,
    bytes_per_sec: Option<u64>,
) -> Result<Bytes, NoBody> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| NoBody::ClientLeft)?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        add(&state.live.upload_bytes, bytes.len() as u64);
        if let Some(pace) = bytes_per_sec {
            sleep(Duration::from_secs_f64(
                bytes.len() as f64 / pace.max(1) as f64,
            ))
            .await;
        }
        let so_far = (first.len() + rest.len() + bytes.len()) as u64;
        if so_far > max {
            discard(state, body);
            return Err(NoBody::TooLarge);
        }
        // Most bodies come in one piece, which is then not copied.
        if first.is_empty() && rest.is_empty() {
            first = bytes;
        } else {
            if rest.is_empty() {
                let expected = body.size_hint().exact().unwrap_or_default().min(max) as usize;
                rest.reserve(first.len() + bytes.len() + expected);
                rest.extend_from_slice(&first);
                first = Bytes::new();
            }
            rest.extend_from_slice(&bytes);
        }
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

/// Goes on reading what nobody wants, so that the client can finish sending and read its answer:
/// a connection closed under an upload is reset, and the answer may be lost with it.
pub(crate) fn discard(state: &Arc<State>, mut body: Incoming) {
    if body.is_end_stream() {
        return;
    }
    let state = Arc::clone(state);
    tokio::spawn(timeout(DISCARD_MAX, async move {
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(bytes) = frame.into_data() {
                add(&state.live.upload_bytes, bytes.len() as u64);
            }
        }
    }));
}

/// For so long at most.
const DISCARD_MAX: Duration = Duration::from_secs(30);
