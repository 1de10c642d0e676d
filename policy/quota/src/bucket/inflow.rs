//! What flows into a bucket whose limit no header tells, while headers tell what remains: what was there
//! before and is there now differ by what we took and by what flowed in.
//!
//! It is a lower bound, since others may have taken some and some may have flowed over; the highest is
//! kept. Where nothing waits for the bucket a bound that is too low harms nobody, since each reading
//! raises the level again; where it is used up, little flows over and the bound is near the truth.

use super::totals::Mark;

/// Readings nearer together than this say little.
const SPAN_SECS_MIN: f64 = 1.0;
/// From so far apart the next is measured from the newer one.
const SPAN_SECS_MAX: f64 = 40.0;

/// A lower bound of what flows in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inflow {
    base: Option<Seen>,
    per_sec: f64,
}

/// What a reading says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// From the sending of the request that it answers.
    pub(super) mark: Mark,
    pub(super) remaining: f64,
    pub(super) grain: f64,
    /// What we took that may or may not have been counted.
    pub(super) unseen: f64,
}

impl Inflow {
    /// Of a bucket that no reading has shown.
    pub(super) const UNKNOWN: Self = Self {
        base: None,
        per_sec: 0.0,
    };

    /// The bound per second, once there is one.
    pub(super) fn per_sec(&self) -> Option<f64> {
        (self.per_sec > 0.0).then_some(self.per_sec)
    }

    /// From where it is measured.
    pub(super) const fn base(&mut self) -> Option<&mut Mark> {
        match &mut self.base {
            Some(base) => Some(&mut base.mark),
            None => None,
        }
    }

    /// Learns from a reading.
    pub(super) fn learn(&mut self, seen: Seen) {
        let Some(base) = self.base else {
            self.base = Some(seen);
            return;
        };
        let span = seen.mark.sent.secs_since(base.mark.sent);
        if span < SPAN_SECS_MIN {
            return;
        }
        // A debt is shown as nothing left, and more seems to have flowed in than has.
        if seen.remaining > seen.grain {
            let own = seen.mark.kept - base.mark.kept;
            let unsure = base.unseen + seen.unseen + 2.0 * (base.grain + seen.grain).max(1.0);
            let surely = seen.remaining - base.remaining + own - unsure;
            self.per_sec = self.per_sec.max(surely / span);
        }
        if span >= SPAN_SECS_MAX {
            self.base = Some(seen);
        }
    }
}
