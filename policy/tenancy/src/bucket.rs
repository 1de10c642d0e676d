//! A token bucket that counts exactly: what flows in is a whole number of parts per microsecond.
//!
//! Unlike the buckets of providers, whose levels are guesses, this one is ours: nothing has to be
//! learned, and nothing may drift. It may be overdrawn, by a request that takes its turn before it
//! comes, or by one that took more than it was expected to: what is owed flows in first. By the second it
//! owes three minutes' worth at most, and what is beyond that is forgiven: whoever takes more than anybody
//! expects shuts those who share the limit out for minutes, and not for hours.

use std::time::Duration;

use keyweir_terms::time::Time;

/// Parts of one unit: microseconds of a minute, so that a limit per minute is as many parts each
/// microsecond.
const PARTS: i128 = 60_000_000;

/// Thousandths of units: what counts more than once counts as often as it does, and not as a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Thousandths(pub(crate) u128);

impl Thousandths {
    /// So many whole units.
    pub(crate) const fn whole(units: u64) -> Self {
        Self(units as u128 * 1_000)
    }

    /// Both together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    fn parts(self) -> i128 {
        // Most fit into one word.
        if let Ok(thousandths) = u64::try_from(self.0) {
            return i128::from(thousandths) * (PARTS / 1_000);
        }
        i128::try_from(self.0).map_or(LEVEL_MAX, |it| it.min(LEVEL_MAX)) * (PARTS / 1_000)
    }
}

/// Minutes' worth that others can say is owed at most: what they say may be wrong.
const OWED_MINUTES_MAX: i128 = 60;

/// Minutes' worth that is owed at most for answers which took more than they were expected to: long enough
/// for who is wrong now and then to pay for all of it, and short enough to be waited for.
const OWED_ANSWERS_MINUTES_MAX: i128 = 3;

/// More thousandths than any bucket holds or owes: whatever others tell, sums of it fit.
const LEVEL_MAX: i128 = 1 << 90;

/// A limit per minute, with a minute's worth of burst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    limit: u64,
    /// Parts; never more than a minute's worth.
    level: i128,
    at: Time,
}

impl Bucket {
    /// Full.
    pub(crate) const fn full(limit: u64, now: Time) -> Self {
        Self {
            limit,
            level: limit as i128 * PARTS,
            at: now,
        }
    }

    pub(crate) const fn limit(&self) -> u64 {
        self.limit
    }

    /// What is there at `now`, in whole units; nothing if it is overdrawn.
    pub(crate) fn remaining(&self, now: Time) -> u64 {
        let parts = self.parts(now).max(0);
        // Most fit into one word, which divides in a fraction of the time that two take.
        match u64::try_from(parts) {
            Ok(parts) => parts / PARTS as u64,
            Err(_) => u64::try_from(parts / PARTS).unwrap_or(u64::MAX),
        }
    }

