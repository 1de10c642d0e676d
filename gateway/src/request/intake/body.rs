//! The request's body, whole.
//!
//! Kept as one [`Bytes`], so that every attempt sends the same memory again: slices of it over
//! HTTP/1.1, a reference to it over HTTP/2. The buffer is made as large as the body is announced to
//! be, which costs address space and not memory until the bytes arrive; of unannounced bodies it
//! grows by doubling. Allocation may fail without ending the process.

use std::time::Duration;

use bytes::Bytes;
use http::header;
use keyweir_policy::config::file::GatewaySettings;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use tokio::time::Instant;

use crate::downstream::client::Client;
use crate::downstream::shares::Share;
use crate::request::respond::refuse::{Refuse, expects_continue};
use crate::request::stop::Stop;

/// The longest silence in a body. Slow lines are slow, but not silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A body, and its share of what all requests may hold.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    _share: Share,
}

/// Reads the body of `client`'s request into `share`, which holds nothing yet.
///
/// # Errors
/// If it is too large, too slow, cut short, or there is no room for it.
pub(crate) async fn read(
    settings: &GatewaySettings,
    share: Share,
    client: &mut Client,
) -> Result<Body, Stop> {
    if client.is_body_done() {
        return Ok(Body {
            bytes: Bytes::new(),
            _share: share,
        });
    }
    let max = settings.limits.body_bytes_max;
    let announced = announced(client);
    if announced.is_some_and(|length| length > max) {
        return Err(too_large(max).into());
    }
    if expects_continue(client.head()) {
        client
            .session()
            .write_continue_response()
            .await
            .map_err(|_| Stop::ClientLeft)?;
    }
    let whole = settings.timeouts.client_body;
    client
        .session()
        .set_read_timeout(Some(SILENCE_MAX.min(whole)));
    let reading = Reading {
        max,
        announced,
        until: Instant::now() + whole,
        share,
    };
    reading.read(client).await
}

fn announced(client: &Client) -> Option<u64> {
    client
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

struct Reading {
    max: u64,
    announced: Option<u64>,
    until: Instant,
    share: Share,
}

impl Reading {
    async fn read(mut self, client: &mut Client) -> Result<Body, Stop> {
        let first = self.piece(client).await?.unwrap_or_default();
        if client.is_body_done() {
            // Came with the head, as small bodies do.
            return Ok(Body {
                bytes: first,
                _share: self.share,
            });
        }
        let mut bytes = self.buffer(first.len())?;
        bytes.extend_from_slice(&first);
        drop(first);
        while let Some(piece) = self.piece(client).await? {
            if bytes.len() as u64 + piece.len() as u64 > self.max {
                return Err(too_large(self.max).into());
            }
            bytes.try_reserve(piece.len()).map_err(|_| no_room())?;
            bytes.extend_from_slice(&piece);
        }
        Ok(Body {
            bytes: Bytes::from(bytes),
            _share: self.share,
        })
    }

    fn buffer(&self, at_least: usize) -> Result<Vec<u8>, Refuse> {
        let size = self
            .announced
            .and_then(|length| usize::try_from(length).ok());
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(size.unwrap_or(0).max(at_least))
            .map_err(|_| no_room())?;
        Ok(bytes)
    }

    async fn piece(&mut self, client: &mut Client) -> Result<Option<Bytes>, Stop> {
        let read = tokio::time::timeout_at(self.until, client.read()).await;
        let piece = match read {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => {
                client.session().set_keepalive(None);
                return Err(broken(&error));
            }
            Err(_) => return Err(too_slow().into()),
        };
        if let Some(piece) = &piece
            && !self.share.grow(piece.len() as u64)
        {
            return Err(no_room().into());
        }
        Ok(piece)
    }
}

fn broken(error: &pingora_core::Error) -> Stop {
    use pingora_core::ErrorType as Kind;
    match &error.etype {
        Kind::ReadTimedout => too_slow().into(),
        Kind::ReadError if is_misframed(error) => {
            malformed("the request's body is not well-formed").into()
        }
        Kind::ReadError | Kind::H2Error => Stop::ClientLeft,
        // It may only have ended its own side, and still be waiting for what we say.
        Kind::ConnectionClosed => malformed("the request's body is shorter than announced").into(),
        _ => malformed("the request's body is not well-formed").into(),
    }
}

/// What the client's socket says of chunks that are framed wrongly.
fn is_misframed(error: &pingora_core::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::InvalidData)
}

fn malformed(message: &'static str) -> Refuse {
    Refuse::new(RefusalKind::InvalidRequest, "malformed", message).non_retryable()
}

pub(super) fn too_large(max: u64) -> Refuse {
    let message = format!("the request's body is larger than {max} bytes");
    Refuse::new(RefusalKind::RequestTooLarge, "body_too_large", message).non_retryable()
}

fn too_slow() -> Refuse {
    let message = "the request's body did not arrive in time";
    Refuse::new(RefusalKind::Timeout, "slow_body", message).status(408)
}

pub(super) fn no_room() -> Refuse {
    let message = "the gateway holds as many request bodies as it may; try again in 1 s";
    Refuse::new(RefusalKind::Overloaded, "bodies_full", message).after(Duration::from_secs(1))
}
