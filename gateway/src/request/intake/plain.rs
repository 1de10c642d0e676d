//! A request's body decoded, where it came compressed (Codex sends zstd).
//!
//! It is decoded to be read, within the bound that holds for bodies, and goes to the first choice as it
//! came. The decoded body is held for as long as the body is: later choices are sent that.

use bytes::Bytes;
use http::HeaderMap;
use keyweir_policy::config::file::GatewaySettings;
use keyweir_policy::wire::refusal_kind::RefusalKind;

use super::body::{Body, no_room, too_large};
use crate::coding::{Coding, DecodeError, decode_whole};
use crate::downstream::shares::Share;
use crate::request::respond::refuse::Refuse;

/// A body in plain.
pub(crate) struct Plain {
    pub(crate) bytes: Bytes,
    pub(crate) coded: Coded,
}

/// The coding of a body that has been read through it.
#[derive(Debug)]
pub(crate) struct Coded {
    pub(crate) coding: Coding,
    /// Of the body in plain, in bytes.
    pub(crate) length: usize,
    _share: Share,
}

/// What `body`, which came with `headers`, is in plain; `None`: it came so. `share` is for it, and
/// holds nothing yet.
///
/// # Errors
/// If its coding is unknown or broken, or it is too large.
pub(crate) fn plain(
    settings: &GatewaySettings,
    mut share: Share,
    headers: &HeaderMap,
    body: &Body,
) -> Result<Option<Plain>, Refuse> {
    let Some(coding) = Coding::of(headers).map_err(|_| unknown())? else {
        return Ok(None);
    };
    let max = settings.limits.body_bytes_max;
    let most = usize::try_from(max).unwrap_or(usize::MAX);
    let decode = || decode_whole(coding, &body.bytes, most);
    // What is decoded may be large, however small it came.
    let bytes = tokio::task::block_in_place(decode).map_err(|error| match error {
        DecodeError::TooLarge => too_large(max),
        DecodeError::Malformed => malformed(),
    })?;
    if !share.grow(bytes.len() as u64) {
        return Err(no_room());
    }
    let coded = Coded {
        coding,
        length: bytes.len(),
        _share: share,
    };
    Ok(Some(Plain { bytes, coded }))
}

fn unknown() -> Refuse {
    let message = "the request's content-encoding is not understood: \
                   send gzip, deflate, br, zstd or none";
    Refuse::new(RefusalKind::InvalidRequest, "unknown_coding", message)
        .status(415)
        .non_retryable()
}

fn malformed() -> Refuse {
    let message = "the request's body is not in the content-encoding that it names";
    Refuse::new(RefusalKind::InvalidRequest, "malformed", message).non_retryable()
}
