//! The header of the PROXY protocol, versions 1 and 2, that a load balancer sends before anything else
//! of a connection (haproxy.org, `proxy-protocol.txt`).

use std::net::IpAddr;
use std::time::Duration;

use pingora_core::protocols::l4::stream::Stream as Socket;
use ppp::{HeaderResult, v1, v2};
use tokio::io::AsyncReadExt;

/// The longest header, with what some clouds add to it (the protocol allows 64 KiB).
const BYTES_MAX: usize = 4096;

/// How version 1 begins, and the longest one, with its end (section 2.1).
const V1_PREFIX: &[u8] = b"PROXY ";
const V1_MAX: usize = 107;
/// Of version 2, where its length stands, and what that does not count (section 2.2).
const V2_LENGTH: usize = 14;
const V2_FIXED: usize = 16;

/// Why the connection cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProxyHeaderError {
    #[error("it did not come in time")]
    Late,
    #[error("the connection ended before it")]
    Ended,
    #[error("there is none, or it cannot be read")]
    Malformed,
}

/// Takes the header off `socket`. `None`: it names no client, as of a load balancer's own checks.
///
/// # Errors
/// If it does not come in time, or is none.
pub(crate) async fn take(
    socket: &mut Socket,
    patience: Duration,
) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let taken = tokio::time::timeout(patience, read(socket)).await;
    taken.unwrap_or(Err(ProxyHeaderError::Late))
}

async fn read(socket: &mut Socket) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let mut bytes = Vec::with_capacity(V1_MAX);
    loop {
        let room = (BYTES_MAX - bytes.len()) as u64;
        let count = socket.take(room).read_buf(&mut bytes).await;
        if !matches!(count, Ok(1..)) {
            let is_full = bytes.len() == BYTES_MAX;
            return Err(if is_full {
                ProxyHeaderError::Malformed
            } else {
                ProxyHeaderError::Ended
            });
        }
        if !is_whole(&bytes)? {
            continue;
        }
        let (client, len) = match HeaderResult::parse(&bytes) {
            HeaderResult::V1(Ok(header)) => (of_v1(&header), header.header.len()),
            HeaderResult::V2(Ok(header)) => (of_v2(&header), header.len()),
            _ => return Err(ProxyHeaderError::Malformed),
        };
        socket.rewind(&bytes[len..]);
        return Ok(client);
    }
}

/// Whether all of a header has come; what begins like none never is one.
fn is_whole(bytes: &[u8]) -> Result<bool, ProxyHeaderError> {
    let begins = |prefix: &[u8]| {
        let seen = bytes.len().min(prefix.len());
        bytes[..seen] == prefix[..seen]
    };
    if begins(v2::PROTOCOL_PREFIX) {
        let len = bytes.get(V2_LENGTH..V2_FIXED);
        let len = len.map(|len| usize::from(u16::from_be_bytes([len[0], len[1]])));
        return Ok(len.is_some_and(|len| bytes.len() >= V2_FIXED + len));
    }
    let first = &bytes[..bytes.len().min(V1_MAX)];
    match first.contains(&b'\n') {
        ends if !begins(V1_PREFIX) || !ends && bytes.len() >= V1_MAX => {
            Err(ProxyHeaderError::Malformed)
        }
        ends => Ok(ends),
    }
}

fn of_v1(header: &v1::Header<'_>) -> Option<IpAddr> {
    match header.addresses {
        v1::Addresses::Tcp4(it) => Some(it.source_address.into()),
        v1::Addresses::Tcp6(it) => Some(it.source_address.into()),
        v1::Addresses::Unknown => None,
    }
}

fn of_v2(header: &v2::Header<'_>) -> Option<IpAddr> {
    if header.command == v2::Command::Local {
        return None;
    }
    match header.addresses {
        v2::Addresses::IPv4(it) => Some(it.source_address.into()),
        v2::Addresses::IPv6(it) => Some(it.source_address.into()),
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
    }
}
