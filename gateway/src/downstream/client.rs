//! The client's side of one request: its head and body come from here, its answer goes here.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::TryFutureExt as _;
use http::{HeaderMap, Method, Uri, Version};
use pingora_core::BError;
use pingora_core::protocols::http::ServerSession;
use pingora_http::{RequestHeader, ResponseHeader};

use crate::downstream::client_socket::ClientSocket;
use crate::downstream::linger::{DRAIN, linger};
use crate::downstream::proxies::Proxies;
use crate::downstream::strangers::Stranger;
use crate::downstream::strangers::holdings::Drain;
use crate::downstream::woken::Woken;

/// How long the last bytes of an HTTP/2 stream get to leave before it is reset: a reset throws away
/// what is still queued, and nothing tells when it has been sent.
const FLUSH: Duration = Duration::from_millis(50);

/// The client is gone, or does not read.
#[derive(Debug)]
pub(crate) struct Left;

/// Announced bodies of refused requests up to this size are read for the connection's sake; for
/// longer ones, and those of unknown length, it ends. Small enough that a buffer of it is nothing.
const DRAINED_MAX: usize = 16 * 1024;

/// How often it is looked whether a client has left that has sent something already that is not
/// read yet. Rare: a client that pipelines its requests, or errs.
const LOOKED_EVERY: Duration = Duration::from_millis(250);

/// The state of a TCP connection that neither side has ended (Linux, `tcp_states.h`).
const ESTABLISHED: u8 = 1;

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Its address, if it has one.
    pub(crate) address: Option<IpAddr>,
    /// Whose word for whom they speak is taken, if it is one of them.
    pub(crate) proxies: Option<Proxies>,
    pub(crate) stranger: Arc<Stranger>,
}

impl Peer {
    /// Who speaks for itself.
    pub(crate) const fn direct(address: Option<IpAddr>, stranger: Arc<Stranger>) -> Self {
        Self {
            address,
            proxies: None,
            stranger,
        }
    }
}

/// One request's client.
pub(crate) struct Client {
    session: Box<ServerSession>,
    pub(crate) peer: Peer,
    /// Whether its request's head has been read. Pingora panics on most questions before that.
    pub(crate) has_head: bool,
    /// Something came on its connection, or it ended, while its answer was waited for.
    woken: Woken,
    /// It has sent more than the request whose answer it waits for.
    sends_early: bool,
    /// Its body was not read to its end, and it has its answer.
    pub(crate) is_undrained: bool,
    bytes_out: u64,
}

impl Client {
    pub(crate) fn new(mut session: Box<ServerSession>, peer: Peer, write: Duration) -> Self {
        session.set_write_timeout(Some(write));
        Self {
            session,
            peer,
            has_head: true,
            woken: Woken::new(),
            sends_early: false,
            is_undrained: false,
            bytes_out: 0,
        }
    }

    pub(crate) fn head(&self) -> &RequestHeader {
        self.session.req_header()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head().headers
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.session.is_http2()
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.session
            .digest()
            .is_some_and(|digest| digest.ssl_digest.is_some())
    }

