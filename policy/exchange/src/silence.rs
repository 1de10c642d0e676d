//! How long a provider may be silent before a stream that has somebody else to go to is left for that.
//!
//! Falling back costs nothing but preference, so it may come soon. But some models think for a minute
//! without a word, and whoever always left them would pay twice for each answer. So the span is
//! learned, per model: what was left for its silence, or began late in the time it had, gets twice as
//! long the next time; what has begun early for a while, half. Streams that have nobody else to go to
//! wait for as long as the operator lets them.
//!
//! Only models that are slower than the usual are remembered, and so many of them at most: those that
//! were slow last.

pub mod request;

use std::time::Duration;

use keyweir_terms::recent_names::RecentNames;

/// Models remembered, those that were slow last; of others, all have what they begin with. Far more than
/// providers have.
const MODELS_MAX: usize = 1_000;
/// The most doublings: a second becomes a day.
const DOUBLINGS_MAX: u32 = 16;
/// So many early beginnings in a row take a doubling back: a thinker may well be quick a few times.
const EARLY_MIN: u32 = 32;

/// How long the operator lets providers be silent.
#[derive(Clone, Copy, Debug)]
pub struct SilenceLimits {
    /// A stream that has a fallback, of a model of which nothing is known.
    pub fallback: Duration,
    /// Any stream, and any answer for as long as no part of it is produced.
    pub first_token: Duration,
    /// Whatever it is.
    pub head: Duration,
}

/// What is known of a provider's models.
#[derive(Debug)]
pub struct Silences {
    slow: RecentNames<Slow>,
}

impl Default for Silences {
    fn default() -> Self {
        let slow = RecentNames::new(MODELS_MAX);
        Self { slow }
    }
}

/// A model that is slower than the usual.
#[derive(Clone, Copy, Debug, Default)]
struct Slow {
    doublings: u32,
    /// Early beginnings in a row.
    early: u32,
}

/// How long one attempt may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// So long.
    pub span: Duration,
    doublings: u32,
}

impl Silences {
    /// How long an attempt with `model` may be silent.
    pub fn allowed(&self, model: &str, limits: &SilenceLimits) -> Allowed {
        let doublings = self.slow.peek(model).map_or(0, |slow| slow.doublings);
        let span = limits.fallback.saturating_mul(1 << doublings);
        Allowed {
            span: span.min(limits.first_token),
            doublings,
        }
    }

    /// An attempt was left for its silence.
    pub fn left(&mut self, model: &str, allowed: Allowed) {
        let mut slow = self.slow.peek(model).copied().unwrap_or_default();
        slow.early = 0;
        // Of many that were left together, one tells as much as all.
        if slow.doublings == allowed.doublings {
            slow.doublings = (slow.doublings + 1).min(DOUBLINGS_MAX);
        }
        self.slow.insert(model, slow);
    }

    /// An attempt was heard of after `silent`.
    pub fn heard(&mut self, model: &str, allowed: Allowed, silent: Duration) {
        if silent > allowed.span / 2 {
            return self.left(model, allowed);
        }
        let Some(slow) = self.slow.get(model) else {
            return;
        };
        // Half as long must have been enough, with room.
        if silent > allowed.span / 4 {
            slow.early = 0;
            return;
        }
        slow.early += 1;
        if slow.early >= EARLY_MIN {
            slow.early = 0;
            slow.doublings = slow.doublings.saturating_sub(1);
        }
        if slow.doublings == 0 {
            self.slow.remove(model);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SilenceLimits = SilenceLimits {
        fallback: Duration::from_secs(10),
        first_token: Duration::from_secs(100),
        head: Duration::from_secs(600),
    };

    fn secs(silences: &Silences, model: &str) -> u64 {
        silences.allowed(model, &LIMITS).span.as_secs()
    }

    fn heard(silences: &mut Silences, model: &str, after: u64) {
        let allowed = silences.allowed(model, &LIMITS);
        silences.heard(model, allowed, Duration::from_secs(after));
    }

    #[test]
    fn a_model_that_was_left_gets_twice_as_long_up_to_the_most() {
        let mut silences = Silences::default();
        for expected in [10, 20, 40, 80, 100, 100] {
            assert_eq!(secs(&silences, "thinker"), expected);
            let allowed = silences.allowed("thinker", &LIMITS);
            silences.left("thinker", allowed);
        }
        assert_eq!(secs(&silences, "other"), 10);
    }

    #[test]
    fn those_that_were_left_together_count_once() {
        let mut silences = Silences::default();
        let allowed = silences.allowed("a", &LIMITS);
        for _ in 0..100 {
            silences.left("a", allowed);
        }
        assert_eq!(secs(&silences, "a"), 20);
    }

    #[test]
    fn one_that_begins_late_gets_longer_and_one_that_has_long_begun_early_less() {
        let mut silences = Silences::default();
        heard(&mut silences, "a", 4);
        assert_eq!((secs(&silences, "a"), silences.slow.len()), (10, 0));
        heard(&mut silences, "a", 8);
        assert_eq!(secs(&silences, "a"), 20);
        for _ in 0..100 {
            // Between: neither late nor early.
            heard(&mut silences, "a", 8);
        }
        assert_eq!(secs(&silences, "a"), 20);
        for _ in 0..EARLY_MIN {
            heard(&mut silences, "a", 1);
        }
        assert_eq!((secs(&silences, "a"), silences.slow.len()), (10, 0));
    }

    #[test]
    fn a_flood_of_slow_names_keeps_no_later_model_from_being_learned() {
        let mut silences = Silences::default();
        let leave = |silences: &mut Silences, model: &str| {
            let allowed = silences.allowed(model, &LIMITS);
            silences.left(model, allowed);
        };
        for number in 0..3 * MODELS_MAX {
            leave(&mut silences, &number.to_string());
        }
        assert!(silences.slow.len() <= 2 * MODELS_MAX);
        leave(&mut silences, "thinker");
        leave(&mut silences, "thinker");
        assert_eq!(secs(&silences, "thinker"), 40);
    }
}
