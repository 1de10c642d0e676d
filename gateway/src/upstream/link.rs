//! One exchange with a provider: a request sent, its answer read.
//!
//! A link is cancelled by dropping it: over HTTP/1.1 the connection closes, over HTTP/2 the stream
//! is reset. Only a link whose answer was read to its end gives its connection back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use keyweir_policy::exchange::repeat::was_stale;
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::upstreams::peer::{HttpPeer, Peer as _};
use pingora_core::{BError, ErrorType, RetryType};
use pingora_http::{RequestHeader, ResponseHeader};

use super::informational::{read_head_http1, read_head_http2};
use super::link_error::{LinkError, describe, is_disconnect, not_connected};
use super::provider::Upstream;
use super::provider_socket::ProviderSocket;
use super::upload::{Uploaded, upload_http1, upload_http2};

/// Addresses tried before connecting counts as failed.
const ADDRESSES_MAX: usize = 3;

/// How much of an answer that comes faster than it is passed on is passed on at once, about.
const JOINED: usize = 4 * 1024;

/// How long the connection of an answer that is complete may take to say so, and still be kept. Ends
/// come with the last piece, or in the packet after it.
const END_WITHIN: Duration = Duration::from_secs(1);

/// One request and its answer.
pub(crate) struct Link {
    /// Boxed: it is handed on from step to step, and is half a kilobyte.
    session: Option<Box<HttpSession>>,
    peer: Arc<HttpPeer>,
    upstream: Arc<Upstream>,
    reused: bool,
    /// The request was sent to its end. Over HTTP/1.1 the connection is no good for another one
    /// before that: the provider would take the next request's bytes for the rest of this one.
    sent_whole: bool,
    sent_at: Instant,
    /// What ended the answer after the piece that was read last.
    broken: Option<LinkError>,
}

impl Link {
    /// Connects, or takes an idle connection. `fresh`: not one that has been idle for long.
    ///
    /// # Errors
    /// If no address can be connected to.
    pub(crate) async fn open(
        upstream: &Arc<Upstream>,
        fresh: bool,
    ) -> Result<Box<Self>, LinkError> {
        let mut failure = LinkError::NotSent("the provider's name does not resolve".to_owned());
        for attempt in 0..ADDRESSES_MAX {
            let Some(mut peer) = upstream.addresses.peer(attempt) else {
                break;
            };
            if fresh {
                let mut other_pool = HttpPeer::clone(&peer);
                other_pool.group_key += 1;
                peer = Arc::new(other_pool);
            }
            match upstream.connections.open(&peer).await {
                Ok((session, reused)) => {
                    upstream.addresses.prefer(attempt);
                    return Ok(Self::new(session, reused, peer, upstream));
                }
                // A pooled HTTP/2 connection that had died without anybody noticing.
                Err(error) if error.etype == ErrorType::H2Error => {
                    return Err(LinkError::Stale(describe(&error)));
                }
                Err(error) => failure = not_connected(&error),
            }
        }
        Err(failure)
    }

    fn new(
        mut session: Box<HttpSession>,
        reused: bool,
        peer: Arc<HttpPeer>,
        upstream: &Arc<Upstream>,
    ) -> Box<Self> {
        session.set_write_timeout(Some(upstream.send));
        Box::new(Self {
            session: Some(session),
            peer,
            upstream: Arc::clone(upstream),
            reused,
            sent_whole: false,
            sent_at: Instant::now(),
            broken: None,
        })
    }