    /// The host, perhaps with a port, that the client believes to talk to.
    pub(crate) fn authority(&self) -> Option<&str> {
        let head = self.head();
        match head.uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => head.headers.get(http::header::HOST)?.to_str().ok(),
        }
    }

    /// Takes a load balancer's word for whose request it is, if it is one that is known.
    pub(crate) fn look_behind_proxies(&mut self) {
        if let (Some(proxies), Some(peer)) = (&self.peer.proxies, self.peer.address) {
            self.peer.address = Some(proxies.client(peer, self.headers()));
        }
    }

    /// Whether the answer's length must be said in advance or by closing.
    pub(crate) fn knows_chunks(&self) -> bool {
        !self.is_http2() && self.head().version >= Version::HTTP_11
    }

    /// Bytes of answers' bodies written so far.
    pub(crate) fn bytes_out(&self) -> u64 {
        self.bytes_out
    }

    /// Whether its answer's head has been written.
    pub(crate) fn has_begun(&self) -> bool {
        self.session.response_written().is_some()
    }

    pub(crate) fn session(&mut self) -> &mut ServerSession {
        &mut self.session
    }

    pub(crate) fn into_session(self) -> Box<ServerSession> {
        self.session
    }

    /// Whether the rest of its body is not worth reading for the connection's sake.
    pub(crate) fn has_long_rest(&self) -> bool {
        let length = self.headers().get(http::header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.trim().parse().ok());
        length.is_none_or(|length: usize| length > DRAINED_MAX)
    }

    /// Reads a body that nobody wants to its end, so that the answer is seen. Returns the session,
    /// if it is as good as before.
    pub(crate) async fn drained(mut self) -> Option<Box<ServerSession>> {
        if !self.is_undrained {
            return Some(self.session);
        }
        let leave = self.peer.stranger.drain();
        if self.is_http2() {
            self.session.set_total_drain_timeout(Some(DRAIN));
            if leave.is_some() {
                let _ = self.session.drain_request_body().await;
            }
            return Some(self.session);
        }
        if leave.is_some() && !self.has_long_rest() {
            self.session.set_total_drain_timeout(Some(DRAIN));
            self.session.drain_request_body().await.ok()?;
            return Some(self.session);
        }
        self.close(leave).await;
        None
    }

    /// Ends the connection after an answer, however much the client still sends.
    pub(crate) async fn end(self) {
        let leave = self.peer.stranger.drain();
        self.close(leave).await;
    }

    async fn close(self, leave: Option<Drain>) {
        if let ServerSession::H1(http1) = *self.session {
            linger(http1.into_inner(), leave).await;
        }
    }

    /// Whether there is no (more) body to read.
    pub(crate) fn is_body_done(&mut self) -> bool {
        self.session.is_body_done()
    }

    /// The next piece of the request's body.
    pub(crate) async fn read(&mut self) -> Result<Option<Bytes>, BError> {
        self.session.read_request_body().await
    }

    /// Moves the head out. What the session still has to know of it (is it a `HEAD`?) stays. Only
    /// after the body was read: its length is in the head.
    pub(crate) fn take_head(&mut self) -> (Method, Uri, HeaderMap) {
        let mut rest = RequestHeader::from(http::Request::new(()).into_parts().0);
        rest.set_method(self.head().method.clone());
        rest.set_version(self.head().version);
        let head = std::mem::replace(self.session.req_header_mut(), rest);
        let parts = http::request::Parts::from(head);
        (parts.method, parts.uri, parts.headers)
    }

    /// Resolves when the client has left. Only after its body was read. May be dropped and called
    /// again at any time.
    pub(crate) async fn gone(&mut self) {
        if !self.sends_early {
            self.sends_early = std::future::poll_fn(|context| self.poll_idle(context)).await;
        }
        // Pingora looks no further once it has read a byte that is not the end.
        while self.sends_early && self.is_connected() {
            tokio::time::sleep(LOOKED_EVERY).await;
        }
    }

    /// `false`: it has left. `true`: it sent something.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        // HTTP/2 keeps one waker for this and for writing.
        if self.is_http2() {
            return self.look(context);
        }
        let Some(waker) = self.woken.waker(context) else {
            return Poll::Pending;
        };
        let looked = self.look(&mut Context::from_waker(&waker));
        if looked.is_ready() {
            self.woken.poll_again();
        }
        looked
    }

    fn look(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let received = self.received();
        loop {
            // Made anew each time: it has no state, and would keep us from asking for the bytes.
            let polled = std::pin::pin!(self.session.read_body_or_idle(true)).poll(context);
            match polled {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(false),
                Poll::Pending if self.received() != received => return Poll::Ready(true),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Bytes that came on the connection, of HTTP/1.1.
    fn received(&self) -> u64 {
        match &*self.session {
            ServerSession::H1(http1) => {
                ClientSocket::of(http1.stream()).map_or(0, |socket| socket.watch.bytes())
            }
            _ => 0,
        }
    }

    /// Whether neither side has ended the connection, as the system sees it.
    fn is_connected(&self) -> bool {
        let digest = self.session.digest();
        let socket = digest.and_then(|digest| digest.socket_digest.as_ref());
        let info = socket.and_then(|socket| socket.tcp_info());
        info.is_none_or(|info| info.tcpi_state == ESTABLISHED)
    }

    /// Writes the answer's head.
    pub(crate) async fn write_head(&mut self, head: ResponseHeader) -> Result<(), Left> {
        self.session
            .write_response_header(Box::new(head))
            .await
            .map_err(|_| Left)
    }

    /// Writes a piece of the answer's body, the last one if `end`. Empty pieces are none.
    pub(crate) fn write(
        &mut self,
        piece: Bytes,
        end: bool,
    ) -> impl Future<Output = Result<(), Left>> {
        self.bytes_out += piece.len() as u64;
        let written = self.session.write_response_body(piece, end);
        written.map_err(|_| Left)
    }

    /// Ends the answer so that nobody takes it for complete: the connection closes (HTTP/1.1) or
    /// the stream is reset (HTTP/2), after what was written.
    pub(crate) async fn abort(&mut self) {
        if self.is_http2() {
            tokio::time::sleep(FLUSH).await;
        }
        self.session.shutdown().await;
    }
}
