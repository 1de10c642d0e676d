//! What a response's headers say of a bucket.
//!
//! They are read as an *interval*, not as a value. The provider took the snapshot at some
//! moment between the sending of the request and the arrival of the answer; it contains every
//! charge made well before the request was sent, and none, some or all of those made since. While the
//! modelled level lies between the two extremes, it is at least as good as the snapshot and
//! stays; outside, it moves to the nearer end. Taking snapshots at face value instead (the usual
//! way) makes the level jump by whatever is in flight, in both directions, with every answer.

use keyweir_terms::snapshot::Reading;
use keyweir_terms::time::Time;

use super::external::News;
use super::inflow::Seen;
use super::{Bucket, Mark, WINDOW_SECS_MIN};

impl Bucket {
    /// Applies what a response said. `mark` is from the sending of its request.
    pub fn reconcile(&mut self, now: Time, mark: Mark, reading: &Reading) {
        self.read(now, mark, reading, false);
    }

    fn read(&mut self, now: Time, mark: Mark, reading: &Reading, only_refusals_tell: bool) {
        self.advance(now);
        let was_known = self.is_known();
        if let Some(remaining) = reading.remaining {
            let least = remaining.saturating_sub(reading.remaining_grain);
            self.shown = self.shown.max(least as f64);
        }
        self.learn_limit(reading);
        self.learn_inflow(mark, reading);
        let Some(limit) = self.limit else { return };
        if !was_known {
            self.burst.assume(limit, self.refill());
            self.level = self.top();
        }
        let Some(remaining) = reading.remaining else {
            return;
        };
        let remaining = remaining as f64;
        let refill = self.refill();
        self.is_told = true;
        let of = (limit, refill);
        self.burst.learn(remaining, reading, of, only_refusals_tell);
        if self.newest.is_some_and(|newest| mark.sent < newest.sent) {
            return;
        }
        self.newest = Some(mark);
        self.level -= self.external.settle(now, refill);
        let grain = reading.remaining_grain as f64;
        let news = News {
            mark,
            remaining,
            grain,
            unseen: self.totals.unseen(mark),
            overflowed: self.overflowed,
            level: self.level,
        };
        if !self.burst.is_guess() && mark.had.is_finite() {
            self.external.learn(now, news, refill);
        }
        self.clamp_level(now, news, was_known);
    }

    /// Applies what a refusal said. Where only refusals tell what is left, nothing tells between them.
    pub fn reconcile_refused(&mut self, now: Time, mark: Mark, reading: &Reading) {
        let was_told = self.is_told;
        self.read(now, mark, reading, !was_told);
        self.is_told = was_told;
    }

    fn learn_limit(&mut self, reading: &Reading) {
        let Some(limit) = reading.limit else { return };
        self.is_limit_told = true;
        let limit = (limit as f64).min(self.limit_max);
        self.window_secs = reading.window.as_secs_f64().max(WINDOW_SECS_MIN);
        if let Some(old) = self.limit
            && old > 0.0
            && limit != old
            && self.burst.is_observed()
        {
            self.burst.scale(limit / old, limit);
            self.newest = None;
        }
        self.limit = Some(limit);
        self.burst.cap(limit);
    }

    /// Where no limit is told, what remains tells what flows in, and that the limit is no less than it.
    fn learn_inflow(&mut self, mark: Mark, reading: &Reading) {
        let Some(remaining) = reading.remaining.filter(|_| !self.is_limit_told) else {
            return;
        };
        let remaining = remaining as f64;
        self.inflow.learn(Seen {
            mark,
            remaining,
            grain: reading.remaining_grain as f64,
            unseen: self.totals.unseen(mark),
        });
        // Alone it would hold back more than flows in: what waits for it keeps it from being seen.
        if let Some(per_sec) = self.inflow.per_sec().filter(|_| self.learned.is_any()) {
            let limit = (per_sec * self.window_secs).max(remaining);
            self.limit = Some(self.limit.unwrap_or(0.0).max(limit));
        }
    }

    /// Moves the level into the interval that the snapshot leaves open.
    fn clamp_level(&mut self, now: Time, news: News, was_known: bool) {
        let News {
            mark,
            remaining,
            grain,
            ..
        } = news;
        let late = now.secs_since(mark.sent);
        let unseen = self.totals.unseen(mark);
        // A debt is shown as nothing left.
        let low = if was_known && remaining <= grain {
            f64::NEG_INFINITY
        } else {
            remaining - grain - unseen * (1.0 + self.external.per_own())
        };
        // Whole numbers were rounded down, and thousands may have been.
        let high = remaining + (2.0 * grain).max(1.0) + self.refill() * late;
        let before = self.level;
        self.level = if was_known {
            before.clamp(low.min(high), high)
        } else if self.burst.is_guess() {
            (self.burst() - unseen).min(high)
        } else {
            low
        };
        // Where nobody knows what it saves up, that is the likelier mistake.
        if was_known && self.level < before {
            self.others.lowered(before - self.level);
            if self.burst.is_guess() {
                self.corrected += self.level - before;
            }
            self.burst
                .correct(self.level - before, self.refill() * self.window_secs);
        }
        self.level = self.level.min(self.top());
    }
}
