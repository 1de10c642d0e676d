//! What refusals that nobody expected leave behind: less of a bucket is used for a while.
//!
//! Three kinds of refusal, three answers. *The provider saw less budget than we did and does not say
//! why*: less of the burst is relied on. *Its headers show that others were quicker*: a reserve is
//! held back at the bottom; what hovers above a reserve instead of above nothing refills no slower.
//! *It says that traffic grows too fast*: less of the refill is used. Each is over by itself.

use keyweir_terms::time::Time;

/// What a surprise leaves of the burst that is relied on, and the least that remains of it. Neither
/// these nor the growth below are tuned: halved or doubled, no simulated world changes. A test holds that
/// trust shrinks and comes back.
const TRUST_AFTER_SURPRISE: f64 = 0.7;
const TRUST_MIN: f64 = 0.05;
/// Growth of the trust per second without a surprise: all of it in less than a minute, the window of
/// most limits.
const TRUST_GROWTH_PER_SEC: f64 = 0.02;
/// What is held back at the bottom after a refusal that the headers explain though we saw enough:
/// this share of the burst more for each, up to a bound, given back with this time constant.
///
/// "replicas 150" holds them: with half the step, or half the time, four gateways over one set of
/// accounts make 1.016 attempts per request instead of 1.009.
const RESERVE_STEP: f64 = 0.1;
const RESERVE_MAX: f64 = 0.5;
const RESERVE_MEMORY_SECS: f64 = 30.0;
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
    /// The share of the burst that is relied on.
    trust: f64,
    /// The share of the refill that is used.
    ramp: f64,
    /// What is held back, and when that last grew.
    reserve: f64,
    reserve_at: Time,
}

impl Caution {
    pub(super) const fn none(now: Time) -> Self {
        Self {
            trust: 1.0,
            ramp: 1.0,
            reserve: 0.0,
            reserve_at: now,
        }
    }

    /// The share of the refill that is used.
    pub(super) const fn ramp(&self) -> f64 {
        self.ramp
    }

    /// What is relied on of a burst.
    pub(super) fn relied_on(&self, burst: f64) -> f64 {
        (burst * self.trust).max(burst.min(1.0))
    }

    /// What is held back of a burst.
    pub(super) fn reserve(&self, burst: f64) -> f64 {
        self.reserve.min(self.relied_on(burst) * RESERVE_MAX)
    }

    /// Time has passed without a surprise.
    pub(super) fn relax(&mut self, elapsed_secs: f64) {
        self.trust = (self.trust + TRUST_GROWTH_PER_SEC * elapsed_secs).min(1.0);
        self.ramp = (self.ramp + RAMP_GROWTH_PER_SEC * elapsed_secs).min(1.0);
        if self.reserve > 0.0 {
            self.reserve *= (-elapsed_secs / RESERVE_MEMORY_SECS).exp();
        }
    }

    /// A request sent at `sent` for `need` was refused since others were quicker. What was sent
    /// before the reserve last grew says nothing new.
    pub(super) fn outrun(&mut self, now: Time, sent: Time, need: f64, burst: f64) {
        if sent < self.reserve_at {
            return;
        }
        let relied_on = self.relied_on(burst);
        let step = need.max(RESERVE_STEP * relied_on);
        self.reserve = (self.reserve + step).min(RESERVE_MAX * relied_on);
        self.reserve_at = now;
    }

    /// A request for `need` was refused although there seemed to be enough.
    pub(super) fn surprise(&mut self, need: f64, burst: f64) {
        let least = (need / burst).clamp(TRUST_MIN, 1.0);
        self.trust = (self.trust * TRUST_AFTER_SURPRISE).max(least);
    }

    /// Traffic grows too fast.
    pub(super) fn slow_down(&mut self) {
        self.ramp = (self.ramp * RAMP_AFTER_REFUSAL).max(RAMP_MIN);
    }
}
