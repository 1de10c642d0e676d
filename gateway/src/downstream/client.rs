//! The client's side of one request: its head and body come from here, its answer goes here.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, Version};
use pingora_core::BError;
use pingora_core::protocols::http::ServerSession;
use pingora_http::{RequestHeader, ResponseHeader};

/// How long the last bytes of an HTTP/2 stream get to leave before it is reset: a reset throws away
/// what is still queued, and nothing tells when it has been sent.
const FLUSH: Duration = Duration::from_millis(50);

/// The client is gone, or does not read.
#[derive(Debug)]
pub(crate) struct Left;

/// One request's client.
pub(crate) struct Client {
    session: Box<ServerSession>,
    /// Its address, if it has one.
    pub(crate) address: Option<IpAddr>,
    /// Whether its request's head has been read. Pingora panics on most questions before that.
    pub(crate) has_head: bool,
    bytes_out: u64,
}

impl Client {
    pub(crate) fn new(
        mut session: Box<ServerSession>,
        address: Option<IpAddr>,
        write: Duration,
    ) -> Self {
        session.set_write_timeout(Some(write));
        Self {
            session,
            address,
            has_head: true,
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

    /// Whether the answer's length must be said in advance or by closing.
    pub(crate) fn knows_chunks(&self) -> bool {
        !self.is_http2() && self.head().version >= Version::HTTP_11
    }

    /// Bytes of answers' bodies written so far.
    pub(crate) fn bytes_out(&self) -> u64 {
        self.bytes_out
    }

    pub(crate) fn session(&mut self) -> &mut ServerSession {
        &mut self.session
    }

    pub(crate) fn into_session(self) -> Box<ServerSession> {
        self.session
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
        let method = self.head().method.clone();
        let mut rest = RequestHeader::build_no_case(method, b"/", Some(0))
            .expect("a method that was parsed is valid");
        rest.set_version(self.head().version);
        let head = std::mem::replace(self.session.req_header_mut(), rest);
        let parts = http::request::Parts::from(head);
        (parts.method, parts.uri, parts.headers)
    }

    /// Resolves when the client has left. Only after its body was read. May be dropped and called
    /// again at any time.
    pub(crate) async fn gone(&mut self) {
        while self.session.read_body_or_idle(true).await.is_ok() {}
    }

    /// Writes the answer's head.
    pub(crate) async fn write_head(&mut self, head: ResponseHeader) -> Result<(), Left> {
        self.session
            .write_response_header(Box::new(head))
            .await
            .map_err(|_| Left)
    }

    /// Writes a piece of the answer's body, the last one if `end`. Empty pieces are none.
    pub(crate) async fn write(&mut self, piece: Bytes, end: bool) -> Result<(), Left> {
        self.bytes_out += piece.len() as u64;
        self.session
            .write_response_body(piece, end)
            .await
            .map_err(|_| Left)
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