    /// The same where it is overdrawn too: what is owed is less than nothing.
    pub(crate) fn level(&self, now: Time) -> i64 {
        let units = self.parts(now).div_euclid(PARTS);
        i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX })
    }

    /// It turned out to hold so many thousandths more; negative: less, down to an hour's worth of debt.
    pub(crate) fn shift(&mut self, by: i128, now: Time) {
        let full = i128::from(self.limit) * PARTS;
        let by = by.clamp(-LEVEL_MAX, LEVEL_MAX) * (PARTS / 1_000);
        let before = self.parts(now);
        let least = before.min(-OWED_MINUTES_MAX * full);
        self.level = (before + by).clamp(least, full);
        self.at = now.max(self.at);
    }

    /// What flows in within `span`, in whole units.
    pub(crate) fn inflow(&self, span: Duration) -> i64 {
        let parts = u128::from(self.limit).saturating_mul(span.as_micros());
        i64::try_from(parts / PARTS as u128).unwrap_or(i64::MAX)
    }

    /// Whether `need` and so much `beyond` it are there, and were when it was last drawn on; a need of
    /// nothing never is.
    pub(crate) fn had(&self, need: u64, beyond: u128) -> bool {
        let beyond = u64::try_from(beyond).ok();
        let all = beyond.and_then(|beyond| need.checked_add(beyond));
        need > 0 && all.is_some_and(|all| i128::from(all) * PARTS <= self.level)
    }

    /// Whether `need` is there now.
    pub(crate) fn has(&self, need: Thousandths, now: Time) -> bool {
        need.parts() <= self.parts(now)
    }

    /// How long until `need` is there. `None`: never, it is more than the bucket holds.
    pub(crate) fn wait(&self, need: Thousandths, now: Time) -> Option<Duration> {
        if need > Thousandths::whole(self.limit) {
            return None;
        }
        let lacks = need.parts() - self.parts(now);
        Some(self.flows_in(lacks))
    }

    /// How long until it would owe no more than is owed at most, were `need` taken.
    pub(crate) fn wait_owing(&self, need: Thousandths, now: Time) -> Duration {
        let may_owe = OWED_ANSWERS_MINUTES_MAX * i128::from(self.limit) * PARTS;
        self.flows_in(need.parts() - self.parts(now) - may_owe)
    }

    /// How long until it is full.
    pub(crate) fn until_full(&self, now: Time) -> Duration {
        self.flows_in(i128::from(self.limit) * PARTS - self.parts(now))
    }

    /// Takes `need`, whether it is there or not.
    pub(crate) fn take(&mut self, need: Thousandths, now: Time) {
        self.level = self.parts(now) - need.parts();
        self.at = now.max(self.at);
    }

    /// Takes `more` than was expected, as far as what is owed allows. What it took.
    pub(crate) fn overdraw(&mut self, more: Thousandths, now: Time) -> Thousandths {
        let before = self.parts(now);
        let least = before.min(-OWED_ANSWERS_MINUTES_MAX * i128::from(self.limit) * PARTS);
        let may = before - least;
        self.at = now.max(self.at);
        if more.parts() <= may {
            self.level = before - more.parts();
            return more;
        }
        self.level = least;
        Thousandths(u128::try_from(may / (PARTS / 1_000)).unwrap_or_default())
    }

    /// What one request counts as at most, in whole units: what a full bucket gives, and what may be owed.
    pub(crate) const fn most_at_once(&self) -> u64 {
        self.limit
            .saturating_mul(1 + OWED_ANSWERS_MINUTES_MAX as u64)
    }

    /// Puts back `rest` of what was taken.
    pub(crate) fn put_back(&mut self, rest: Thousandths, now: Time) {
        let full = i128::from(self.limit) * PARTS;
        self.level = (self.parts(now) + rest.parts()).min(full);
        self.at = now.max(self.at);
    }

    /// Holds for `limit` from now on; as full as before, in proportion. What is owed is owed whole to a
    /// larger limit: it flows in sooner.
    pub(crate) fn scale(&mut self, limit: u64, now: Time) {
        if limit == self.limit {
            return;
        }
        let level = self.parts(now);
        self.level = match self.limit {
            0 => i128::from(limit) * PARTS,
            before => {
                let scaled = level / i128::from(before) * i128::from(limit);
                if level < 0 { scaled.max(level) } else { scaled }
            }
        };
        self.limit = limit;
        self.at = now.max(self.at);
    }

    fn parts(&self, now: Time) -> i128 {
        let micros = now.as_micros().saturating_sub(self.at.as_micros());
        let inflow = i128::from(self.limit) * i128::from(micros);
        (self.level + inflow).min(i128::from(self.limit) * PARTS)
    }

    /// Rounded up: whoever waits so long finds it.
    fn flows_in(&self, parts: i128) -> Duration {
        if parts <= 0 {
            return Duration::ZERO;
        }
        let rate = self.limit.max(1);
        let micros = match u64::try_from(parts) {
            Ok(parts) => parts.div_ceil(rate),
            Err(_) => {
                let micros = parts.unsigned_abs().div_ceil(rate.into());
                u64::try_from(micros).unwrap_or(u64::MAX)
            }
        };
        Duration::from_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Time = Time::from_micros(1_000_000);

    #[test]
    fn whoever_waits_as_told_finds_what_it_needs_and_not_earlier() {
        let mut bucket = Bucket::full(7, START);
        bucket.take(Thousandths::whole(7), START);
        let wait = bucket
            .wait(Thousandths::whole(3), START)
            .expect("it holds so much");
        assert_eq!(bucket.remaining(START + wait), 3);
        let early = START + (wait - Duration::from_micros(1));
        assert_eq!(bucket.remaining(early), 2);
        assert_eq!(bucket.wait(Thousandths::whole(8), START), None);
        assert_eq!(
            Bucket::full(0, START).wait(Thousandths::whole(1), START),
            None
        );
    }

    #[test]
    fn another_limit_leaves_it_as_full_as_it_was() {
        let mut bucket = Bucket::full(100, START);
        bucket.take(Thousandths::whole(75), START);
        bucket.scale(1_000, START);
        assert_eq!(bucket.remaining(START), 250);
        bucket.scale(4, START);
        assert_eq!(bucket.remaining(START), 1);
    }

    #[test]
    fn what_is_owed_flows_in_sooner_under_a_larger_limit_and_no_later_under_a_smaller_one() {
        let wait = |bucket: &Bucket| bucket.wait(Thousandths::whole(0), START);
        let mut bucket = Bucket::full(4, START);
        bucket.take(Thousandths::whole(8), START);
        assert_eq!(wait(&bucket), Some(Duration::from_secs(60)));
        bucket.scale(400, START);
        assert_eq!(wait(&bucket), Some(Duration::from_millis(600)));
        bucket.scale(4, START);
        assert_eq!(wait(&bucket), Some(Duration::from_millis(600)));
    }

    #[test]
    fn what_is_taken_beyond_what_was_expected_is_owed_for_three_minutes_at_most() {
        let mut bucket = Bucket::full(10, START);
        bucket.take(Thousandths::whole(1), START);
        let taken = [20, 30].map(|more| bucket.overdraw(Thousandths::whole(more), START));
        assert_eq!(taken, [Thousandths::whole(20), Thousandths::whole(19)]);
        assert_eq!(bucket.level(START), -30);
        // Who has taken its turn before it came owes that all the same.
        bucket.take(Thousandths::whole(50), START);
        assert_eq!(
            bucket.overdraw(Thousandths::whole(1), START),
            Thousandths::whole(0)
        );
        assert_eq!(bucket.level(START), -80);
    }

    proptest! {
        #[test]
        fn no_more_goes_than_flows_in(
            limit in 1..1_000u64,
            asked in prop::collection::vec((0..3_000_000u64, 0..200u64), 1..200),
        ) {
            let mut bucket = Bucket::full(limit, START);
            let (mut now, mut taken) = (START, 0u128);
            for (pause, need) in asked {
                now = now + Duration::from_micros(pause);
                if bucket.wait(Thousandths::whole(need), now) == Some(Duration::ZERO) {
                    bucket.take(Thousandths::whole(need), now);
                    taken += u128::from(need);
                }
            }
            let micros = now.since(START).as_micros();
            let most = u128::from(limit) * (60_000_000 + micros) / 60_000_000;
            prop_assert!(taken <= most, "{} of {}", taken, most);
        }
    }
}
