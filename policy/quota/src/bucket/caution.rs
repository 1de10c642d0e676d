//! What refusals that nobody expected leave behind: less of a bucket is used for a while.
//!
//! Three kinds of refusal, three answers. *Others were quicker, or there was a little less than it
//! seemed*: a reserve is held back at the bottom; what hovers above a reserve instead of above nothing
//! refills no slower. *What is needed was not there yet when it seemed to be*: it is given some grace. *The
//! provider says that traffic grows too fast*: less of the refill is used. Each is over by itself.

use keyweir_terms::time::Time;

/// What is held back at the bottom after a refusal that the headers explain though we saw enough:
/// this share of the burst more for each, up to a bound, given back with this time constant.
///
/// "replicas 150" holds them: with half the step, or half the time, four gateways over one set of
/// accounts make 1.016 attempts per request instead of 1.009.
const RESERVE_STEP: f64 = 0.1;
const RESERVE_MAX: f64 = 0.5;
const RESERVE_MEMORY_SECS: f64 = 30.0;
/// What was missing where a request was refused for want of a little is held back, and half of that
/// again.
const SHORT_FACTOR: f64 = 1.5;
/// What has to flow in beyond what a request needs, in seconds of refill: it may be quicker on its way
/// than the one before, and who is waited for to the moment is refused by a hair, which costs a cooldown.
/// Each time that this was too little, twice as much; up to this, and to this share of the bucket.
const GRACE_SECS: f64 = 0.005;
const GRACE_SECS_MAX: f64 = 0.25;
const GRACE_SHARE_MAX: f64 = 0.05;
/// A bucket that holds less than two requests is waited for until it is full, and is given a grace before
/// any refusal.
const FEW: f64 = 2.0;
/// Who lacked no more than flows in within this was refused by a hair.
const HAIR_SECS: f64 = 0.05;
/// A grace is given back slowly: it costs those who wait some milliseconds, and what it spares them is a
/// cooldown.
const GRACE_MEMORY_SECS: f64 = 600.0;
/// The share of the refill that is used after the provider said that traffic grows too fast, and
/// how fast that share grows back. Ramp limits are about growth, so a slow climb is the cure. The
/// figures are a guess: no provider documents its ramp limit in numbers, and no simulated world has
/// one.
const RAMP_AFTER_REFUSAL: f64 = 0.5;
const RAMP_MIN: f64 = 0.05;
const RAMP_GROWTH_PER_SEC: f64 = 0.05;

/// By how much less than it seems to hold a bucket is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caution {
    /// The share of the refill that is used.
    ramp: f64,
    /// What is held back, and when that last grew.
    reserve: f64,
    reserve_at: Time,
    /// What has to flow in beyond what fills the bucket before it is believed to be full.
    grace: f64,
}

impl Caution {
    pub(super) const fn none(now: Time) -> Self {
        Self {
            ramp: 1.0,
            reserve: 0.0,
            reserve_at: now,
            grace: 0.0,
        }
    }

    /// The share of the refill that is used.
    pub(super) const fn ramp(&self) -> f64 {
        self.ramp
    }

    /// What is held back of a burst.
    pub(super) fn reserve(&self, burst: f64) -> f64 {
        self.reserve.min(burst * RESERVE_MAX)
    }

    /// What has to flow in beyond what is needed into a bucket of `burst` that gains `refill` per second.
    pub(super) fn grace(&self, burst: f64, refill: f64) -> f64 {
        let least = if burst < FEW {
            GRACE_SECS * refill
        } else {
            0.0
        };
        least.max(self.grace).min(GRACE_SHARE_MAX * burst)
    }

    /// Whether a request that seemed to leave `surplus` was refused by a hair.
    pub(super) fn is_hair(&self, surplus: f64, refill: f64) -> bool {
        surplus <= HAIR_SECS * refill + self.grace
    }

    /// A request was refused by a hair.
    pub(super) fn early(&mut self, burst: f64, refill: f64) {
        let least = self.grace(burst, refill).max(GRACE_SECS * refill);
        self.grace = (2.0 * least).min(GRACE_SECS_MAX * refill);
    }

    /// Time has passed without an unexplained refusal.
    pub(super) fn relax(&mut self, elapsed_secs: f64) {
        self.ramp = (self.ramp + RAMP_GROWTH_PER_SEC * elapsed_secs).min(1.0);
        if self.reserve > 0.0 || self.grace > 0.0 {
            self.reserve *= (-elapsed_secs / RESERVE_MEMORY_SECS).exp();
            self.grace *= (-elapsed_secs / GRACE_MEMORY_SECS).exp();
        }
    }

    /// A request sent at `sent` for `need` was refused since others were quicker. What was sent
    /// before the reserve last grew says nothing new.
    pub(super) fn lost_to_others(&mut self, now: Time, sent: Time, need: f64, burst: f64) {
        if sent < self.reserve_at {
            return;
        }
        let step = need.max(RESERVE_STEP * burst);
        self.reserve = (self.reserve + step).min(RESERVE_MAX * burst);
        self.reserve_at = now;
    }

    /// A request sent at `sent` was refused since there was less than it seemed, by `by`.
    pub(super) fn short(&mut self, now: Time, sent: Time, by: f64) {
        if sent >= self.reserve_at {
            self.reserve = self.reserve.max(SHORT_FACTOR * by);
            self.reserve_at = now;
        }
    }

    /// Traffic grows too fast.
    pub(super) fn slow_down(&mut self) {
        self.ramp = (self.ramp * RAMP_AFTER_REFUSAL).max(RAMP_MIN);
    }
}
