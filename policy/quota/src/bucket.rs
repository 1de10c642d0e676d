//! One token bucket of one account, as far as it can be known from outside.
//!
//! The provider keeps the real bucket; this is a model of it, driven by three things: the
//! refill, which is continuous; our own charges, which we know to the token; and snapshots from
//! response headers, which are true but late, rounded and out of order.
//!
//! A snapshot is therefore read as an *interval*, not as a value. The provider took it at some
//! moment between the sending of the request and the arrival of the answer; it contains every
//! charge made well before the request was sent, and none, some or all of those made since. While the
//! modelled level lies between the two extremes, it is at least as good as the snapshot and
//! stays; outside, it moves to the nearer end. Taking snapshots at face value instead (the usual
//! way) makes the level jump by whatever is in flight, in both directions, with every answer.
//!
//! - *Burst* is never stated by a provider. It follows from `remaining` and the time until the
//!   bucket is full, again as an interval. When the provider refuses although there seemed to be
//!   room, the share of the burst that is relied on shrinks, and grows back slowly.
//! - *External use*: what others spend of the account (`bucket/external.rs`). Where they were quicker
//!   than was expected of them, a reserve is kept for a while.
//! - *Cold start*: without limits a bucket is unknown and holds nobody back.
//! - *A clock that jumps* back adds no refill; one that jumps ahead fills the bucket, and the next
//!   snapshot corrects it.

mod external;

use std::time::Duration;

use self::external::{ExternalUse, News};
use keyweir_terms::snapshot::Reading;
use keyweir_terms::time::Time;

/// Seconds of refill that a bucket is assumed to save up before any header tells.
const BURST_ASSUMED_SECS: f64 = 3.0;
/// Growth of the assumed burst, and of the trust in a stated one, per second without a surprise.
const TRUST_GROWTH_PER_SEC: f64 = 0.02;
/// What a surprise leaves of the burst that is relied on.
const TRUST_AFTER_SURPRISE: f64 = 0.7;
/// The least share of the burst that is relied on.
const TRUST_MIN: f64 = 0.05;
/// External use never takes all: this share of the refill is always assumed to be ours, so that
/// requests go on being sent, which is what keeps the estimate alive.
const OWN_SHARE_MIN: f64 = 0.05;
/// What is held back at the bottom after a refusal that the headers explain though we saw room:
/// this share of the burst more for each, up to a bound, forgotten in this time.
const RESERVE_STEP: f64 = 0.1;
const RESERVE_MAX: f64 = 0.5;
const RESERVE_MEMORY_SECS: f64 = 30.0;
/// How long a request may take to reach the provider, connection set-up included. Requests sent
/// within this span of each other may arrive in any order.
const OVERTAKING: Duration = Duration::from_millis(200);
/// The share of the refill that is used after the provider said that traffic grows too fast, and
/// how fast that share grows back. Ramp limits are about growth, so a slow climb is the cure.
const RAMP_AFTER_REFUSAL: f64 = 0.5;
const RAMP_MIN: f64 = 0.05;
const RAMP_GROWTH_PER_SEC: f64 = 0.05;

/// Where an account's level stood at the provider when some request was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mark {
    /// When it was sent.
    pub sent: Time,
    /// The running total of what we had surely taken at the provider by then, its own charge
    /// included; what was given back later is still in it.
    pub settled: f64,
    /// The running total of what we had taken by then, its own charge included, less what had been
    /// given back.
    pub kept: f64,
}

/// A model of one bucket at the provider. Amounts are tokens or requests.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Refill of one window, as the provider or the policy file states it.
    limit: Option<f64>,
    /// The policy file's limit: an upper bound on what the provider states.
    limit_max: f64,
    window_secs: f64,
    burst: f64,
    burst_source: BurstSource,
    trust: f64,
    level: f64,
    at: Time,
    taken: f64,
    /// `taken` as it was at some moment at least [`OVERTAKING`] ago, and at a later moment.
    settled: f64,
    settling: (Time, f64),
    kept: f64,
    newest: Option<Mark>,
    external: ExternalUse,
    ramp: f64,
    /// What is held back, and when that last grew.
    reserve: f64,
    reserve_at: Time,
}

/// What the burst rests on, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum BurstSource {
    Assumed,
    Observed,
    Declared,
}

impl Bucket {
    /// A bucket nobody has said anything about.
    pub fn unknown(now: Time) -> Self {
        Self {
            limit: None,
            limit_max: f64::INFINITY,
            window_secs: 60.0,
            burst: f64::INFINITY,
            burst_source: BurstSource::Assumed,
            trust: 1.0,
            level: f64::INFINITY,
            at: now,
            taken: 0.0,
            settled: 0.0,
            settling: (now, 0.0),
            kept: 0.0,
            newest: None,
            external: ExternalUse::unknown(now),
            ramp: 1.0,
            reserve: 0.0,
            reserve_at: now,
        }
    }

