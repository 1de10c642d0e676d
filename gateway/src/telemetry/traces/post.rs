//! One message to a collector: HTTP/1.1 on a connection of its own, each step within bounds.

use std::io::{Error, Read, Result, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long connecting, and each read and write, may take.
const WITHIN: Duration = Duration::from_secs(5);

/// As much of an answer as is read: its first line says all.
const ANSWER_BYTES_MAX: usize = 64;

/// Where spans go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Collector {
    /// `host:port`.
    authority: String,
    path: String,
}

impl Collector {
    /// At `http://host[:port][/path]`; `/v1/traces` is added. `None`: it is no such address.
    pub(super) fn at(endpoint: &str) -> Option<Self> {
        let rest = endpoint.strip_prefix("http://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        let port = if has_port { "" } else { ":4318" };
        let path = path.trim_end_matches('/');
        let slash = if path.is_empty() { "" } else { "/" };
        (!authority.is_empty()).then(|| Self {
            authority: format!("{authority}{port}"),
            path: format!("{slash}{path}/v1/traces"),
        })
    }

    /// Sends one message.
    pub(super) fn post(&self, message: &[u8]) -> Result<()> {
        let mut addresses = self.authority.to_socket_addrs()?;
        let address = addresses.next();
        let address = address.ok_or_else(|| Error::other("the collector has no address"))?;
        let mut socket = TcpStream::connect_timeout(&address, WITHIN)?;
        socket.set_write_timeout(Some(WITHIN))?;
        socket.set_read_timeout(Some(WITHIN))?;
        let mut sent = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-protobuf\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            self.path,
            self.authority,
            message.len()
        )
        .into_bytes();
        sent.extend_from_slice(message);
        socket.write_all(&sent)?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES_MAX);
        let mut first = socket.take(ANSWER_BYTES_MAX as u64);
        first.read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer);
        let status = text.split(' ').nth(1).unwrap_or_default();
        match status.starts_with('2') {
            true => Ok(()),
            false => {
                let status = status.escape_debug();
                Err(Error::other(format!("the collector answers {status}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_completed() {
        for (endpoint, authority, path) in [
            ("http://collector", "collector:4318", "/v1/traces"),
            ("http://127.0.0.1:1/", "127.0.0.1:1", "/v1/traces"),
            ("http://c:1/otlp/", "c:1", "/otlp/v1/traces"),
            ("http://[::1]", "[::1]:4318", "/v1/traces"),
        ] {
            let collector = Collector::at(endpoint).expect(endpoint);
            assert_eq!(
                (collector.authority.as_str(), collector.path.as_str()),
                (authority, path)
            );
        }
        assert_eq!(Collector::at("https://collector"), None);
        assert_eq!(Collector::at("http://"), None);
    }
}
