//! The header of the PROXY protocol, versions 1 and 2, that a load balancer sends before anything else
//! of a connection (haproxy.org, `proxy-protocol.txt`).

use std::net::IpAddr;
use std::time::Duration;

use pingora_core::protocols::l4::stream::Stream as Socket;
use ppp::{HeaderResult, PartialResult, v1, v2};
use tokio::io::AsyncReadExt;

/// The longest header, with what some clouds add to it (the protocol allows 64 KiB).
const BYTES_MAX: usize = 4096;

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
    let mut bytes = Vec::with_capacity(v1_max());
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
        let parsed = HeaderResult::parse(&bytes);
        if !parsed.is_complete() {
            continue;
        }
        let (client, len) = match parsed {
            HeaderResult::V1(Ok(header)) => (of_v1(&header), header.header.len()),
            HeaderResult::V2(Ok(header)) => (of_v2(&header), header.len()),
            _ => return Err(ProxyHeaderError::Malformed),
        };
        socket.rewind(&bytes[len..]);
        return Ok(client);
    }
}

/// The longest header of version 1, with its end (section 2.1): most headers, and little memory.
const fn v1_max() -> usize {
    107
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
