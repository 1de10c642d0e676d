//! One token bucket: how much of one dimension is left, and when it will be enough.
//!
//! Continuous refill of `limit` per minute up to `burst_secs` of refill. Taking never fails: the
//! caller asks [`Bucket::wait_for`] first, and what a stream produces is taken whether it is
//! there or not, so the level may go below zero and has to be earned back.
//!
//! A need larger than the burst, but not than a minute's limit, is let through when the bucket
//! is full and leaves it in debt: a limit of 30,000 tokens per minute enforced in short bursts
//! must still serve a prompt of 20,000 now and then, and the average holds. What exceeds a
//! minute's limit never fits.

use std::time::Duration;

use crate::clock::Micros;

/// One dimension of a budget.
#[derive(Clone, Debug)]
pub struct Bucket {
    limit: u64,
    burst_secs: f64,
    /// Share of the refill that somebody else uses up, 0 to 1.
    foreign_share: f64,
    level: f64,
    at: Micros,
}

/// Why a need does not fit now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// It will fit after this long, if nobody else takes anything.
    In(Duration),
    /// It exceeds what the bucket could ever give.
    Never,
}

impl Bucket {
    /// A full bucket that refills by `limit` per minute and holds `burst_secs` of refill.
    pub fn new(limit: u64, burst_secs: f64, now: Micros) -> Self {
        let mut bucket = Self {
            limit,
            burst_secs,
            foreign_share: 0.0,
            level: 0.0,
            at: now,
        };
        bucket.level = bucket.capacity();
        bucket
    }

    /// What the bucket refills by in a minute.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// What the bucket holds when full. At least one, or a limit of five requests per minute
    /// with three seconds of burst would never let anything through.
    pub fn capacity(&self) -> f64 {
        if self.limit == 0 {
            0.0
        } else {
            (self.refill_per_sec() * self.burst_secs).max(1.0)
        }
    }

    /// Changes the limit and the burst; what was left stays, as far as it fits.
    pub fn resize(&mut self, limit: u64, burst_secs: f64, now: Micros) {
        self.advance(now);
        self.limit = limit;
        self.burst_secs = burst_secs;
        self.level = self.level.min(self.capacity());
    }

    /// Lets somebody else use `share` (0 to 1) of the refill from now on.
    pub fn set_foreign_share(&mut self, share: f64, now: Micros) {
        self.advance(now);
        self.foreign_share = share.clamp(0.0, 1.0);
    }

    /// What is left; negative when more was produced than there was.
    pub fn level(&mut self, now: Micros) -> f64 {
        self.advance(now);
        self.level
    }

    /// Whether `need` fits now, and if not, when.
    pub fn wait_for(&mut self, need: f64, now: Micros) -> Result<(), NotNow> {
        self.advance(now);
        if need > self.limit as f64 || self.limit == 0 {
            return Err(NotNow::Never);
        }
        let missing = need.min(self.capacity()) - self.level;
        if missing <= EPSILON {
            return Ok(());
        }
        let refill = self.refill_per_sec() * (1.0 - self.foreign_share);
        if refill <= 0.0 {
            return Err(NotNow::Never);
        }
        Err(NotNow::In(Duration::from_secs_f64(
            (missing / refill).min(WAIT_MAX_SECS),
        )))
    }

    /// Whether anything at all is left, and if not, when there will be.
    pub fn wait_for_any(&mut self, now: Micros) -> Result<(), NotNow> {
        self.advance(now);
        if self.level > 0.0 {
            return Ok(());
        }
        // The level has to be above zero: one thousandth of a token is.
        match self.wait_for(0.001, now) {
            Err(NotNow::In(wait)) => Err(NotNow::In(wait)),
            _ => Err(NotNow::Never),
        }
    }

    /// Takes `amount`, whether it is there or not.
    pub fn take(&mut self, amount: f64, now: Micros) {
        self.advance(now);
        self.level -= amount;
    }

    /// Gives back what was taken too much.
    pub fn give_back(&mut self, amount: f64, now: Micros) {
        self.advance(now);
        self.level = (self.level + amount).min(self.capacity());
    }

    /// How long until it is full again, by its own refill: the provider does not know that
    /// somebody else will be using it.
    pub fn full_in(&mut self, now: Micros) -> Duration {
        self.advance(now);
        let missing = self.capacity() - self.level;
        if missing <= 0.0 || self.limit == 0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64((missing / self.refill_per_sec()).min(WAIT_MAX_SECS))
    }

