//! A connection that somebody looks at while Pingora reads from it and writes to it.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::SslDigest;
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, IO, Peek, Shutdown, SocketDigest, Ssl,
    Stream, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Who looks.
pub(crate) trait Watch: std::fmt::Debug + Send + Sync + Unpin + 'static {
    /// These bytes came.
    ///
    /// # Errors
    /// If they must not be read: reading fails with this.
    fn came(&mut self, bytes: &[u8]) -> Result<()>;

    /// Whether others are to have their turn before more is read.
    fn gives_way(&mut self) -> bool {
        false
    }

    /// Nothing more has come yet.
    fn waits(&mut self) {}

    /// These bytes are to go.
    fn goes(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }
}

/// A connection, and who looks at it.
#[derive(Debug)]
pub(crate) struct Tapped<W> {
    stream: Stream,
    pub(crate) watch: W,
}

impl<W: Watch> Tapped<W> {
    /// Has `watch` look at `stream` from now on.
    pub(crate) fn new(stream: Stream, watch: W) -> Box<Self> {
        Box::new(Self { stream, watch })
    }

    /// The one that `stream` is, if it is one.
    pub(crate) fn of(stream: &Stream) -> Option<&Self> {
        (**stream).as_any().downcast_ref()
    }

    /// The one that Pingora gives back; what is none comes back as it is.
    pub(crate) fn back(stream: Stream) -> std::result::Result<Box<Self>, Stream> {
        if Self::of(&stream).is_none() {
            return Err(stream);
        }
        let tapped = stream.into_any().downcast();
        Ok(tapped.unwrap_or_else(|_| unreachable!("it was looked at just before")))
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut (dyn IO + 'static)> {
        Pin::new(&mut *self.get_mut().stream)
    }
}

impl<W: Watch> AsyncRead for Tapped<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if self.watch.gives_way() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = self.as_mut().stream().poll_read(context, buffer);
        if read.is_pending() {
            self.watch.waits();
        }
        ready!(read)?;
        Poll::Ready(self.get_mut().watch.came(&buffer.filled()[before..]))
    }
}

impl<W: Watch> AsyncWrite for Tapped<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.watch.goes(bytes);
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        for slice in slices {
            self.watch.goes(slice);
        }
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
impl<W: Watch> Shutdown for Tapped<W> {
    async fn shutdown(&mut self) {
        self.stream.shutdown().await;
    }
}

#[async_trait]
impl<W: Watch> Peek for Tapped<W> {
    async fn try_peek(&mut self, buffer: &mut [u8]) -> Result<bool> {
        self.stream.try_peek(buffer).await
    }
}

impl<W: Watch> UniqueID for Tapped<W> {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl<W: Watch> Ssl for Tapped<W> {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.selected_alpn_proto()
    }
}

impl<W: Watch> GetTimingDigest for Tapped<W> {
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

impl<W: Watch> GetProxyDigest for Tapped<W> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.stream.set_proxy_digest(digest);
    }
}

impl<W: Watch> GetSocketDigest for Tapped<W> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.stream.set_socket_digest(digest);
    }
}
