//! Holding a stream back, for as long as [`keyweir_policy::wire::stream::held_back`] says: until its
//! first content, or, where that is wanted, until it is complete.
//!
//! Nothing is sent meanwhile, not even a comment: with a first byte there would be a status, and
//! whatever went wrong then could only be told behind it.

use keyweir_policy::wire::stream::held_back::{self, HeldUntil, Hold, Released};

use crate::request::answer::{Answer, Stream};
use crate::request::exchange::Exchange;
use crate::request::lease::HeldLease;

/// A stream that is held back.
pub(super) struct Holding<'a> {
    pub(super) lease: &'a mut HeldLease,
    pub(super) answer: &'a mut Answer,
    /// With a share of what may be held, where it is held until it is complete.
    pub(super) stream: &'a mut Stream,
    pub(super) until: HeldUntil,
}

impl Holding<'_> {
    /// Reads the stream until it is held no longer; `None`: the client left.
    pub(super) async fn hold(mut self, exchange: &mut Exchange<'_>) -> Option<Released> {
        let idle = exchange.live.settings().timeouts.stream_idle;
        // What was read to see what it is.
        let first = self.answer.body.joined();
        self.stream.reader.feed(&first);
        let mut has_room = self.has_room(exchange, first.len());
        loop {
            let holding = held_back::Holding {
                until: self.until,
                ended: self.answer.ended,
                has_room,
                idle,
            };
            let now = exchange.gateway.clock.now();
            let (at_most, or) = match self.stream.reader.held(now, &holding) {
                Hold::Read { at_most, or } => (at_most, or),
                Hold::Release(released) => return Some(released),
            };
            exchange.deadline.restart(at_most);
            tokio::select! {
                biased;
                read = self.answer.read_piece() => match read {
                    Ok(piece) => {
                        self.stream.reader.feed(&piece);
                        self.lease.progressed(self.stream.reader.tokens().output_so_far());
                        has_room = self.has_room(exchange, piece.len());
                    }
                    Err(_) => return Some(self.stream.reader.held_died()),
                },
                () = exchange.client.gone() => return None,
                () = exchange.deadline.passed() => return Some(or),
            }
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
