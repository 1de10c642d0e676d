//! What all accounts of a group refill together: what a request costs is its share of that, in
//! seconds, and tenants share their turns by cost.

use std::time::Duration;

use keyweir_quota::budget::{Amounts, Charge};
use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

/// How long the sum of all refills is taken as unchanged: it takes a pass over all accounts, and the
/// estimate of external use, which moves it, has a time constant of 4 s.
const AGE_MAX: Duration = Duration::from_millis(500);
/// What a request costs in seconds where no limit is known: fairness then counts requests, since all
/// cost the same. Any small number does.
const COST_MIN_SECS: f64 = 1e-4;

/// Refill per second of a whole group, by dimension.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Capacity {
    per_sec: Amounts,
    at: Option<Time>,
}

impl Capacity {
    /// Whether it has to be summed up anew.
    pub(crate) fn is_old(&self, now: Time) -> bool {
        let is_fresh = |at: Time| now.since(at) < AGE_MAX && at <= now;
        !self.at.is_some_and(is_fresh)
    }

    /// Has it summed up anew.
    pub(crate) const fn forget(&mut self) {
        self.at = None;
    }

    pub(crate) const fn set(&mut self, now: Time, per_sec: Amounts) {
        self.per_sec = per_sec;
        self.at = Some(now);
    }

    /// Seconds of refill that `charge` takes, in the dimension it takes most of.
    pub(crate) fn cost_secs(&self, charge: &Charge) -> f64 {
        (0..Dimension::COUNT)
            .filter(|d| self.per_sec[*d] > 0.0)
            .map(|d| charge.total(d) / self.per_sec[d])
            .fold(COST_MIN_SECS, f64::max)
    }
}
