//! One connection's socket, and how to break it on command.
//!
//! hyper has no way to answer with a reset or with bytes that are no HTTP, so the socket is
//! wrapped: [`Conn::reset`] makes the next read or write fail and the kernel send RST instead of
//! FIN; [`Conn::garble`] replaces the next write.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// The handle by which an exchange breaks its connection.
#[derive(Debug, Default)]
pub(crate) struct Conn {
    order: AtomicU8,
    /// Requests that came over it.
    requests: AtomicU64,
    reader: AtomicWaker,
}

const KEEP: u8 = 0;
const RESET: u8 = 1;
const GARBLE: u8 = 2;

/// What [`Conn::garble`] sends.
const GARBAGE: &[u8] = b"\x16\x03\x00 ?? this is no HTTP ??\r\n\x00\xff\xfe\r\n\r\n";

impl Conn {
    /// Breaks the connection with a TCP reset, at once.
    pub(crate) fn reset(&self) {
        self.order.store(RESET, Ordering::Release);
        self.reader.wake();
    }

    /// Counts one more request; whether it is one more than the connection lives for.
    pub(crate) fn is_stale(&self, requests_max: Option<u64>) -> bool {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        requests_max.is_some_and(|max| before >= max)
    }

    /// Sends garbage in the place of the next bytes, and closes.
    pub(crate) fn garble(&self) {
        self.order.store(GARBLE, Ordering::Release);
    }

    fn order(&self) -> u8 {
        self.order.load(Ordering::Acquire)
    }
}

/// A socket that obeys a [`Conn`].
#[derive(Debug)]
pub(crate) struct Wire<S: Linger> {
    socket: S,
    conn: Arc<Conn>,
}

impl<S: Linger> Wire<S> {
    pub(crate) fn new(socket: S, conn: Arc<Conn>) -> Self {
        Self { socket, conn }
    }

    fn broken(&self) -> io::Error {
        self.socket.reset_on_close();
        io::ErrorKind::ConnectionReset.into()
    }
}

impl<S: Linger> Drop for Wire<S> {
    fn drop(&mut self) {
        if self.conn.order() == RESET {
            self.socket.reset_on_close();
        }
    }
}

/// A socket that can be told to reset when it is closed.
pub(crate) trait Linger {
    fn reset_on_close(&self);
}

impl Linger for TcpStream {
    fn reset_on_close(&self) {
        // A socket that is gone already needs no reset.
        let _ = self.set_zero_linger();
    }
}

impl Linger for TlsStream<TcpStream> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }
}

impl<S: AsyncRead + Linger + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.conn.reader.register(cx.waker());
        if self.conn.order() == RESET {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Linger + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.conn.order() {
            KEEP => Pin::new(&mut self.socket).poll_write(cx, bytes),
            GARBLE => self.poll_garbage(cx),
            _ => Poll::Ready(Err(self.broken())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.conn.order() {
            KEEP => Pin::new(&mut self.socket).poll_write_vectored(cx, slices),
            GARBLE => self.poll_garbage(cx),
            _ => Poll::Ready(Err(self.broken())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.conn.order() == RESET {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl<S: AsyncWrite + Linger + Unpin> Wire<S> {
    fn poll_garbage(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Few enough bytes to fit into any socket's buffer at once.
        let _ = ready!(Pin::new(&mut self.socket).poll_write(cx, GARBAGE))?;
        let _ = Pin::new(&mut self.socket).poll_flush(cx)?;
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }
}