    /// Whether the connection had served before.
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }

    /// Sends a request, or as much of it as the provider wants to see.
    ///
    /// # Errors
    /// If the connection broke before the end, and left no answer.
    pub(crate) async fn upload(
        &mut self,
        head: Box<RequestHeader>,
        body: &Bytes,
    ) -> Result<Uploaded, LinkError> {
        let send = self.upstream.send;
        let uploaded = match self.session.as_deref_mut() {
            Some(HttpSession::H1(http1)) => upload_http1(http1, head, body).await,
            Some(HttpSession::H2(http2)) => upload_http2(http2, head, body, send).await,
            Some(HttpSession::Custom(())) | None => unreachable!("a link has a session"),
        };
        self.sent_at = Instant::now();
        self.sent_whole = matches!(uploaded, Ok(Uploaded::Whole));
        uploaded.map_err(|error| self.explain(&error, false))
    }

    /// Reads the answer's head; informational ones are skipped.
    ///
    /// # Errors
    /// If the connection broke before, or something else came.
    pub(crate) async fn head(&mut self) -> Result<(), LinkError> {
        let read = match self.session.as_deref_mut() {
            Some(HttpSession::H1(http1)) => read_head_http1(http1).await,
            Some(HttpSession::H2(http2)) => read_head_http2(http2).await,
            Some(HttpSession::Custom(())) | None => unreachable!("a link has a session"),
        };
        read.map_err(|error| self.explain(&error, true))
    }

    /// The answer's head, once read.
    pub(crate) fn response(&self) -> Option<&ResponseHeader> {
        self.session
            .as_deref()
            .and_then(HttpSession::response_header)
    }

    /// What [`Self::read`] gives, with all that has come by now.
    ///
    /// Pingora gives one chunk at a time, however many it has read. Each would cost a system call
    /// on its way to the client.
    ///
    /// # Errors
    /// If the connection broke before the end.
    pub(crate) async fn read_joined(&mut self) -> Result<Option<Bytes>, LinkError> {
        let first = self.read().await?;
        Ok(first.map(|first| self.with_ready(first)))
    }

    /// `first`, and the chunks that are there already.
    fn with_ready(&mut self, first: Bytes) -> Bytes {
        if first.len() >= JOINED || self.has_no_more() {
            return first;
        }
        let Some(second) = self.ready_chunk() else {
            return first;
        };
        let mut joined = BytesMut::with_capacity(JOINED);
        joined.extend_from_slice(&first);
        joined.extend_from_slice(&second);
        while joined.len() < JOINED
            && let Some(chunk) = self.ready_chunk()
        {
            joined.extend_from_slice(&chunk);
        }
        joined.freeze()
    }

    /// Whether it is known without asking that no more is there: what was read last was one whole chunk, and
    /// under it is no encryption that may hold more back.
    fn has_no_more(&self) -> bool {
        let Some(HttpSession::H1(http1)) = self.session.as_deref() else {
            return false;
        };
        !self.peer.tls()
            && ProviderSocket::of(http1.stream()).is_some_and(|socket| socket.watch.is_chunk())
    }

    /// The next chunk, if it is there already.
    fn ready_chunk(&mut self) -> Option<Bytes> {
        if self.done() {
            return None;
        }
        match tokio::task::unconstrained(self.read()).now_or_never()? {
            Ok(chunk) => chunk,
            Err(error) => {
                self.broken = Some(error);
                None
            }
        }
    }

    /// The next piece of the answer's body; `None` at its end.
    ///
    /// # Errors
    /// If the connection broke before the end.
    pub(crate) async fn read(&mut self) -> Result<Option<Bytes>, LinkError> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let Some(session) = self.session.as_mut() else {
            return Ok(None);
        };
        session
            .read_response_body()
            .await
            .map_err(|error| LinkError::Lost(describe(&error)))
    }

    /// Whether the answer was read to its end.
    pub(crate) fn done(&mut self) -> bool {
        if self.broken.is_some() {
            return false;
        }
        match self.session.as_deref_mut() {
            Some(HttpSession::H1(http1)) => http1.is_body_done(),
            // `response_finished` is true of a stream that was reset, too.
            Some(HttpSession::H2(http2)) => {
                matches!(http2.check_response_end_or_error(), Ok(true))
            }
            Some(HttpSession::Custom(())) | None => true,
        }
    }

    /// Gives the connection back for reuse. A link that is not [`Self::done`] loses it, and so does
    /// one whose request was answered before it was sent whole.
    pub(crate) async fn release(mut self: Box<Self>) {
        if matches!(self.session.as_deref(), Some(HttpSession::H1(_))) && !self.sent_whole {
            return;
        }
        if let Some(session) = self.session.take() {
            let connections = &self.upstream.connections;
            connections
                .release(session, &self.peer, self.upstream.idle)
                .await;
        }
    }

    /// [`Self::release`], once the answer ends, if that is soon. Nobody waits for it.
    pub(crate) fn release_at_end(mut self: Box<Self>) {
        tokio::spawn(async move {
            let rest = async { while let Ok(Some(_)) = self.read().await {} };
            let ended = tokio::time::timeout(END_WITHIN, rest).await;
            if ended.is_ok() && self.done() {
                self.release().await;
            }
        });
    }

    fn explain(&self, error: &BError, sent: bool) -> LinkError {
        let text = describe(error);
        let was_stale = self.reused && was_stale(self.sent_at.elapsed());
        match error.retry {
            RetryType::Decided(true) => LinkError::Stale(text),
            _ if was_stale && is_disconnect(&error.etype) => LinkError::Stale(text),
            _ if !sent => LinkError::NotSent(text),
            _ if matches!(
                error.etype,
                ErrorType::InvalidHTTPHeader | ErrorType::InvalidH2
            ) =>
            {
                LinkError::Malformed(text)
            }
            _ => LinkError::Lost(text),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // An HTTP/2 connection that was full had left the pool; whoever ends a stream on it has to
        // bring it back. Dropping HTTP/1.1 closes.
        if let Some(session) = self.session.take() {
            let connections = &self.upstream.connections;
            connections.release_stream(*session, &self.peer, self.upstream.idle);
        }
    }
}
