//! A connection to a provider through a proxy: the proxy is asked for a tunnel to it.

use std::fmt;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use keyweir_policy::config::file::{BaseUrl, Host, ProxyUrl};
use pingora_core::connectors::L4Connect;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::{Error, ErrorType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest head of a proxy's answer; theirs have a handful of headers.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Makes connections to one provider through a proxy.
pub(in crate::upstream) struct Tunnel {
    proxy: ProxyUrl,
    /// The whole request for a tunnel. It may hold a password.
    request: String,
    connect: Duration,
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tunnel({})", self.proxy)
    }
}

impl Tunnel {
    /// Through `proxy` to the provider at `url`, within `connect`.
    pub(super) fn new(proxy: ProxyUrl, url: &BaseUrl, connect: Duration) -> Self {
        let target = format!("{}:{}", url.host, url.port);
        let credentials = proxy.credentials().map(|credentials| {
            let coded = base64(credentials.as_bytes());
            format!("Proxy-Authorization: Basic {coded}\r\n")
        });
        let request = format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n",
            credentials.unwrap_or_default()
        );
        Self {
            proxy,
            request,
            connect,
        }
    }

    /// Where the proxy is.
    pub(in crate::upstream) fn proxy(&self) -> (Host, u16) {
        (self.proxy.host.clone(), self.proxy.port)
    }

    async fn open(&self, proxy: &SocketAddr) -> io::Result<TcpStream> {
        let Some(proxy) = proxy.as_inet() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let mut socket = TcpStream::connect(proxy).await?;
        socket.set_nodelay(true)?;
        socket.write_all(self.request.as_bytes()).await?;
        match read_status(&mut socket).await? {
            200..=299 => Ok(socket),
            407 => Err(io::Error::other("it wants other credentials (407)")),
            status => Err(io::Error::other(format!("it answered {status}"))),
        }
    }
}

#[async_trait]
impl L4Connect for Tunnel {
    /// Connects to the provider through the proxy at `address`.
    async fn connect(&self, address: &SocketAddr) -> pingora_core::Result<Stream> {
        let opened = tokio::time::timeout(self.connect, self.open(address)).await;
        let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        opened.map(Stream::from).map_err(|error| {
            let cause = io::Error::other(format!("through the proxy {}: {error}", self.proxy));
            Error::because(ErrorType::ConnectError, "no tunnel", cause)
        })
    }
}

/// The status of a proxy's answer, of which all is read and nothing beyond. A provider says nothing
/// before it is asked, so reading a byte at a time is not for long.
async fn read_status(socket: &mut TcpStream) -> io::Result<u16> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Err(io::Error::other("its answer has no end"));
        }
        head.push(socket.read_u8().await?);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let status = std::str::from_utf8(line)
        .ok()
        .filter(|line| line.starts_with("HTTP/1."));
    let status = status.and_then(|line| line.split(' ').nth(1)?.parse().ok());
    status.ok_or_else(|| io::Error::other("it does not speak HTTP"))
}

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
