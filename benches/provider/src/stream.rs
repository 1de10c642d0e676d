//! A streamed answer: its chunks at their pace, charged as they are produced.
//!
//! Chunks are due at fixed moments from admission, so a late one does not delay the next. The
//! body is a state machine that hyper polls; no task and no channel per stream, so thousands of
//! open streams cost little. When hyper drops it, nothing more is produced.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::conn::Conn;
use crate::flight::Flight;
use crate::gone::Gone;
use crate::halved::FLUSH;
use crate::latency::Plan;
use crate::meter::Meter;
use crate::voice::Voice;

/// A streamed answer.
pub(crate) struct Stream {
    voice: Box<dyn Voice>,
    /// Gone once the stream has ended: nothing more is charged.
    meter: Option<Meter>,
    flight: Flight,
    plan: Plan,
    /// When the request was admitted.
    began: Instant,
    /// What goes wrong, and when.
    fault: Option<StreamFault>,
    phase: Phase,
    /// Chunks of content sent.
    chunks_sent: u64,
    /// Nothing is sent before this.
    stalled_until: Option<Instant>,
    /// By how much a stall has put off what is left.
    delay: Duration,
    last_sent: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// A fault that strikes in the stream.
#[derive(Clone, Debug)]
pub(crate) struct StreamFault {
    /// After so many chunks; `None`: before the events that open the stream.
    pub(crate) after: Option<u64>,
    pub(crate) what: Trouble,
}

/// What strikes.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// The connection, or this stream of it, is reset.
    Reset(Option<Arc<Conn>>),
    /// Nothing is sent for so long, or ever.
    Stall(Option<Duration>),
    /// An error event, then the end.
    ErrorEvent(Option<String>),
    /// The end.
    CleanEnd,
}

/// What comes next.
#[derive(Debug)]
enum Phase {
    Open,
    Content,
    /// What was written leaves, then the connection, or this stream of it, is reset.
    Resetting(Option<Arc<Conn>>),
    /// For ever.
    Stalled,
    Over,
}

impl Stream {
    pub(crate) fn new(
        (voice, meter): (Box<dyn Voice>, Meter),
        mut flight: Flight,
        (plan, began): (Plan, Instant),
        fault: Option<StreamFault>,
    ) -> Self {
        flight.streams();
        Self {
            voice,
            meter: Some(meter),
            flight,
            plan,
            began,
            fault,
            phase: Phase::Open,
            chunks_sent: 0,
            stalled_until: None,
            delay: Duration::ZERO,
            last_sent: began,
            timer: None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Gone>>> {
        if self.fault_is_due()
            && let Some(bytes) = self.strike()
        {
            return Poll::Ready(Some(Ok(bytes)));
        }
        if let Some(until) = self.stalled_until {
            ready!(self.poll_timer(until, cx));
            self.stalled_until = None;
        }
        match self.phase {
            Phase::Open => Poll::Ready(Some(Ok(self.open()))),
            Phase::Content => self.poll_content(cx).map(|bytes| Some(Ok(bytes))),
            // The client will leave; hyper drops the body then.
            Phase::Stalled => Poll::Pending,
            Phase::Over => Poll::Ready(None),
            Phase::Resetting(_) => {
                ready!(self.poll_timer(self.last_sent + FLUSH, cx));
                Poll::Ready(Some(Err(self.reset())))
            }
        }
    }

    fn open(&mut self) -> Bytes {
        let mut out = Vec::with_capacity(1024);
        self.voice.open(&mut out);
        self.phase = Phase::Content;
        self.sent(out)
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let chunks = self.plan.chunks();
        if self.chunks_sent >= chunks {
            return Poll::Ready(self.close());
        }
        let due = self.began + self.plan.due(self.chunks_sent) + self.delay;
        let ping = self.plan.ping.map(|ping| self.last_sent + ping);
        match ping.filter(|ping| *ping < due) {
            Some(ping) => {
                ready!(self.poll_timer(ping, cx));
                let mut out = Vec::new();
                self.voice.ping(&mut out);
                Poll::Ready(self.sent(out))
            }
            None => {
                ready!(self.poll_timer(due, cx));
                Poll::Ready(self.piece())
            }
        }
    }

    fn piece(&mut self) -> Bytes {
        let from = self.chunks_sent * self.plan.chunk_tokens;
        let tokens = self.plan.chunk_tokens.min(self.plan.text_tokens() - from);
        let text = self.plan.piece(from, tokens);
        let mut out = Vec::with_capacity(text.len() + 128);
        self.voice.piece(&text, &mut out);
        self.produce(tokens);
        self.chunks_sent += 1;
        self.sent(out)
    }

    fn close(&mut self) -> Bytes {
        self.produce(self.plan.tool_tokens);
        let output = self.meter.as_ref().map_or(0, |meter| meter.output);
        let mut out = Vec::with_capacity(512);
        self.voice.close(output, &mut out);
        self.end();
        self.sent(out)
    }

    fn fault_is_due(&self) -> bool {
        let Some(fault) = &self.fault else {
            return false;
        };
        match (fault.after, &self.phase) {
            (None, Phase::Open) => true,
            (Some(after), Phase::Content) => {
                self.chunks_sent >= after || self.chunks_sent >= self.plan.chunks()
            }
            _ => false,
        }
    }

    /// Lets the fault happen; returns what it sends.
    fn strike(&mut self) -> Option<Bytes> {
        match self.fault.take()?.what {
            Trouble::Stall(None) => self.phase = Phase::Stalled,
            Trouble::Stall(Some(span)) => {
                self.stalled_until = Some(Instant::now() + span);
                self.delay += span;
            }
            Trouble::Reset(conn) => {
                self.end();
                self.last_sent = Instant::now();
                self.phase = Phase::Resetting(conn);
            }
            Trouble::ErrorEvent(kind) => {
                let mut out = Vec::new();
                self.voice.error(kind.as_deref(), &mut out);
                self.end();
                return Some(Bytes::from(out));
            }
            Trouble::CleanEnd => self.end(),
        }
        None
    }

    fn reset(&mut self) -> Gone {
        if let Phase::Resetting(Some(conn)) = &self.phase {
            conn.reset();
        }
        self.phase = Phase::Over;
        Gone
    }

    fn produce(&mut self, tokens: u64) {
        if let Some(meter) = &mut self.meter {
            meter.produce(tokens);
        }
    }

    /// Nothing more is charged, and nobody can cancel it any more.
    fn end(&mut self) {
        self.meter = None;
        self.flight.end();
        self.phase = Phase::Over;
    }

    fn sent(&mut self, out: Vec<u8>) -> Bytes {
        if self.plan.ping.is_some() {
            self.last_sent = Instant::now();
        }
        Bytes::from(out)
    }

    fn poll_timer(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        // At once, where nothing has a pace: not even the clock is asked.
        if at <= self.began || at <= Instant::now() {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("phase", &self.phase)
            .field("chunks_sent", &self.chunks_sent)
            .finish_non_exhaustive()
    }
}
