//! What an account's bucket carried over some time: how near it came to its limit, for how long, and who
//! had to wait or was refused for want of it. It is what a provider's sales team asks for; no decision
//! rests on it.
//!
//! Whoever keeps it looks at buckets again and again and adds up what each look tells ([`Load::seen`]), by
//! the hour; [`sum`] makes of the hours what people read, and [`growth`] says where it leads.
//!
//! Looks, not a count at each charge: the share of the limit that was used is that of the last minute, which
//! moves by less than a hundredth in half a second, and requests pay nothing for it.

pub mod growth;
pub mod sum;

use keyweir_terms::time::Time;
use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;

/// The share of a limit from which on it counts as nearly used up: alerts are told at it, too.
pub const HIGH: f64 = 0.8;
/// Seconds that one look tells of, at most: utilization is that of the minute before it.
const SEEN_SECS_MAX: f64 = 60.0;

/// What one bucket carried. Amounts are requests or tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Its limit per minute, as it was last known; zero: none was.
    pub limit_per_minute: f64,
    /// The most that was used of it in any minute, by ourselves and, as far as that is believed, by others.
    pub peak_per_minute: f64,
    /// The same as a share of the limit of that moment; may exceed one. Zero while no limit was known.
    pub peak_share: f64,
    /// Seconds for which at least [`HIGH`] of the limit was used.
    pub above_secs: f64,
    /// Seconds for which it was in use: without pauses of more than a minute or two.
    pub in_use_secs: f64,
    /// What we used of it in all, less what was given back.
    pub used: f64,
    /// Requests that waited for it.
    pub waited: u64,
    /// Requests that were refused for want of it, before they were sent or at the end of their patience.
    pub refused: u64,
    /// Requests that the provider refused for want of it (429).
    pub rate_limited: u64,
}

impl Load {
    /// What a look at `bucket` tells, `secs` seconds after the one before it, with `used` taken since.
    pub fn seen(bucket: &Bucket, now: Time, (secs, used): (f64, f64)) -> Self {
        let secs = secs.clamp(0.0, SEEN_SECS_MAX);
        let used_per_minute = bucket.spent_per_minute(now) + 60.0 * bucket.external_in_minute(now);
        let limit = bucket.limit_per_minute().unwrap_or(0.0);
        let share = if limit > 0.0 {
            used_per_minute / limit
        } else {
            0.0
        };
        Self {
            limit_per_minute: limit,
            peak_per_minute: used_per_minute,
            peak_share: share,
            above_secs: if share >= HIGH { secs } else { 0.0 },
            in_use_secs: secs,
            used,
            ..Self::default()
        }
    }

    /// Adds what it carried later.
    pub fn add(&mut self, later: &Self) {
        if later.limit_per_minute > 0.0 {
            self.limit_per_minute = later.limit_per_minute;
        }
        self.peak_per_minute = self.peak_per_minute.max(later.peak_per_minute);
        self.peak_share = self.peak_share.max(later.peak_share);
        self.above_secs += later.above_secs;
        self.in_use_secs += later.in_use_secs;
        self.used += later.used;
        self.waited = self.waited.saturating_add(later.waited);
        self.refused = self.refused.saturating_add(later.refused);
        self.rate_limited = self.rate_limited.saturating_add(later.rate_limited);
    }

    /// Whether nothing was carried. A share that only falls is nothing: it was told of when it rose.
    pub fn is_nothing(&self) -> bool {
        self.used == 0.0 && self.above_secs == 0.0 && self.short() == 0
    }

    /// Requests that waited or were refused for want of it, by us or by the provider.
    pub const fn short(&self) -> u64 {
        let ours = self.waited.saturating_add(self.refused);
        ours.saturating_add(self.rate_limited)
    }

    /// Whether its figures can be: what is read back may be damaged.
    pub fn is_possible(&self) -> bool {
        let amounts = [
            self.limit_per_minute,
            self.peak_per_minute,
            self.peak_share,
            self.above_secs,
            self.in_use_secs,
        ];
        amounts.iter().all(|it| it.is_finite() && *it >= 0.0) && self.used.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Declared;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    fn bucket() -> Bucket {
        let declared = Declared {
            per_minute: 100,
            burst_secs: None,
        };
        Bucket::declared(Time::ZERO, declared)
    }

    #[test]
    fn a_look_tells_the_share_of_the_last_minute_and_counts_time_near_the_limit() {
        let mut bucket = bucket();
        bucket.charge(at(60.0), 79.0);
        let below = Load::seen(&bucket, at(60.0), (0.5, 79.0));
        assert_eq!(below.peak_share, 0.79);
        assert_eq!(below.above_secs, 0.0);
        bucket.charge(at(60.5), 1.0);
        let above = Load::seen(&bucket, at(60.5), (0.5, 1.0));
        assert_eq!((above.peak_share, above.above_secs), (0.8, 0.5));
        assert_eq!(above.peak_per_minute, 80.0);
        // A process that stood still for an hour saw a minute of it.
        bucket.charge(at(3_600.0), 90.0);
        let late = Load::seen(&bucket, at(3_600.0), (3_539.5, 90.0));
        assert_eq!((late.above_secs, late.in_use_secs), (60.0, 60.0));
    }

    #[test]
    fn looks_add_up_to_the_largest_peak_and_the_sum_of_the_rest() {
        let mut bucket = bucket();
        bucket.charge(at(60.0), 90.0);
        let mut load = Load::seen(&bucket, at(60.0), (0.5, 90.0));
        load.add(&Load::seen(&bucket, at(170.0), (110.0, 0.0)));
        load.add(&Load {
            waited: 2,
            rate_limited: u64::MAX,
            ..Load::default()
        });
        assert_eq!((load.peak_share, load.used), (0.9, 90.0));
        assert_eq!(load.limit_per_minute, 100.0);
        assert_eq!((load.waited, load.short()), (2, u64::MAX));
        assert!(!load.is_nothing() && Load::default().is_nothing());
        assert!(load.is_possible());
        load.above_secs = f64::NAN;
        assert!(!load.is_possible());
    }

    #[test]
    fn without_a_limit_only_what_was_used_is_told() {
        let mut bucket = Bucket::unknown(Time::ZERO);
        bucket.charge(at(60.0), 5.0);
        let load = Load::seen(&bucket, at(60.0), (0.5, 5.0));
        assert_eq!((load.peak_share, load.limit_per_minute), (0.0, 0.0));
        assert_eq!((load.peak_per_minute, load.used), (5.0, 5.0));
    }
}
