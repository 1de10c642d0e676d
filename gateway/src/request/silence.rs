//! How long a provider may be silent at first before it is left for another.
//!
//! Of a stream something comes soon, if anything is at work: an opening, a ping, a comment. A whole
//! answer takes as long as it is long, at most as its cap on output allows. Each time-out that a
//! request meets doubles the next: what nobody answers in time may be slow, not dead. A stream that has
//! a fallback goes there sooner, as [`keyweir_policy::exchange::silence`] has learned.

use std::time::Duration;

use keyweir_policy::config::file::Timeouts;
use keyweir_policy::exchange::silence::Allowed;
use tokio::time::Instant;

/// Hosted models produce 20 tokens a second and more; half of that.
const TOKENS_PER_SEC_MIN: u64 = 10;

/// How long silence may last for one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    awaited: Awaited,
    /// Time-outs that the request has met.
    met: u32,
    /// What the last attempt was allowed, of a stream with a fallback that was not heard of yet.
    allowed: Option<Allowed>,
    /// When the last attempt had been sent.
    sent: Instant,
}

/// What answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A model's answer, as a stream.
    Stream,
    /// A model's answer as a whole, of so many tokens at most.
    Whole(u64),
    /// Something that may take any time.
    Anything,
}

impl Silence {
    pub(crate) fn new(awaited: Awaited) -> Self {
        Self {
            awaited,
            met: 0,
            allowed: None,
            sent: Instant::now(),
        }
    }

    /// Whether a stream is asked for.
    pub(crate) fn is_of_a_stream(&self) -> bool {
        self.awaited == Awaited::Stream
    }

    /// An attempt has been sent; `allowed`: what it is, where it has a fallback. The longest that its
    /// answer's head may take.
    pub(crate) fn begins(&mut self, timeouts: &Timeouts, allowed: Option<Allowed>) -> Duration {
        self.allowed = allowed;
        self.sent = Instant::now();
        self.most(timeouts)
    }

    /// Something has come. What that took, and what it was allowed, if it had a fallback.
    pub(crate) fn ends(&mut self) -> Option<(Allowed, Duration)> {
        let allowed = self.allowed.take()?;
        Some((allowed, self.sent.elapsed()))
    }

    /// An attempt timed out. What it was allowed, if that was for its silence and it had a fallback.
    pub(crate) fn timed_out(&mut self) -> Option<Allowed> {
        self.met += 1;
        self.allowed.take()
    }

    /// How long is left for a first byte.
    pub(crate) fn left(&self, timeouts: &Timeouts) -> Duration {
        self.most(timeouts).saturating_sub(self.sent.elapsed())
    }

    fn most(&self, timeouts: &Timeouts) -> Duration {
        if let Some(allowed) = self.allowed {
            return allowed.span.min(timeouts.head);
        }
        let producing = match self.awaited {
            Awaited::Stream => Duration::ZERO,
            Awaited::Whole(tokens) => Duration::from_secs(tokens.div_ceil(TOKENS_PER_SEC_MIN)),
            Awaited::Anything => return timeouts.head,
        };
        let most = timeouts.first_token.saturating_add(producing);
        most.saturating_mul(1 << self.met.min(16))
            .min(timeouts.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_for_decides_how_long_silence_may_last() {
        let timeouts = Timeouts {
            first_token: Duration::from_secs(100),
            head: Duration::from_secs(600),
            ..Timeouts::default()
        };
        let most = |awaited| Silence::new(awaited).begins(&timeouts, None).as_secs();
        assert_eq!(most(Awaited::Stream), 100);
        assert_eq!(most(Awaited::Whole(64)), 107);
        assert_eq!(most(Awaited::Whole(100_000)), 600);
        assert_eq!(most(Awaited::Whole(u64::MAX)), 600);
        assert_eq!(most(Awaited::Anything), 600);

        let mut silence = Silence::new(Awaited::Stream);
        for expected in [100, 200, 400, 600, 600] {
            assert_eq!(silence.begins(&timeouts, None).as_secs(), expected);
            assert_eq!(silence.timed_out(), None);
        }
        tokio::time::advance(Duration::from_secs(250)).await;
        assert_eq!(silence.left(&timeouts).as_secs(), 350);
    }
}