    /// A bucket the policy file declares: `per_minute`, and how many seconds of refill it saves up.
    pub fn declared(now: Time, per_minute: u64, burst_secs: Option<f64>) -> Self {
        let limit = per_minute as f64;
        let refill = limit / 60.0;
        let burst = (refill * burst_secs.unwrap_or(BURST_ASSUMED_SECS)).max(limit.min(1.0));
        Self {
            limit: Some(limit),
            limit_max: limit,
            burst,
            burst_source: match burst_secs {
                Some(_) => BurstSource::Declared,
                None => BurstSource::Assumed,
            },
            level: burst,
            ..Self::unknown(now)
        }
    }

    /// Whether a limit is known.
    pub fn is_known(&self) -> bool {
        self.limit.is_some()
    }

    /// The stated limit of one window.
    pub fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// The limit per minute, whatever the window is.
    pub fn limit_per_minute(&self) -> Option<f64> {
        self.limit.map(|limit| limit * 60.0 / self.window_secs)
    }

    /// The most this bucket is relied on to save up.
    pub fn burst(&self) -> f64 {
        (self.burst * self.trust).max(self.burst.min(1.0))
    }

    /// What is held back of it, since others turned out to be quicker.
    pub fn reserve(&self) -> f64 {
        self.reserve.min(self.burst() * RESERVE_MAX)
    }

    /// What can be had of it at most.
    pub fn usable(&self) -> f64 {
        self.burst() - self.reserve()
    }

    /// What it gains per second at the provider.
    pub fn refill(&self) -> f64 {
        self.limit.map_or(0.0, |limit| limit / self.window_secs)
    }

    /// What it gains per second for us, after external use and ramp limits.
    pub fn refill_own(&self) -> f64 {
        let refill = self.refill() * self.ramp;
        (refill - self.external.held_per_sec()).max(refill * OWN_SHARE_MIN)
    }

    /// What others are believed to take per second.
    pub fn external_per_sec(&self) -> f64 {
        self.external.per_sec().min(self.refill())
    }

    /// What is there at `now`. May be negative: what is produced can outrun the refill.
    pub fn level(&self, now: Time) -> f64 {
        let refilled = self.level + self.refill_own() * now.secs_since(self.at);
        refilled.min(self.burst().max(self.level)) - self.external.matched(now)
    }

    /// The running totals, for a request that is being sent and was charged `own`.
    pub fn mark(&self, now: Time, own: f64) -> Mark {
        Mark {
            sent: now,
            settled: self.settled + own,
            kept: self.kept,
        }
    }

    /// Takes `amount`; a negative one gives back.
    pub fn charge(&mut self, now: Time, amount: f64) {
        self.advance(now);
        if now.since(self.settling.0) >= OVERTAKING {
            self.settled = self.settling.1;
            self.settling = (now, self.taken);
        }
        self.taken += amount.max(0.0);
        self.kept += amount;
        self.external.charged(amount);
        self.level = (self.level - amount).min(self.burst);
    }

    /// Applies what a response said. `mark` is from the sending of its request.
    pub fn reconcile(&mut self, now: Time, mark: Mark, reading: &Reading) {
        self.advance(now);
        let was_known = self.is_known();
        self.learn_limit(reading);
        let Some(remaining) = reading.remaining else {
            self.start_if_new(was_known);
            return;
        };
        if self.limit.is_none() {
            return;
        }
        let remaining = remaining as f64;
        self.learn_burst(remaining, reading);
        if self.newest.is_some_and(|newest| mark.sent < newest.sent) {
            return;
        }
        self.newest = Some(mark);
        self.level -= self.external.settle(now);
        let grain = reading.remaining_grain as f64;
        let news = News {
            mark,
            remaining,
            grain,
        };
        self.external.learn(now, news, self.refill(), self.burst);
        self.clamp_level(now, news, was_known);
    }

    /// The provider refused for want of this: nothing is left, whatever we thought.
    pub fn exhaust(&mut self, now: Time) {
        if self.is_known() {
            self.advance(now);
            self.level = self.level.min(0.0);
        }
    }

