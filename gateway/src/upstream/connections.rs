//! Connections to all providers that trust the same roots: idle ones first, else a new one.
//!
//! The order in which pools are looked through is that of Pingora's own
//! `connectors::http::Connector`. That one is a single future in which connecting, with its TLS
//! handshake, takes nine kilobytes, and every request would carry and move them; here an idle
//! connection is found in a small one, and connecting happens in a box of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::connectors::http::v2;
use pingora_core::connectors::{ConnectorOptions, TransportConnector};
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::protocols::http::v1::client::HttpSession as Http1;
use pingora_core::protocols::http::v2::client::Http2Session as Http2;
use pingora_core::upstreams::peer::{HttpPeer, Peer};
use pingora_core::{BError, Result};

use super::provider_socket::tap;
use super::quiet::is_quiet;
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

/// `session`, unless its connection takes no more streams than it has: the provider may have lowered their
/// number since, to none. Pingora takes connections out of its pools without looking, and the request would
/// wait. A connection without streams that is let go here closes; another's last one brings it back.
async fn with_room(session: Http2) -> Result<Option<Http2>, BError> {
    let connection = session.conn.clone();
    if connection.more_streams_allowed() {
        return Ok(Some(session));
    }
    // It is full, or this is the last one that it takes.
    drop(session);
    if !connection.more_streams_allowed() {
        return Ok(None);
    }
    connection.spawn_stream().await
}

/// The pools of idle connections, and how to make new ones.
pub(crate) struct Connections {
    http1: TransportConnector,
    http2: v2::Connector,
}

impl Connections {
    /// No connections yet. Panics on a certificate in the system's store that cannot be parsed.
    fn new(options: ConnectorOptions) -> Self {
        Self {
            http1: TransportConnector::new(Some(options.clone())),
            http2: v2::Connector::new(Some(options)),
        }
    }

    /// A connection to `peer`, and whether it had served before.
    ///
    /// # Errors
    /// If there is none, and none can be made.
    pub(super) async fn open(&self, peer: &HttpPeer) -> Result<(Box<HttpSession>, bool), BError> {
        match self.idle(peer).await? {
            Some(session) => Ok((session, true)),
            None => Box::pin(self.connect(peer)).await,
        }
    }

    async fn idle(&self, peer: &HttpPeer) -> Result<Option<Box<HttpSession>>, BError> {
        let alpn = &peer.options.alpn;
        if alpn.get_max_http_version() > 1
            && let Some(http2) = self.http2.reused_http_session(peer).await?
            && let Some(http2) = with_room(http2).await?
        {
            return Ok(Some(Box::new(HttpSession::H2(http2))));
        }
        if alpn.get_min_http_version() > 1 {
            return Ok(None);
        }
        while let Some(stream) = self.http1.reused_stream(peer).await {
            if is_quiet(&stream) {
                let http1 = Http1::new(tap(stream));
                return Ok(Some(Box::new(HttpSession::H1(http1))));
            }
        }
        Ok(None)
    }

    async fn connect(&self, peer: &HttpPeer) -> Result<(Box<HttpSession>, bool), BError> {
        if peer.options.alpn.get_max_http_version() > 1 {
            let session = match self.http2.new_http_session(peer).await? {
                // The provider chose so.
                HttpSession::H1(http1) => HttpSession::H1(Http1::new(tap(http1.into_inner()))),
                other => other,
            };
            return Ok((Box::new(session), false));
        }
        let stream = self.http1.new_stream(peer).await?;
        let session = HttpSession::H1(Http1::new(tap(stream)));
        Ok((Box::new(session), false))
    }

    /// Takes a connection back whose answer was read to its end.
    pub(super) async fn release(&self, session: Box<HttpSession>, peer: &HttpPeer, idle: Duration) {
        match *session {
            HttpSession::H1(mut http1) => {
                http1.respect_keepalive();
                // Boxed: every stream would carry the room for it.
                if let Some(stream) = Box::pin(http1.reuse()).await {
                    self.http1
                        .release_stream(stream, peer.reuse_hash(), Some(idle));
                }
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
