//! One connection of a client: which HTTP it speaks, and its requests one after the other (or, over
//! HTTP/2, beside each other).
//!
//! Built on Pingora's [`ServerApp`] rather than `HttpServerApp`, which looks for the HTTP/2 preface
//! by waiting for 24 bytes without a time-out: five bytes would hold a connection for ever. Here
//! three bytes decide, and they have to come in time.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::apps::ServerApp;
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::http::v2::server::{self as http2, H2Accept, H2Options, HttpSession};
use pingora_core::protocols::l4::stream::Stream as Socket;
use pingora_core::protocols::{ALPN, Digest, Stream};
use pingora_core::server::ShutdownWatch;

use crate::downstream::client::Peer;
use crate::downstream::client_socket::{ClientSocket, Received};
use crate::downstream::proxy_header::{self, ProxyHeaderError};
use crate::downstream::strangers::Stranger;
use crate::downstream::turns::Turns;
use crate::framing::tapped::Tapped;
use crate::runtime::gateway::Gateway;
use crate::server::session::{self, Line};
use crate::telemetry::events::{Event, Severity};

/// Requests a client may get wrong on one HTTP/2 connection before it is closed.
const REJECTED_MAX: usize = 32;

/// How much of a body a client may send ahead on one HTTP/2 stream, and on all of a connection: a
/// large upload must not wait for a window every 64 KiB, and unread bytes are not counted yet
/// against the bodies that are held.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Answers buffered for one HTTP/2 stream that its client does not read.
const SEND_BUFFER: usize = 64 * 1024;

/// Serves connections.
pub(crate) struct Connections {
    pub(crate) gateway: Arc<Gateway>,
    /// Where they are to be secured.
    pub(crate) tls: Option<Acceptor>,
}

#[async_trait]
impl ServerApp for Connections {
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let gateway = &self.gateway;
        let max = gateway.settings().limits.connections_max;
        let connected = gateway.lifecycle.connect();
        // Who has shown no key gives way to the one that has just come.
        let open = gateway.lifecycle.connections_open();
        let staying = open.saturating_sub(gateway.strangers.leaving());
        if staying > max && !gateway.strangers.give_way() {
            gateway.metrics.process.connections_refused.inc();
            return None;
        }
        let digest = stream.get_socket_digest();
        let address = digest.and_then(|digest| Some(digest.peer_addr()?.as_inet()?.ip()));
        let proxy = address.filter(|address| gateway.live().proxies.trusts(*address));
        // Behind a load balancer's own address are all its clients, which is why it is not held to
        // one client's bounds.
        let stranger = gateway.strangers.enter(address.filter(|_| proxy.is_none()));
        // A task of its own: the one this runs in has room for all that Pingora might do with a
        // connection, and would keep it for as long as the connection lives.
        let (connections, shutdown) = (Arc::clone(self), shutdown.clone());
        let arriving = Arc::clone(&stranger);
        let served = tokio::spawn(async move {
            let _connected = connected;
            let gateway = &connections.gateway;
            let (stream, peer) = match proxy {
                None => (stream, Peer::direct(address, arriving)),
                Some(proxy) => Box::pin(arrive(gateway, stream, (proxy, arriving))).await?,
            };
            connections.serve(stream, peer, &shutdown).await
        });
        stranger.served_by(served.abort_handle());
        None
    }
}

impl Connections {
    /// Serves a connection to its end. `None`: it ended before its first request.
    async fn serve(&self, stream: Stream, peer: Peer, shutdown: &ShutdownWatch) -> Option<()> {
        let gateway = &self.gateway;
        let stream = match &self.tls {
            Some(acceptor) => {
                let securing = Box::pin(secure(gateway, acceptor, stream));
                session::lingering(securing, closing(shutdown.clone())).await??
            }
            None => stream,
        };
        let speaking = protocol(gateway, stream);
        match session::lingering(speaking, closing(shutdown.clone())).await?? {
            Spoken::Http1(stream) => serve_http1(gateway, stream, &peer, shutdown).await,
            Spoken::Http2(stream) => Box::pin(serve_http2(gateway, stream, &peer, shutdown)).await,
        }
        Some(())
    }
}

enum Spoken {
    Http1(Stream),
    Http2(Stream),
}

/// For whom a load balancer speaks that is to say so. `None`: it does not, or not in time.
async fn arrive(
    gateway: &Gateway,
    stream: Stream,
    (proxy, stranger): (IpAddr, Arc<Stranger>),
) -> Option<(Stream, Peer)> {
    let live = gateway.live();
    let settings = live.settings();
    let itself = |stranger| Peer {
        address: Some(proxy),
        proxies: Some(live.proxies.clone()),
        stranger,
    };
    if !settings.proxies.proxy_protocol {
        return Some((stream, itself(stranger)));
    }
    let mut socket = stream.into_any().downcast::<Socket>().ok()?;
    let client = match proxy_header::take(&mut socket, settings.timeouts.client_header).await {
        Ok(client) => client.map(|client| client.to_canonical()),
        Err(error) => {
            without_proxy_header(gateway, proxy, error);
            return None;
        }
    };
    let peer = match client.filter(|client| !live.proxies.trusts(*client)) {
        Some(client) => Peer::direct(Some(client), stranger.named(client)),
        None => Peer {
            address: Some(client.unwrap_or(proxy)),
            ..itself(stranger)
        },
    };
    Some((socket, peer))
}

