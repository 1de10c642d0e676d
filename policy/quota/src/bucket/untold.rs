//! A limit that no header tells, as it was learned from what was taken between refusals.
//!
//! The rate at which a bucket that is used up lets requests pass is the rate at which it refills. It is
//! used from the refusal that told it on, from an empty bucket, so that what waits goes at that rate and
//! never as a crowd. A rate that is believed too low is never refused and would stay too low; so it
//! grows with each request that leaves nothing, slowly first, then quicker, until a refusal tells anew.
//! How slowly depends on what a refusal costs: what overflows while the account is left alone.

use keyweir_terms::time::Time;

use super::{Bucket, Burst, Mark};

/// After so many requests that left nothing, the rate has grown by [`GROWTH`]; after twice as many by
/// eight times that. About one request in a hundred is refused then, where a refusal costs nothing else.
const TESTS: f64 = 40.0;
const GROWTH: f64 = 0.05;
/// The rate grows to this multiple of what was measured, at most, before it is measured again.
const GROWN_MAX: f64 = 16.0;

/// The share from which on a bucket is full: what would have flowed over cannot be told.
const FULL: f64 = 0.98;

/// The share below which a bucket is being used up, whatever one request takes of it.
const LOW: f64 = 0.5;

/// How a rate was learned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learned {
    /// As of the last refusal; zero: there is none.
    per_sec: f64,
    /// Requests since then that left nothing.
    tests: f64,
    /// How many times as many it takes as [`TESTS`].
    patience: f64,
    /// The fullest that the bucket was believed to be since then, as a share.
    fullest: f64,
}

/// What was learned of a bucket from outcomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lesson {
    /// What flows in per second.
    pub per_sec: f64,
    /// What it saves up, at least.
    pub burst: f64,
    /// What a request takes in the mean.
    pub need: f64,
}

impl Learned {
    pub(super) const NOTHING: Self = Self {
        per_sec: 0.0,
        tests: 0.0,
        patience: 1.0,
        fullest: 0.0,
    };

    pub(super) fn is_any(&self) -> bool {
        self.per_sec > 0.0
    }

    /// At least `per_sec` flows in, as what remains has told.
    pub(super) fn at_least(&mut self, per_sec: f64) {
        if per_sec > self.per_sec {
            (self.per_sec, self.tests) = (per_sec, 0.0);
        }
    }

    /// The bucket was believed to be so full when something was taken.
    pub(super) fn found(&mut self, share: f64) {
        if share.is_finite() {
            self.fullest = self.fullest.max(share);
        }
    }

    /// The rate after one more request that left nothing.
    fn tested(&mut self) -> f64 {
        self.tests += 1.0;
        let share = GROWTH * (self.tests / (TESTS * self.patience)).powi(3);
        self.per_sec * (1.0 + share).min(GROWN_MAX)
    }
}

impl Bucket {
    /// Whether no header and no policy file has told its limit.
    pub fn is_untold(&self) -> bool {
        !self.is_limit_told
    }

    /// Whether a header has told what is left of it.
    pub const fn is_told(&self) -> bool {
        self.is_told
    }

    /// Outcomes have told its rate. It is empty, as of `now`.
    pub fn learn(&mut self, now: Time, lesson: &Lesson) {
        self.advance(now);
        let limit = lesson.per_sec * self.window_secs;
        self.limit = Some(limit);
        if !self.learned.is_any() && !self.is_told {
            self.burst = Burst::guessed(lesson.burst, lesson.need);
            self.level = 0.0;
        }
        self.learned = Learned {
            per_sec: lesson.per_sec,
            tests: 0.0,
            patience: self.patience(lesson.need),
            fullest: 0.0,
        };
    }

    /// Whether it was believed to be full since outcomes told its rate last.
    pub fn was_full(&self) -> bool {
        self.learned.fullest >= FULL
    }

    /// The rate that outcomes have told, per second.
    pub fn learned_per_sec(&self) -> Option<f64> {
        self.learned.is_any().then(|| self.refill())
    }

    /// Whether its rate was learned, and the request of `mark` for `need` found little more than that.
    pub fn is_at_its_end(&self, mark: Mark, need: f64) -> bool {
        let surplus = self.surplus(mark, need).unwrap_or(f64::INFINITY);
        self.learned.is_any() && self.is_untold() && surplus < need
    }

    /// What was learned of it is wrong: another dimension explains refusals better.
    pub fn unlearn(&mut self, now: Time) {
        if self.learned.is_any() && self.is_untold() {
            self.advance(now);
            self.learned = Learned::NOTHING;
            self.limit = None;
            self.burst = Burst::UNKNOWN;
            self.level = f64::INFINITY;
        }
    }

    /// A request for `need` was admitted that found `had`.
    pub(super) fn test(&mut self, now: Time, had: f64, need: f64) {
        if self.learned.is_any() && self.is_untold() && had < (2.0 * need).max(LOW * self.burst()) {
            self.advance(now);
            self.limit = Some(self.learned.tested() * self.window_secs);
        }
    }
}
