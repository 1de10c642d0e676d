//! How long a provider may be silent at first before one request leaves it for another.
//!
//! Of a stream something comes soon, if anything is at work: an opening, a ping, a comment. A whole
//! answer takes as long as it is long, at most as its cap on output allows. Each time-out that a
//! request meets doubles the next: what nobody answers in time may be slow, not dead. A stream that has
//! a fallback goes there sooner, as the provider's [`Silences`] have learned.

use std::time::Duration;

use keyweir_terms::time::Time;

use super::{Allowed, SilenceLimits, Silences};

/// Hosted models produce 20 tokens a second and more; half of that. Not measured.
const TOKENS_PER_SEC_MIN: u64 = 10;
/// The most doublings for one request: far more attempts than it has.
const DOUBLINGS_MAX: u32 = 16;

/// How long silence may last for one request.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    awaited: Awaited,
    /// Time-outs that the request has met.
    met: u32,
    /// What the last attempt was allowed, of a stream with a fallback that was not heard of yet.
    allowed: Option<Allowed>,
    /// When the last attempt had been sent.
    sent: Time,
}

/// What answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A model's answer, as a stream.
    Stream,
    /// A model's answer as a whole, of so many tokens at most.
    Whole(u64),
    /// Something that may take any time.
    Anything,
}

impl Silence {
    /// Of a request that nothing has been sent of at `now`.
    pub const fn new(awaited: Awaited, now: Time) -> Self {
        Self {
            awaited,
            met: 0,
            allowed: None,
            sent: now,
        }
    }

    /// Whether the attempts of this request are left sooner where there `is` a fallback.
    pub fn may_leave(&self, is: bool) -> bool {
        is && self.awaited == Awaited::Stream
    }

    /// An attempt with `model` has been sent; `learned`: of its provider, where the request
    /// [may leave it](Self::may_leave). The longest that the head of its answer may take.
    pub fn begins(
        &mut self,
        now: Time,
        (learned, model): (Option<&Silences>, &str),
        limits: &SilenceLimits,
    ) -> Duration {
        self.allowed = learned.map(|silences| silences.allowed(model, limits));
        self.sent = now;
        self.most(limits)
    }

    /// Something has come. What that took, and what it was allowed, if it had a fallback.
    pub fn ends(&mut self, now: Time) -> Option<(Allowed, Duration)> {
        let allowed = self.allowed.take()?;
        Some((allowed, now.since(self.sent)))
    }

    /// An attempt timed out. What it was allowed, if that was for its silence and it had a fallback.
    pub const fn timed_out(&mut self) -> Option<Allowed> {
        self.met += 1;
        self.allowed.take()
    }

    /// How long is left for a first byte.
    pub fn left(&self, now: Time, limits: &SilenceLimits) -> Duration {
        self.most(limits).saturating_sub(now.since(self.sent))
    }

    fn most(&self, limits: &SilenceLimits) -> Duration {
        if let Some(allowed) = self.allowed {
            return allowed.span.min(limits.head);
        }
        let producing = match self.awaited {
            Awaited::Stream => Duration::ZERO,
            Awaited::Whole(tokens) => Duration::from_secs(tokens.div_ceil(TOKENS_PER_SEC_MIN)),
            Awaited::Anything => return limits.head,
        };
        let most = limits.first_token.saturating_add(producing);
        most.saturating_mul(1 << self.met.min(DOUBLINGS_MAX))
            .min(limits.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Time = Time::from_micros(5_000_000);

    fn limits() -> SilenceLimits {
        SilenceLimits {
            fallback: Duration::from_secs(10),
            first_token: Duration::from_secs(100),
            head: Duration::from_secs(600),
        }
    }

    fn begins(silence: &mut Silence) -> u64 {
        silence.begins(SENT, (None, "m"), &limits()).as_secs()
    }

    #[test]
    fn what_is_asked_for_decides_how_long_silence_may_last() {
        for (awaited, expected) in [
            (Awaited::Stream, 100),
            (Awaited::Whole(64), 107),
            (Awaited::Whole(100_000), 600),
            (Awaited::Whole(u64::MAX), 600),
            (Awaited::Anything, 600),
        ] {
            let mut silence = Silence::new(awaited, Time::ZERO);
            assert_eq!(begins(&mut silence), expected, "{awaited:?}");
        }
    }

    #[test]
    fn each_time_out_doubles_the_next() {
        let mut silence = Silence::new(Awaited::Stream, Time::ZERO);
        for expected in [100, 200, 400, 600, 600] {
            assert_eq!(begins(&mut silence), expected);
            assert_eq!(silence.timed_out(), None);
        }
        let later = SENT + Duration::from_secs(250);
        assert_eq!(silence.left(later, &limits()).as_secs(), 350);
    }

    #[test]
    fn only_a_stream_with_a_fallback_is_left_as_was_learned() {
        let silences = Silences::default();
        let mut silence = Silence::new(Awaited::Stream, Time::ZERO);
        assert!(silence.may_leave(true) && !silence.may_leave(false));
        assert!(!Silence::new(Awaited::Whole(1), Time::ZERO).may_leave(true));
        let most = silence.begins(SENT, (Some(&silences), "m"), &limits());
        assert_eq!(most.as_secs(), 10);
        let (allowed, silent) = silence
            .ends(SENT + Duration::from_secs(3))
            .expect("it had a fallback");
        assert_eq!((allowed.span.as_secs(), silent.as_secs()), (10, 3));
        assert_eq!(silence.ends(SENT), None, "it is over");
    }
}