/// A load balancer's connection does not begin with the header that it should. One that ends without a
/// word is how some look whether anybody is there.
fn without_proxy_header(gateway: &Gateway, proxy: IpAddr, error: ProxyHeaderError) {
    tracing::debug!(%proxy, "no header of the PROXY protocol: {error}");
    if error == ProxyHeaderError::Ended {
        return;
    }
    gateway.metrics.process.proxy_headers_missing.inc();
    let text = format!(
        "connections from {proxy} do not begin with a header of the PROXY protocol, and are closed: have the \
         load balancer send it, or set gateway.proxies.proxy_protocol to false"
    );
    let event = Event::new(Severity::Warning, text.clone());
    if gateway.events.add(event).is_some() {
        tracing::warn!("{text}");
    }
}

/// Shakes hands. `None` if the client does not, or not in time.
async fn secure(gateway: &Gateway, acceptor: &Acceptor, stream: Stream) -> Option<Stream> {
    let socket = stream.into_any().downcast::<Socket>().ok()?;
    let patience = gateway.settings().timeouts.client_header;
    let shaken = tokio::time::timeout(patience, acceptor.tls_handshake(*socket)).await;
    match shaken {
        Ok(Ok(secured)) => Some(Box::new(secured)),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a client's TLS handshake failed");
            None
        }
        Err(_) => None,
    }
}

/// What the client speaks: by ALPN over TLS, by its first bytes in clear. `None` if it says
/// nothing in time.
async fn protocol(gateway: &Gateway, mut stream: Stream) -> Option<Spoken> {
    if stream.get_ssl_digest().is_some() {
        let http2 = matches!(stream.selected_alpn_proto(), Some(ALPN::H2));
        return Some(if http2 {
            Spoken::Http2(stream)
        } else {
            Spoken::Http1(stream)
        });
    }
    let mut first = [0; 3];
    let patience = gateway.settings().timeouts.client_header;
    tokio::time::timeout(patience, stream.try_peek(&mut first))
        .await
        .ok()?
        .ok()?;
    // No method of HTTP/1 begins with PRI; that is why the preface does.
    Some(if &first == b"PRI" {
        Spoken::Http2(stream)
    } else {
        Spoken::Http1(stream)
    })
}

async fn serve_http1(
    gateway: &Arc<Gateway>,
    stream: Stream,
    peer: &Peer,
    shutdown: &ShutdownWatch,
) {
    // Once per connection: subscribing to the watch for each request would take its lock twice.
    let mut closing = std::pin::pin!(closing(shutdown.clone()));
    let socket = ClientSocket::new(stream, Received::default());
    let mut line = Line::new(socket, &gateway.settings());
    loop {
        let served = session::serve_http1(gateway, line, peer, closing.as_mut());
        let Some(again) = served.await else { return };
        line = again;
    }
}

async fn closing(mut shutdown: ShutdownWatch) {
    let _ = shutdown.wait_for(|stopping| *stopping).await;
}

async fn serve_http2(
    gateway: &Arc<Gateway>,
    stream: Stream,
    peer: &Peer,
    shutdown: &ShutdownWatch,
) {
    let digest = Arc::new(Digest {
        ssl_digest: stream.get_ssl_digest(),
        timing_digest: stream.get_timing_digest(),
        proxy_digest: stream.get_proxy_digest(),
        socket_digest: stream.get_socket_digest(),
    });
    let timeouts = gateway.settings().timeouts;
    let stream = Tapped::new(stream, Turns::default());
    let handshake = http2::handshake(stream, Some(options(gateway)));
    let Ok(Ok(mut connection)) = tokio::time::timeout(timeouts.client_header, handshake).await
    else {
        return;
    };
    let mut shutdown = shutdown.clone();
    let mut draining = false;
    let mut rejected = 0;
    let running = Arc::new(());
    loop {
        let accepted = tokio::select! {
            biased;
            _ = shutdown.changed(), if !draining => {
                // Tells the client to open no more; those it has opened are still served.
                connection.graceful_shutdown();
                draining = true;
                continue;
            }
            accepted = HttpSession::from_h2_conn(&mut connection, Arc::clone(&digest)) => accepted,
            () = tokio::time::sleep(timeouts.client_idle) => {
                if Arc::strong_count(&running) == 1 {
                    return;
                }
                continue;
            }
        };
        match accepted {
            Ok(Some(H2Accept::Session(session))) => {
                let (gateway, running) = (Arc::clone(gateway), Arc::clone(&running));
                let peer = peer.clone();
                tokio::spawn(async move {
                    session::serve_http2(&gateway, session, peer).await;
                    drop(running);
                });
            }
            Ok(Some(H2Accept::Rejected)) => {
                rejected += 1;
                if rejected >= REJECTED_MAX {
                    return;
                }
            }
            Ok(None) | Err(_) => return,
        }
    }
}

fn options(gateway: &Gateway) -> H2Options {
    let limits = &gateway.settings().limits;
    let mut options = http2::default_h2_options();
    options
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams_per_connection_max)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER);
    options
}
