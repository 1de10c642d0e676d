//! A limit that no header tells, as it was learned from what was taken between refusals.
//!
//! The rate at which a bucket that is used up lets requests pass is the rate at which it refills. It is
//! used from the refusal that told it on, from an empty bucket, so that what waits goes at that rate and
//! never as a crowd. A rate that is believed too low is never refused and would stay too low; so it
//! grows with each request that leaves nothing, slowly first, then quicker, until a refusal tells anew.
//! How slowly depends on what a refusal costs: what overflows while the account is left alone.

/// After so many requests that left nothing, the rate has grown by [`GROWTH`]; after twice as many by
/// eight times that. About one request in a hundred is refused then, where a refusal costs nothing else.
const TESTS: f64 = 40.0;
const GROWTH: f64 = 0.05;
/// The rate grows to this multiple of what was measured, at most, before it is measured again.
const GROWN_MAX: f64 = 16.0;

/// How a rate was learned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learned {
    /// As of the last refusal; zero: there is none.
    pub(super) per_sec: f64,
    /// Requests since then that left nothing.
    pub(super) tests: f64,
    /// How many times as many it takes as [`TESTS`].
    pub(super) patience: f64,
    /// The fullest that the bucket was believed to be since then, as a share.
    pub(super) fullest: f64,
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
    pub(super) fn tested(&mut self) -> f64 {
        self.tests += 1.0;
        let share = GROWTH * (self.tests / (TESTS * self.patience)).powi(3);
        self.per_sec * (1.0 + share).min(GROWN_MAX)
    }
}
