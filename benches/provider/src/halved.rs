//! An answer that is not streamed and breaks after its head, or in the middle of its body.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Sleep, sleep};

use crate::conn::Conn;
use crate::flight::Flight;
use crate::gone::Gone;

/// A body of which the beginning is sent before something happens.
#[derive(Debug)]
pub(crate) struct Halved {
    pub(crate) before: Option<Bytes>,
    pub(crate) breaks: Break,
    pub(crate) after: Option<Bytes>,
    pub(crate) flight: Flight,
    pause: Option<Pin<Box<Sleep>>>,
}

/// What happens then.
#[derive(Clone, Debug)]
pub(crate) enum Break {
    /// This connection is reset.
    Connection(Arc<Conn>),
    /// This stream of a connection is.
    Stream,
    /// Nothing, for so long or for ever; then the rest follows.
    Stall(Option<Duration>),
}

/// What was written has to leave before the connection is broken.
pub(crate) const FLUSH: Duration = Duration::from_millis(5);

impl Halved {
    /// Sends `before` bytes of `body`, then breaks.
    pub(crate) fn new(mut body: Bytes, before: usize, breaks: Break, mut flight: Flight) -> Self {
        let before = body.split_to(before.min(body.len()));
        // What is broken on command is no cancellation; a stall waits for one.
        if !matches!(breaks, Break::Stall(_)) {
            flight.end();
        }
        Self {
            before: Some(before).filter(|bytes| !bytes.is_empty()),
            breaks,
            after: Some(body),
            flight,
            pause: None,
        }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Gone>>> {
        if let Some(before) = self.before.take() {
            return Poll::Ready(Some(Ok(before)));
        }
        let span = match &self.breaks {
            Break::Stall(None) => return Poll::Pending,
            Break::Stall(Some(span)) => *span,
            Break::Connection(_) | Break::Stream => FLUSH,
        };
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(span)));
        if self.after.is_some() {
            ready!(pause.as_mut().poll(cx));
        }
        match &self.breaks {
            Break::Stall(_) => {
                self.flight.end();
                Poll::Ready(self.after.take().map(Ok))
            }
            Break::Connection(conn) => {
                conn.reset();
                Poll::Ready(Some(Err(Gone)))
            }
            Break::Stream => Poll::Ready(Some(Err(Gone))),
        }
    }
}