    /// The provider refused a request sent at `sent` for want of this, though we saw room:
    /// somebody else was quicker. More is held back, so that the next time there is enough for
    /// both. What hovers above a reserve instead of above nothing refills no slower.
    pub fn outrun(&mut self, now: Time, sent: Time, need: f64) {
        self.exhaust(now);
        if sent < self.reserve_at || !self.is_known() {
            return;
        }
        let step = need.max(RESERVE_STEP * self.burst());
        self.reserve = (self.reserve + step).min(RESERVE_MAX * self.burst());
        self.reserve_at = now;
    }

    /// The provider refused although there seemed to be room for `need`: rely on less.
    pub fn surprise(&mut self, now: Time, need: f64) {
        if !self.is_known() || self.burst <= 0.0 {
            return;
        }
        self.exhaust(now);
        let least = (need / self.burst).clamp(TRUST_MIN, 1.0);
        self.trust = (self.trust * TRUST_AFTER_SURPRISE).max(least);
    }

    /// The provider refused because traffic grows too fast: use less of the refill for a while.
    pub fn slow_down(&mut self, now: Time) {
        self.exhaust(now);
        self.ramp = (self.ramp * RAMP_AFTER_REFUSAL).max(RAMP_MIN);
    }

    /// Moves the level to `now`.
    fn advance(&mut self, now: Time) {
        let level = self.level(now) + self.external.matched(now);
        let elapsed = now.secs_since(self.at);
        self.trust = (self.trust + TRUST_GROWTH_PER_SEC * elapsed).min(1.0);
        self.ramp = (self.ramp + RAMP_GROWTH_PER_SEC * elapsed).min(1.0);
        if self.reserve > 0.0 {
            self.reserve *= (-elapsed / RESERVE_MEMORY_SECS).exp();
        }
        if self.burst_source == BurstSource::Assumed
            && let Some(limit) = self.limit
        {
            self.burst = (self.burst * (1.0 + TRUST_GROWTH_PER_SEC * elapsed)).min(limit.max(1.0));
        }
        self.level = level;
        self.at = self.at.max(now);
    }

    fn learn_limit(&mut self, reading: &Reading) {
        let Some(limit) = reading.limit else { return };
        let limit = (limit as f64).min(self.limit_max);
        self.window_secs = reading.window.as_secs_f64().max(1e-3);
        if let Some(old) = self.limit
            && old > 0.0
            && limit != old
            && self.burst_source == BurstSource::Observed
        {
            self.burst = (self.burst * limit / old).max(limit.min(1.0));
            self.newest = None;
        }
        self.limit = Some(limit);
        self.burst = self.burst.min(limit);
    }

    /// A limit became known, but not what is left of it.
    fn start_if_new(&mut self, was_known: bool) {
        if !was_known && let Some(limit) = self.limit {
            self.burst = (self.refill() * BURST_ASSUMED_SECS).clamp(limit.min(1.0), limit);
            self.level = self.burst;
        }
    }

    /// `burst = remaining + refill · time to full`, as exactly as the grains allow.
    fn learn_burst(&mut self, remaining: f64, reading: &Reading) {
        let limit = self.limit.unwrap_or(f64::INFINITY);
        let grain = reading.remaining_grain as f64;
        let (low, high) = match reading.reset {
            None => (remaining - grain, f64::INFINITY),
            Some(reset) => {
                let (reset, slack) = (reset.as_secs_f64(), reading.reset_grain.as_secs_f64());
                (
                    remaining - grain + self.refill() * (reset - slack).max(0.0),
                    remaining + grain.max(1.0) + self.refill() * (reset + slack),
                )
            }
        };
        let (low, high) = (
            low.clamp(limit.min(1.0), limit),
            high.clamp(limit.min(1.0), limit),
        );
        match self.burst_source {
            BurstSource::Assumed => {
                self.burst = low;
                self.burst_source = BurstSource::Observed;
            }
            BurstSource::Observed | BurstSource::Declared => {
                self.burst = self.burst.clamp(low.min(high), high);
            }
        }
    }

    /// Moves the level into the interval that the snapshot leaves open.
    fn clamp_level(&mut self, now: Time, news: News, was_known: bool) {
        let News {
            mark,
            remaining,
            grain,
        } = news;
        // What was taken later and has been given back counts in full: that only makes the lower
        // end lower. Setting it off would raise it by charges that lie before the mark.
        let unseen = self.taken - mark.settled;
        let late = now.secs_since(mark.sent);
        let low = remaining - grain - unseen * (1.0 + self.external.per_own());
        // Whole numbers were rounded down.
        let high = remaining + grain.max(1.0) + self.refill() * late;
        self.level = if was_known {
            self.level.clamp(low.min(high), high)
        } else {
            low
        }
        .min(self.burst);
    }
}

#[cfg(test)]
mod tests;
