//! What outcomes teach a bucket of which no header tells the limit.

use keyweir_terms::time::Time;

use super::untold::{Learned, Lesson};
use super::{Bucket, Burst, Mark};

/// The share below which a bucket is being used up, whatever one request takes of it.
const LOW: f64 = 0.5;

/// The share from which on a bucket is full: what would have flowed over cannot be told.
const FULL: f64 = 0.98;

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
