//! Holding a stream back: until its first content, or, where that is wanted, until it is complete.
//!
//! As long as the client has nothing of it, a stream that fails goes to another key unseen. Until its
//! first content that costs nothing. Until its end it costs the client the sight of the first words,
//! and us memory: an answer that outgrows what may be held of it, or of all, goes on as it comes from
//! there. Nothing is sent meanwhile, not even a comment: with a first byte there would be a status, and
//! whatever went wrong then could only be told behind it.

use std::time::Duration;

use keyweir_policy::terms::fault::Fault;
use keyweir_policy::wire::opening::Opening;
use tokio::time::Instant;

use crate::request::answer::{Answer, Stream};
use crate::request::exchange::Exchange;
use crate::request::lease::HeldLease;
use crate::request::respond::AFTER_FINISH;

/// A stream that is held back.
pub(super) struct Holding<'a> {
    pub(super) lease: &'a mut HeldLease,
    pub(super) answer: &'a mut Answer,
    /// With a share of what may be held, until it is complete.
    pub(super) stream: &'a mut Stream,
    /// Without one, until then at the latest.
    pub(super) until: Instant,
}

/// How it ended.
pub(super) enum Held {
    /// The client may have it.
    Begun,
    /// It reported this.
    Failed(Fault),
    /// It broke.
    Died(Fault),
    ClientLeft,
}

impl Holding<'_> {
    pub(super) async fn hold(mut self, exchange: &mut Exchange<'_>) -> Held {
        // What was read to see what it is.
        let first = self.answer.body.joined();
        self.stream.reader.feed(&first);
        let mut has_room = self.has_room(exchange, first.len());
        loop {
            match self.opening() {
                Opening::Failed(fault) => return Held::Failed(fault),
                Opening::Begun => return Held::Begun,
                Opening::Cut => return Held::Died(Fault::ConnectionLost),
                Opening::Undecided => {}
            }
            let left = self.left(exchange);
            if left.is_zero() || !has_room {
                return Held::Begun;
            }
            exchange.deadline.restart(left);
            tokio::select! {
                biased;
                read = self.answer.read_piece() => match read {
                    Ok(piece) => {
                        self.stream.reader.feed(&piece);
                        self.lease.progressed(self.stream.reader.output_so_far());
                        has_room = self.has_room(exchange, piece.len());
                    }
                    Err(_) if self.stream.reader.finished() => return Held::Begun,
                    Err(_) => return Held::Died(Fault::ConnectionLost),
                },
                () = exchange.client.gone() => return Held::ClientLeft,
                () = exchange.deadline.passed() => return if self.is_due() {
                    Held::Begun
                } else {
                    Held::Died(Fault::TimedOut)
                },
            }
        }
    }

    fn opening(&mut self) -> Opening {
        let reader = &mut self.stream.reader;
        match self.stream.share {
            Some(_) => reader.whole(self.answer.ended),
            None => reader.opening(self.answer.ended),
        }
    }

    /// How long the next piece may take.
    fn left(&self, exchange: &Exchange<'_>) -> Duration {
        let idle = exchange.live.settings().timeouts.stream_idle;
        if self.stream.share.is_none() {
            let left = self.until.saturating_duration_since(Instant::now());
            left.min(idle)
        } else if self.stream.reader.finished() {
            idle.min(AFTER_FINISH)
        } else {
            idle
        }
    }

    /// Whether the client may have it, though nothing more came.
    fn is_due(&self) -> bool {
        match self.stream.share {
            Some(_) => self.stream.reader.finished(),
            None => Instant::now() >= self.until,
        }
    }

    /// Whether `more` bytes fit among what is held.
    fn has_room(&mut self, exchange: &Exchange<'_>, more: usize) -> bool {
        let settings = &exchange.live.settings().stream;
        let len = self.answer.body.len() as u64;
        match &mut self.stream.share {
            Some(share) => len <= settings.whole_bytes_max && share.grow(more as u64),
            None => len <= settings.hold_bytes_max,
        }
    }
}
