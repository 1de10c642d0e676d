//! Ends a connection on which the client may still be sending, so that it sees the answer.
//!
//! A socket that is closed while bytes of the client are unread is reset, and the reset overtakes
//! the answer (RFC 9112 section 9.6): so our side ends first, and what comes is thrown away for a
//! while.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, ReadBuf};

use crate::downstream::strangers::holdings::Drain;

/// How long a client may go on sending after its answer: a client that is busy sending reads the
/// answer when it gets to it.
pub(crate) const DRAIN: Duration = Duration::from_secs(2);

/// Bytes thrown away at once.
const PIECE: usize = 8 * 1024;

/// Ends our side, and waits for the client's end. Without leave to read on, it is ended at once.
pub(crate) async fn linger(mut stream: Stream, leave: Option<Drain>) {
    if leave.is_some() {
        ended(&mut stream).await;
    } else {
        stream.shutdown().await;
    }
}

/// Ends our side, and waits for the other's end.
pub(crate) async fn ended(stream: &mut Stream) {
    stream.shutdown().await;
    let rest = std::future::poll_fn(|context| poll_rest(Pin::new(&mut **stream), context));
    let _ = tokio::time::timeout(DRAIN, rest).await;
}

fn poll_rest(
    mut stream: Pin<&mut (impl AsyncRead + ?Sized)>,
    context: &mut Context<'_>,
) -> Poll<()> {
    loop {
        let mut space = [MaybeUninit::uninit(); PIECE];
        let mut piece = ReadBuf::uninit(&mut space);
        let read = ready!(stream.as_mut().poll_read(context, &mut piece));
        if read.is_err() || piece.filled().is_empty() {
            return Poll::Ready(());
        }
    }
}
