//! A client's connection as Pingora gets it for HTTP/1.1: looked at as it is read.
//!
//! It counts what came, since Pingora does not tell of bytes that come early; and while a body comes
//! in chunks, it holds their framing to the rule. A body that breaks it reads as an error of kind
//! `InvalidData`.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::SslDigest;
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    Stream, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::framing::chunks::{Chunks, Misframed};

/// A client's connection.
#[derive(Debug)]
pub(crate) struct ClientSocket {
    stream: Stream,
    received: u64,
    /// Of a body that comes in chunks.
    chunks: Option<Chunks>,
}

impl ClientSocket {
    /// Looks at what comes on `stream`.
    pub(crate) fn new(stream: Stream) -> Box<Self> {
        Box::new(Self {
            stream,
            received: 0,
            chunks: None,
        })
    }

    /// The one that `stream` is.
    pub(crate) fn of(stream: &Stream) -> Option<&Self> {
        stream.as_any().downcast_ref()
    }

    /// The one that Pingora gives back.
    pub(crate) fn back(stream: Stream) -> Option<Box<Self>> {
        stream.into_any().downcast().ok()
    }

    /// Bytes that have come.
    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// A body comes in chunks, and this has come of it already.
    ///
    /// # Errors
    /// If it is misframed.
    pub(crate) fn expect_chunks(&mut self, ahead: &[u8]) -> std::result::Result<(), Misframed> {
        let mut chunks = Chunks::START;
        chunks.feed(ahead)?;
        self.chunks = Some(chunks);
        Ok(())
    }

    /// No body comes in chunks from now on.
    pub(crate) fn expect_no_chunks(&mut self) {
        self.chunks = None;
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut (dyn pingora_core::protocols::IO + 'static)> {
        Pin::new(&mut *self.get_mut().stream)
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        ready!(self.as_mut().stream().poll_read(context, buffer))?;
        let socket = self.get_mut();
        let came = &buffer.filled()[before..];
        socket.received += came.len() as u64;
        if let Some(chunks) = &mut socket.chunks
            && chunks.feed(came).is_err()
        {
            return Poll::Ready(Err(Error::from(ErrorKind::InvalidData)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.stream().poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for ClientSocket {
    async fn shutdown(&mut self) {
        self.stream.shutdown().await;
    }
}

#[async_trait]
impl Peek for ClientSocket {
    async fn try_peek(&mut self, buffer: &mut [u8]) -> Result<bool> {
        self.stream.try_peek(buffer).await
    }
}

impl UniqueID for ClientSocket {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl Ssl for ClientSocket {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.selected_alpn_proto()
    }
}

impl GetTimingDigest for ClientSocket {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> std::time::Duration {
        self.stream.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> std::time::Duration {
        self.stream.get_write_pending_time()
    }
}

impl GetProxyDigest for ClientSocket {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.stream.set_proxy_digest(digest);
    }
}

impl GetSocketDigest for ClientSocket {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.stream.set_socket_digest(digest);
    }
}