    fn refill_per_sec(&self) -> f64 {
        self.limit as f64 / 60.0
    }

    fn advance(&mut self, now: Micros) {
        let passed = now.saturating_sub(self.at) as f64 / 1e6;
        self.at = self.at.max(now);
        let earned = passed * self.refill_per_sec() * (1.0 - self.foreign_share);
        self.level = (self.level + earned).min(self.capacity());
    }
}

/// Sums of floats miss by this much and less; nobody is refused for it.
const EPSILON: f64 = 1e-6;

/// Longer waits than a year are no use to anyone and would overflow a `Duration`.
const WAIT_MAX_SECS: f64 = 31_536_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: Micros = 1_000_000;

    #[test]
    fn burst_is_let_through_and_then_the_refill_rate() {
        // 600 per minute: ten per second, 30 in three seconds of burst.
        let mut bucket = Bucket::new(600, 3.0, 0);
        for _ in 0..30 {
            assert_eq!(bucket.wait_for(1.0, 0), Ok(()));
            bucket.take(1.0, 0);
        }
        assert_eq!(
            bucket.wait_for(1.0, 0),
            Err(NotNow::In(Duration::from_millis(100)))
        );
        assert_eq!(bucket.wait_for(1.0, 100_000), Ok(()));
    }

    #[test]
    fn level_below_zero_is_earned_back() {
        let mut bucket = Bucket::new(6_000, 3.0, 0);
        bucket.take(500.0, 0);
        assert_eq!(bucket.level(0), -200.0);
        assert_eq!(bucket.full_in(0), Duration::from_secs(5));
        let Err(NotNow::In(wait)) = bucket.wait_for_any(0) else {
            panic!("nothing is left");
        };
        assert!(wait > Duration::from_secs(2) && wait < Duration::from_millis(2_001));
        assert_eq!(bucket.wait_for_any(2 * SEC + 1), Ok(()));
    }

    #[test]
    fn need_over_the_burst_waits_for_a_full_bucket_and_leaves_debt() {
        let mut bucket = Bucket::new(30_000, 3.0, 0);
        bucket.take(500.0, 0);
        assert_eq!(
            bucket.wait_for(20_000.0, 0),
            Err(NotNow::In(Duration::from_secs(1)))
        );
        assert_eq!(bucket.wait_for(20_000.0, SEC), Ok(()));
        bucket.take(20_000.0, SEC);
        assert_eq!(bucket.level(SEC), -18_500.0);
    }

    #[test]
    fn need_over_the_limit_never_fits() {
        let mut bucket = Bucket::new(30_000, 3.0, 0);
        assert_eq!(bucket.wait_for(30_001.0, 0), Err(NotNow::Never));
        let mut nothing = Bucket::new(0, 3.0, 0);
        assert_eq!(nothing.wait_for(1.0, 0), Err(NotNow::Never));
        assert_eq!(nothing.wait_for_any(0), Err(NotNow::Never));
    }

    #[test]
    fn smallest_limit_still_lets_one_through() {
        let mut bucket = Bucket::new(5, 3.0, 0);
        assert_eq!(bucket.wait_for(1.0, 0), Ok(()));
        bucket.take(1.0, 0);
        assert_eq!(
            bucket.wait_for(1.0, 0),
            Err(NotNow::In(Duration::from_secs(12)))
        );
    }

    #[test]
    fn giving_back_never_overfills() {
        let mut bucket = Bucket::new(600, 3.0, 0);
        bucket.take(5.0, 0);
        bucket.give_back(50.0, 0);
        assert_eq!(bucket.level(0), 30.0);
    }

    #[test]
    fn foreign_use_slows_the_refill_but_not_the_stated_reset() {
        let mut bucket = Bucket::new(600, 3.0, 0);
        bucket.set_foreign_share(0.5, 0);
        bucket.take(30.0, 0);
        assert_eq!(bucket.full_in(0), Duration::from_secs(3));
        assert_eq!(bucket.level(2 * SEC), 10.0);
    }

    #[test]
    fn clock_that_goes_back_gives_nothing() {
        let mut bucket = Bucket::new(600, 3.0, 10 * SEC);
        bucket.take(30.0, 10 * SEC);
        assert_eq!(bucket.level(SEC), 0.0);
        assert_eq!(bucket.level(10 * SEC), 0.0);
    }
}
