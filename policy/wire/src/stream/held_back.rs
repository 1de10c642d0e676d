//! How long a stream is held back from the client: until its first content, or, where that is wanted,
//! until it is complete.
//!
//! As long as the client has nothing of it, a stream that fails goes to another key unseen. Until its
//! first content that costs nothing, for a while: then pings must reach the client before it gives up.
//! Until its end it costs the client the sight of the first words, and the driver memory: an answer that
//! outgrows what may be held goes on as it comes from there.

use std::time::Duration;

use keyweir_terms::fault::Fault;
use keyweir_terms::time::Time;

use crate::answer::opening::Opening;
use crate::stream::reader::StreamReader;

/// Until when a stream is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldUntil {
    /// Its first content, or this moment.
    FirstContent(Time),
    /// Its end.
    Complete,
}

/// What is done with a stream that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It is read on; where nothing comes for `at_most`, this becomes of it.
    Read {
        /// So long.
        at_most: Duration,
        /// What becomes of it then.
        or: Released,
    },
    /// It is held no longer.
    Release(Released),
}

/// What becomes of a stream that is held no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The client may have it.
    Begun,
    /// It reported this.
    Failed(Fault),
    /// It broke.
    Died(Fault),
}

/// What the driver knows of a stream that it holds.
#[derive(Clone, Copy, Debug)]
pub struct Holding {
    /// Until when it is held.
    pub until: HeldUntil,
    /// Nothing more will come.
    pub ended: bool,
    /// More of it may be held.
    pub has_room: bool,
    /// How long silence within an answer may last.
    pub idle: Duration,
}

impl StreamReader {
    /// What is done with the stream at `now`, of which all that has come has been read.
    pub fn held(&mut self, now: Time, holding: &Holding) -> Hold {
        let opening = match holding.until {
            HeldUntil::FirstContent(_) => self.opening(holding.ended),
            HeldUntil::Complete => self.whole(holding.ended),
        };
        match opening {
            Opening::Failed(fault) => return Hold::Release(Released::Failed(fault)),
            Opening::Begun => return Hold::Release(Released::Begun),
            Opening::Cut => return Hold::Release(Released::Died(Fault::ConnectionLost)),
            Opening::Undecided if !holding.has_room => return Hold::Release(Released::Begun),
            Opening::Undecided => {}
        }
        let late = Released::Died(Fault::TimedOut);
        let (at_most, or) = match holding.until {
            HeldUntil::FirstContent(until) => {
                let left = until.since(now);
                if left <= holding.idle {
                    (left, Released::Begun)
                } else {
                    (holding.idle, late)
                }
            }
            HeldUntil::Complete => {
                let or = if self.finished() {
                    Released::Begun
                } else {
                    late
                };
                (self.idle_max(holding.idle), or)
            }
        };
        if at_most.is_zero() {
            Hold::Release(Released::Begun)
        } else {
            Hold::Read { at_most, or }
        }
    }

    /// What becomes of a stream that is held, whose connection broke.
    pub const fn held_died(&self) -> Released {
        if self.finished() {
            Released::Begun
        } else {
            Released::Died(Fault::ConnectionLost)
        }
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::dialect::Dialect;
    use keyweir_terms::endpoint::Endpoint;

    use super::*;

    const PING: &str = ": ping\n\n";
    const CONTENT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    const STOP: &str =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const BEGUN: Hold = Hold::Release(Released::Begun);
    const NOW: Time = Time::from_micros(1_000_000);

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn reader(events: &[&str]) -> StreamReader {
        let mut reader = StreamReader::new(Dialect::OpenAi, Endpoint::Inference, [].into());
        for event in events {
            reader.feed(event.as_bytes());
        }
        reader
    }

    fn holding(until: HeldUntil) -> Holding {
        Holding {
            until,
            ended: false,
            has_room: true,
            idle: secs(300),
        }
    }

    #[test]
    fn until_its_first_content_a_stream_is_held_for_a_while() {
        let until = holding(HeldUntil::FirstContent(NOW + secs(5)));
        let (at_most, or) = (secs(5), Released::Begun);
        let held = reader(&[PING]).held(NOW, &until);
        assert_eq!(held, Hold::Read { at_most, or });
        assert_eq!(reader(&[PING]).held(NOW + secs(5), &until), BEGUN);
        assert_eq!(reader(&[CONTENT]).held(NOW, &until), BEGUN);
        let full = Holding {
            has_room: false,
            ..until
        };
        assert_eq!(reader(&[PING]).held(NOW, &full), BEGUN);
    }

    #[test]
    fn silence_within_an_answer_ends_sooner_than_a_longer_hold() {
        let mut until = holding(HeldUntil::FirstContent(NOW + secs(5)));
        until.idle = secs(2);
        let (at_most, or) = (secs(2), Released::Died(Fault::TimedOut));
        let held = reader(&[PING]).held(NOW, &until);
        assert_eq!(held, Hold::Read { at_most, or });
    }

    #[test]
    fn until_its_end_a_stream_that_breaks_or_falls_silent_has_died() {
        let until = holding(HeldUntil::Complete);
        let (at_most, or) = (secs(300), Released::Died(Fault::TimedOut));
        let mut begun = reader(&[CONTENT]);
        assert_eq!(begun.held(NOW, &until), Hold::Read { at_most, or });
        assert_eq!(begun.held_died(), Released::Died(Fault::ConnectionLost));
        let ended = Holding {
            ended: true,
            ..until
        };
        let died = Hold::Release(Released::Died(Fault::ConnectionLost));
        assert_eq!(begun.held(NOW, &ended), died);
    }

    #[test]
    fn what_has_said_that_it_is_complete_is_begun_whatever_the_connection_does() {
        let until = holding(HeldUntil::Complete);
        let (at_most, or) = (secs(15), Released::Begun);
        let mut finished = reader(&[CONTENT, STOP]);
        assert_eq!(finished.held(NOW, &until), Hold::Read { at_most, or });
        assert_eq!(finished.held_died(), Released::Begun);
    }
}
