//! One request after the other on a connection, whichever version of HTTP it speaks.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures::FutureExt;
use keyweir_policy::config::file::GatewaySettings;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::HttpSession as Http2;

use crate::downstream::client::{Client, Peer};
use crate::downstream::client_socket::ClientSocket;
use crate::downstream::head_reader::{self, Patience};
use crate::downstream::head_scan::Unread;
use crate::request::{self, Refuse};
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;

/// How long a connection stays open once the gateway takes no new ones: a request may be on its way, sent
/// before its client could know. It is served, and told that it is the last.
const LINGER: Duration = Duration::from_millis(500);

/// What comes of `waiting` for a client; `None`: the gateway is `closing`, and it said nothing in time.
pub(crate) async fn lingering<T>(
    waiting: impl Future<Output = T>,
    closing: impl Future<Output = ()>,
) -> Option<T> {
    let mut waiting = pin!(waiting);
    tokio::select! {
        biased;
        come = &mut waiting => Some(come),
        () = closing => tokio::time::timeout(LINGER, waiting).await.ok(),
    }
}

/// Resolves when the gateway stops taking work.
pub(crate) type Closing<'a> = Pin<&'a mut (dyn Future<Output = ()> + Send)>;

/// An HTTP/1.1 connection between two requests.
pub(crate) struct Line {
    pub(crate) socket: Box<ClientSocket>,
    /// What has come of the next request.
    pub(crate) ahead: BytesMut,
    /// How long the next request's head may take, and be, by the policy of the last.
    pub(crate) patience: Patience,
    pub(crate) head_bytes_max: u64,
}

impl Line {
    /// A connection on which nothing was asked yet.
    pub(crate) fn new(socket: Box<ClientSocket>, settings: &GatewaySettings) -> Self {
        // It is expected to say something; a used one may rest for a while.
        let header = settings.timeouts.client_header;
        Self {
            socket,
            ahead: BytesMut::new(),
            patience: Patience {
                idle: header,
                head: header,
            },
            head_bytes_max: settings.limits.header_bytes_max,
        }
    }
}

/// Serves the next request of an HTTP/1.1 connection. Returns the connection if another may follow.
pub(crate) async fn serve_http1(
    gateway: &Arc<Gateway>,
    mut line: Line,
    peer: &Peer,
    closing: Closing<'_>,
) -> Option<Line> {
    let room = peer.stranger.head_room();
    let read = {
        let (ahead, patience, bytes_max) = (line.ahead, line.patience, line.head_bytes_max);
        let reading = head_reader::read(&mut line.socket, ahead, patience, bytes_max, room);
        lingering(reading, closing).await?
    };
    if read == Err(Unread::Silent) {
        return None;
    }
    // The policy that the whole request is served by.
    let live = gateway.live();
    let settings = live.settings();
    // Boxed: a session is large, and would be moved from step to step and back.
    let session = Box::new(ServerSession::new_http1(line.socket));
    let mut client = Client::new(session, peer.clone(), settings.timeouts.client_write);
    let refuse = match read {
        Ok(head) => take_head(client.session(), head),
        Err(unread) => Some(request::unread(unread)),
    };
    if let Some(refuse) = refuse {
        Box::pin(request::refuse_unread(gateway, &live, &mut client, &refuse)).await;
        Box::pin(client.end()).await;
        return None;
    }
    keep_alive(gateway, &live, client.session());
    if !request::serve(gateway, &live, &mut client).await {
        return None;
    }
    if client.is_undrained {
        return finish_http1(Box::pin(client.drained()).await?, settings).await;
    }
    finish_http1(client.into_session(), settings).await
}

/// Has Pingora parse a head that has come whole.
fn take_head(session: &mut ServerSession, head: BytesMut) -> Option<Refuse> {
    session.set_pipelining_enabled(true);
    session.set_pipelined_prefix(head);
    // There is nothing to wait for, unless Pingora and we do not agree on where a head ends.
    match tokio::task::unconstrained(session.read_request()).now_or_never() {
        Some(Ok(true)) => None,
        Some(Err(error)) => Some(request::unreadable(&error)),
        Some(Ok(false)) | None => Some(request::unread(Unread::Malformed)),
    }
}

/// Ends an answer, and keeps the connection if that is wanted.
async fn finish_http1(mut session: Box<ServerSession>, settings: &GatewaySettings) -> Option<Line> {
    if let ServerSession::H1(http1) = &mut *session {
        http1.finish_body().await.ok()?;
    }
    let ServerSession::H1(http1) = *session else {
        return None;
    };
    let reusable = Box::pin(http1.reuse()).await.ok()??;
    let (stream, ahead) = reusable.into_parts();
    Some(Line {
        socket: ClientSocket::back(stream).ok()?,
        ahead: ahead.unwrap_or_default(),
        patience: Patience {
            idle: settings.timeouts.client_idle,
            head: settings.timeouts.client_header,
        },
        head_bytes_max: settings.limits.header_bytes_max,
    })
}

/// Serves a request that came over HTTP/2.
pub(crate) async fn serve_http2(gateway: &Arc<Gateway>, session: Http2, peer: Peer) {
    let session = Box::new(ServerSession::new_http2(session));
    let live = gateway.live();
    let mut client = Client::new(session, peer, live.settings().timeouts.client_write);
    if request::serve(gateway, &live, &mut client).await
        && let Some(session) = client.drained().await
    {
        let _ = session.finish().await;
    }
}

/// Keeps the connection for another request, if the client wants that and the gateway goes on.
fn keep_alive(gateway: &Gateway, live: &Live, session: &mut ServerSession) {
    let wanted = session.get_keepalive().is_some();
    let idle = live.settings().timeouts.client_idle.as_secs().max(1);
    session.set_keepalive((wanted && gateway.lifecycle.ready()).then_some(idle));
}
