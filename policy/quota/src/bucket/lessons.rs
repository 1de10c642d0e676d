//! What outcomes teach a bucket of which no header tells the limit.

use keyweir_terms::time::Time;

use super::untold::{Learned, Lesson};
use super::{Bucket, Burst, Mark};

/// The share below which a bucket is being used up, whatever one request takes of it.
const LOW: f64 = 0.5;

impl Bucket {
    /// Whether no header and no policy file has told its limit.
    pub fn is_untold(&self) -> bool {
        !self.is_limit_told
    }

    /// Whether a header has told what is left of it.
    pub const fn is_told(&self) -> bool {
        self.is_told
    }

    /// Outcomes have told what it is.
    pub fn learn(&mut self, now: Time, lesson: &Lesson) {
        self.advance(now);
        let per_sec = lesson
            .per_sec
            .max(self.inflow.per_sec().unwrap_or_default());
        self.limit = Some(per_sec * self.window_secs);
        self.learned.per_sec = per_sec;
        if !self.is_told || !self.burst.is_observed() {
            self.burst = Burst::learned_from_outcomes(lesson.burst);
            self.level = lesson.level.min(self.top());
        }
    }

    /// Whether its rate was learned, and the request of `mark` for `need` left next to nothing.
    pub fn is_used_up(&self, mark: Mark, need: f64) -> bool {
        let had = self.had(mark);
        self.learned.is_any() && self.is_untold() && had < (2.0 * need).max(LOW * self.burst())
    }

    /// Whether no header tells what is left of it, and the request of `mark` for `need` found little more
    /// than that.
    pub fn is_at_its_end(&self, mark: Mark, need: f64) -> bool {
        let surplus = self.surplus(mark, need).unwrap_or(f64::INFINITY);
        let is_untold = self.learned.is_any() && self.is_untold();
        (is_untold || !self.is_told) && surplus < need
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
}
