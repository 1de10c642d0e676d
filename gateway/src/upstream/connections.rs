//! Connections to all providers that trust the same roots: idle ones first, else a new one.
//!
//! The order in which pools are looked through is that of Pingora's own
//! `connectors::http::Connector`. That one is a single future in which connecting, with its TLS
//! handshake, takes nine kilobytes, and every request would carry and move them; here an idle
//! connection is found in a small one, and connecting happens in a box of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::connectors::ConnectorOptions;
use pingora_core::connectors::http::{v1, v2};
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{BError, Result};

use super::roots::{self, RootsError};

/// The connections of all providers that trust the same roots. At most `idle_max` are kept idle.
///
/// # Errors
/// If the roots cannot be read.
pub(crate) fn connections(
    ca_file: Option<&Path>,
    idle_max: usize,
) -> Result<Arc<Connections>, RootsError> {
    let mut options = ConnectorOptions::new(idle_max);
    if let Some(path) = ca_file {
        roots::check(path)?;
        options.ca_file = Some(path.to_string_lossy().into_owned());
    }
    // Pingora unwraps on a certificate in the system's store that it cannot parse.
    let made = std::panic::AssertUnwindSafe(|| Arc::new(Connections::new(options)));
    std::panic::catch_unwind(made).map_err(|_| RootsError::System)
}

/// The pools of idle connections, and how to make new ones.
pub(crate) struct Connections {
    http1: v1::Connector,
    http2: v2::Connector,
}

impl Connections {
    /// No connections yet. Panics on a certificate in the system's store that cannot be parsed.
    fn new(options: ConnectorOptions) -> Self {
        Self {
            http1: v1::Connector::new(Some(options.clone())),
            http2: v2::Connector::new(Some(options)),
        }
    }

    /// A connection to `peer`, and whether it had served before.
    ///
    /// # Errors
    /// If there is none, and none can be made.
    pub(super) async fn open(&self, peer: &HttpPeer) -> Result<(HttpSession, bool), BError> {
        match self.idle(peer).await? {
            Some(session) => Ok((session, true)),
            None => Box::pin(self.connect(peer)).await,
        }
    }

    async fn idle(&self, peer: &HttpPeer) -> Result<Option<HttpSession>, BError> {
        let alpn = &peer.options.alpn;
        if alpn.get_max_http_version() > 1
            && let Some(http2) = self.http2.reused_http_session(peer).await?
        {
            return Ok(Some(HttpSession::H2(http2)));
        }
        if alpn.get_min_http_version() > 1 {
            return Ok(None);
        }
        let http1 = self.http1.reused_http_session(peer).await;
        Ok(http1.map(HttpSession::H1))
    }

    async fn connect(&self, peer: &HttpPeer) -> Result<(HttpSession, bool), BError> {
        if peer.options.alpn.get_max_http_version() > 1 {
            let session = self.http2.new_http_session(peer).await?;
            return Ok((session, false));
        }
        // One may have become idle just now.
        let (session, reused) = self.http1.get_http_session(peer).await?;
        Ok((HttpSession::H1(session), reused))
    }

    /// Takes a connection back whose answer was read to its end.
    pub(super) async fn release(&self, session: HttpSession, peer: &HttpPeer, idle: Duration) {
        match session {
            HttpSession::H1(http1) => {
                self.http1
                    .release_http_session(http1, peer, Some(idle))
                    .await;
            }
            other => self.release_stream(other, peer, idle),
        }
    }

    /// Takes an HTTP/2 connection back, of which a stream has ended, well or not. (HTTP/1.1 closes.)
    pub(super) fn release_stream(&self, session: HttpSession, peer: &HttpPeer, idle: Duration) {
        if let HttpSession::H2(http2) = session {
            self.http2.release_http_session(http2, peer, Some(idle));
        }
    }
}
