//! One exchange with a provider: a request sent, its answer read.
//!
//! A link is cancelled by dropping it: over HTTP/1.1 the connection closes, over HTTP/2 the stream
//! is reset. Only a link whose answer was read to its end gives its connection back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::protocols::http::v1::client::HttpSession as Http1;
use pingora_core::protocols::http::v2;
use pingora_core::protocols::http::v2::client::Http2Session as Http2;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{BError, ErrorType, RetryType};
use pingora_http::{RequestHeader, ResponseHeader};

use super::provider::Upstream;

/// How much of a body is written before looking whether the answer is already there: a provider
/// that refuses a large request says so long before it has read it.
const SLICE: usize = 64 * 1024;

/// Addresses tried before connecting counts as failed.
const ADDRESSES_MAX: usize = 3;

/// An idle connection that turns out to be closed does so at once; what breaks later than this
/// broke while the provider was at work.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// How long an answer may take that was sent before the provider stopped reading.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much of an answer that comes faster than it is passed on is passed on at once, about.
const JOINED: usize = 4 * 1024;

/// One request and its answer.
pub(crate) struct Link {
    session: Option<HttpSession>,
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

/// How far an upload came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uploaded {
    /// To its end.
    Whole,
    /// The answer's head was there before the end.
    Answered,
}

/// Why an exchange failed, by what the provider can have seen of the request.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// Not all of it, so that it cannot have acted: no connection, or it broke while sending.
    NotSent(String),
    /// Nothing, in all likelihood: the idle connection was closed already, or the provider says
    /// that it did not look at the request.
    Stale(String),
    /// All of it; then the connection died.
    Lost(String),
    /// All of it; what came back is no HTTP.
    Malformed(String),
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
                Err(error) => failure = LinkError::NotSent(describe(&error)),
            }
        }
        Err(failure)
    }

    fn new(
        mut session: HttpSession,
        reused: bool,
        peer: Arc<HttpPeer>,
        upstream: &Arc<Upstream>,
    ) -> Box<Self> {
        session.set_write_timeout(Some(upstream.send));
        // Boxed: it is handed on from step to step, and a session is half a kilobyte.
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
        let uploaded = match self.session.as_mut() {
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
        let read = match self.session.as_mut() {
            Some(HttpSession::H1(http1)) => read_head_http1(http1).await,
            Some(HttpSession::H2(http2)) => http2.read_response_header().await,
            Some(HttpSession::Custom(())) | None => unreachable!("a link has a session"),
        };
        read.map_err(|error| self.explain(&error, true))
    }

    /// The answer's head, once read.
    pub(crate) fn response(&self) -> Option<&ResponseHeader> {
        self.session.as_ref().and_then(HttpSession::response_header)
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
        if first.len() >= JOINED {
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
        match self.session.as_mut() {
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
        if matches!(self.session, Some(HttpSession::H1(_))) && !self.sent_whole {
            return;
        }
        if let Some(session) = self.session.take() {
            let connections = &self.upstream.connections;
            // Boxed: the session is moved on and on, and every stream would carry the room for it.
            Box::pin(connections.release(session, &self.peer, self.upstream.idle)).await;
        }
    }

    fn explain(&self, error: &BError, sent: bool) -> LinkError {
        let text = describe(error);
        let at_once = self.sent_at.elapsed() < STALE_WITHIN;
        match error.retry {
            RetryType::Decided(true) => LinkError::Stale(text),
            _ if self.reused && at_once && is_disconnect(&error.etype) => LinkError::Stale(text),
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
            connections.release_stream(session, &self.peer, self.upstream.idle);
        }
    }
}

async fn upload_http1(
    http1: &mut Http1,
    head: Box<RequestHeader>,
    body: &Bytes,
) -> Result<Uploaded, BError> {
    http1.write_request_header(head).await?;
    let mut rest = &body[..];
    while !rest.is_empty() {
        let (slice, after) = rest.split_at(rest.len().min(SLICE));
        if let Err(error) = http1.write_body(slice).await {
            return last_words(http1).await.ok_or(error);
        }
        rest = after;
        if !rest.is_empty() && already_answered(http1)? {
            return Ok(Uploaded::Answered);
        }
    }
    http1.finish_body().await?;
    Ok(Uploaded::Whole)
}

/// Looks for an answer without waiting. What was read of its head so far is kept by the session.
fn already_answered(http1: &mut Http1) -> Result<bool, BError> {
    match tokio::task::unconstrained(read_head_http1(http1)).now_or_never() {
        Some(Ok(())) => Ok(true),
        Some(Err(error)) => Err(error),
        None => Ok(false),
    }
}

/// A provider that closes while we write has often said why before.
async fn last_words(http1: &mut Http1) -> Option<Uploaded> {
    match tokio::time::timeout(LAST_WORDS, read_head_http1(http1)).await {
        Ok(Ok(())) => Some(Uploaded::Answered),
        _ => None,
    }
}

async fn read_head_http1(http1: &mut Http1) -> Result<(), BError> {
    loop {
        http1.read_response().await?;
        match http1.get_status().map_or(0, |status| status.as_u16()) {
            // We never ask to switch protocols, so 101 is no answer to anything.
            101 => {
                return pingora_core::Error::e_explain(
                    ErrorType::InvalidHTTPHeader,
                    "the provider switched protocols unasked",
                );
            }
            100..=199 => {}
            _ => return Ok(()),
        }
    }
}

async fn upload_http2(
    http2: &mut Http2,
    head: Box<RequestHeader>,
    body: &Bytes,
    send: Duration,
) -> Result<Uploaded, BError> {
    http2.write_request_header(head, body.is_empty())?;
    if body.is_empty() {
        return Ok(Uploaded::Whole);
    }
    let Some(mut writer) = http2.take_request_body_writer() else {
        return Ok(Uploaded::Whole);
    };
    tokio::select! {
        biased;
        written = v2::write_body(&mut writer, body.clone(), true, Some(send)) => match written {
            Ok(()) => Ok(Uploaded::Whole),
            Err(error) => last_words_http2(http2).await.ok_or(error),
        },
        answered = http2.read_response_header() => answered.map(|()| Uploaded::Answered),
    }
}

async fn last_words_http2(http2: &mut Http2) -> Option<Uploaded> {
    match tokio::time::timeout(LAST_WORDS, http2.read_response_header()).await {
        Ok(Ok(())) => Some(Uploaded::Answered),
        _ => None,
    }
}

fn is_disconnect(error: &ErrorType) -> bool {
    matches!(
        error,
        ErrorType::ConnectionClosed
            | ErrorType::ReadError
            | ErrorType::WriteError
            | ErrorType::H2Error
    )
}

/// What happened, for the log. Upstream errors hold addresses and system errors, no request data.
fn describe(error: &BError) -> String {
    let kind = error.etype().as_str();
    let cause = error.root_cause();
    let detail = match error.etype() {
        // Why is in the context; the cause is our own address.
        ErrorType::TLSHandshakeFailure => error.context.as_ref().map(|it| it.as_str().to_owned()),
        _ if cause.is::<pingora_core::Error>() => None,
        _ => Some(cause.to_string()),
    };
    match detail {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind.to_owned(),
    }
}
