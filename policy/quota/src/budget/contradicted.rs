//! Limits that headers tell and that cannot be, since more was admitted than they allow.
//!
//! A bucket that saves up `burst` and gains `refill` per second admits, in any span, no more than the
//! burst and what flows in meanwhile; a request that is larger than the burst passes where it is full. So
//! what was admitted, less a generous refill, is a debt that stays below a burst and a request, unless the
//! headers tell too little. Where it does not, who goes on believing them holds back for ever what would
//! be served at once, and learns nothing of it: what is not sent is not admitted. The worlds "lie one" and
//! "lie tenth" are of that kind.
//!
//! From then on the dimension is one of which nothing is told: refusals alone tell of it.

use super::{Budget, Line};
use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

/// How many times what is told is granted, before it is held to be wrong: charges are estimates, and what
/// is generated is charged after it was admitted.
const GENEROUS: f64 = 2.0;
/// The same of what flows in, which adds up.
const FLOWS: f64 = 1.25;
/// Seconds for which headers are not read that were wrong: whoever tells them may be mended.
const DOUBTED_SECS: f64 = 600.0;
/// Seconds for which what was admitted before any limit was told counts.
const UNTOLD_SECS: f64 = 10.0;
/// Seconds for which a large request may have filled the bucket's place: the window of limits.
const LARGEST_SECS: f64 = 60.0;

/// Whoever tells of a bucket that holds no more than so many requests is tried …
const TINY: f64 = 2.0;
/// … so many seconds after the last request at first, and twice as many after each refusal. An account
/// that is as small as it says refuses some six times in its life.
const TRIED_SECS: f64 = 1.0;
/// However many refusals there were, it is tried so often.
const TRIED_SECS_MAX: f64 = 300.0;
/// Weight of a new request in the mean.
const MEAN_WEIGHT: f64 = 0.1;

/// When an account is tried that seems to hold next to nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    sent: Time,
    every_secs: f64,
}

impl Trial {
    pub(super) const NEW: Self = Self {
        sent: Time::ZERO,
        every_secs: TRIED_SECS,
    };

    /// Something is sent.
    pub(super) const fn send(&mut self, now: Time) {
        self.sent = now;
    }

    /// Something was refused.
    pub(super) fn refused(&mut self) {
        self.every_secs = (2.0 * self.every_secs).min(TRIED_SECS_MAX);
    }
}

/// What was admitted of one dimension beyond what its headers allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    debt: f64,
    largest: f64,
    mean: f64,
    at: Time,
    /// What flows in per second, as was told last.
    told: Option<f64>,
    doubted_until: Time,
}

impl Admitted {
    pub(super) const NOTHING: Self = Self {
        debt: 0.0,
        largest: 0.0,
        mean: 0.0,
        at: Time::ZERO,
        told: None,
        doubted_until: Time::ZERO,
    };
}

impl Budget {
    /// Of one dimension `amount` was admitted, or turned out to have been admitted; where it is negative,
    /// it was not. A request took `own` of it in all.
    pub(super) fn note_admitted(&mut self, now: Time, d: usize, (amount, own): (f64, f64)) {
        let bucket = &self.buckets[d];
        let told = bucket.told_by_headers();
        let delay_secs = self.delayed.secs();
        let admitted = &mut self.admitted[d];
        let secs = now.secs_since(admitted.at);
        admitted.at = now;
        let flowed = match (admitted.told, told) {
            // What was admitted by another limit says nothing of this one.
            (Some(before), Some((_, refill))) if before != refill => admitted.debt,
            (_, Some((_, refill))) => FLOWS * refill * secs,
            (_, None) => admitted.debt * (secs / UNTOLD_SECS).min(1.0),
        };
        admitted.told = told.map(|(_, refill)| refill);
        if own > 0.0 {
            let weight = if admitted.mean > 0.0 {
                MEAN_WEIGHT
            } else {
                1.0
            };
            admitted.mean += weight * (own - admitted.mean);
        }
        let remembered = (1.0 - secs / LARGEST_SECS).max(0.0);
        admitted.largest = (admitted.largest * remembered).max(own);
        admitted.debt = (admitted.debt - flowed).max(0.0) + amount;
        let Some((burst, refill)) = told else { return };
        // What is generated is charged when it is no longer to be held back.
        let most = GENEROUS * (burst + admitted.largest + refill * delay_secs);
        if admitted.debt > most {
            *admitted = Admitted {
                doubted_until: now.after_secs(DOUBTED_SECS),
                ..Admitted::NOTHING
            };
            self.buckets[d].forget(now);
        }
    }

    /// `line`, unless the bucket is so small that it is tried sooner than it says.
    pub(super) fn tried(&self, now: Time, d: usize, line: Line) -> Line {
        let Some((burst, refill)) = self.buckets[d].told_by_headers() else {
            return line;
        };
        let every = self.trial.every_secs;
        let is_tiny = burst < TINY * self.admitted[d].mean;
        if !is_tiny || refill * every >= burst {
            return line;
        }
        let free = (now.secs_since(self.trial.sent) / every).min(1.0);
        if line.free >= free && line.slope * every >= 1.0 {
            return line;
        }
        Line {
            free: free.max(line.free),
            slope: line.slope.max(1.0 / every),
            ..line
        }
    }

    /// Whether what headers tell of a dimension is not to be read.
    pub(super) fn is_doubted(&self, now: Time, dimension: Dimension) -> bool {
        now < self.admitted[dimension.index()].doubted_until
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keyweir_terms::snapshot::{Reading, Snapshot};
    use proptest::prelude::*;

    use super::*;
    use crate::bucket::Bucket;
    use crate::budget::Charge;

    const D: usize = Dimension::InputTokens.index();
    const LIMIT: f64 = 60_000.0;

    /// Requests that are admitted by a bucket of [`LIMIT`] a minute that saves up `burst`, and told of as
    /// if all of it were `told` times as much. Returns whether that is doubted in the end.
    fn is_doubted_after(burst: f64, told: f64, sizes: &[(f64, f64)]) -> bool {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let buckets = [(); Dimension::COUNT].map(|()| Bucket::unknown(at(0.0)));
        let mut budget = Budget::new(buckets);
        let (mut level, mut secs) = (burst, 0.0);
        for &(pause, size) in sizes {
            let flows = LIMIT / 60.0;
            level = (level + pause * flows).min(burst);
            // As soon as it is admitted: when there is enough, or it is full.
            let lacks = (size.min(burst) - level).max(0.0);
            secs += pause + lacks / flows;
            level += lacks - size;
            let mut charge = Charge::default();
            charge.prompt[D] = size;
            let marks = budget.take(at(secs), &charge, None);
            budget.admitted(at(secs), &marks, &charge);
            let mut snapshot = Snapshot::default();
            snapshot.readings[D] = Some(Reading {
                limit: Some((LIMIT * told) as u64),
                remaining: Some((level.max(0.0) * told) as u64),
                window: Duration::from_secs(60),
                ..Reading::default()
            });
            budget.reconcile(at(secs), &marks, (&snapshot, true));
            budget.release();
            if budget.is_doubted(at(secs), Dimension::ALL[D]) {
                return true;
            }
        }
        false
    }

    proptest! {
        #[test]
        fn who_tells_the_truth_is_believed(
            burst in 100.0..LIMIT,
            sizes in prop::collection::vec((0.0..3.0, 1.0..10_000.0), 1..300),
        ) {
            prop_assert!(!is_doubted_after(burst, 1.0, &sizes));
        }
    }

    #[test]
    fn who_tells_too_little_is_found_out() {
        let sizes = vec![(0.0, 500.0); 1_000];
        for told in [0.5, 0.1, 1.0 / LIMIT] {
            assert!(is_doubted_after(3_000.0, told, &sizes), "{told}");
        }
        assert!(!is_doubted_after(3_000.0, 2.0, &sizes));
    }

    #[test]
    fn a_limit_that_was_lowered_is_believed() {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let mut budget = Budget::new([(); Dimension::COUNT].map(|()| Bucket::unknown(at(0.0))));
        let mut charge = Charge::default();
        charge.prompt[D] = 1_000.0;
        for (limit, secs) in [
            (60_000, 0.0),
            (60_000, 0.1),
            (60_000, 0.2),
            (600, 0.3),
            (600, 0.4),
        ] {
            let marks = budget.take(at(secs), &charge, None);
            budget.admitted(at(secs), &marks, &charge);
            let mut snapshot = Snapshot::default();
            snapshot.readings[D] = Some(Reading {
                limit: Some(limit),
                remaining: Some(limit / 2),
                window: Duration::from_secs(60),
                ..Reading::default()
            });
            budget.reconcile(at(secs), &marks, (&snapshot, true));
            assert!(
                !budget.is_doubted(at(secs), Dimension::ALL[D]),
                "{limit} at {secs}"
            );
        }
    }

    #[test]
    fn an_account_that_seems_to_hold_next_to_nothing_is_tried_less_and_less_often() {
        let at = |secs| Time::ZERO.after_secs(1_000.0 + secs);
        let mut budget = Budget::new([(); Dimension::COUNT].map(|()| Bucket::unknown(at(0.0))));
        let mut charge = Charge::default();
        charge.prompt[D] = 1_000.0;
        let mut snapshot = Snapshot::default();
        snapshot.readings[D] = Some(Reading {
            limit: Some(1),
            remaining: Some(0),
            window: Duration::from_secs(60),
            ..Reading::default()
        });
        let marks = budget.take(at(0.0), &charge, None);
        budget.admitted(at(0.0), &marks, &charge);
        budget.reconcile(at(0.0), &marks, (&snapshot, true));
        let free = |budget: &Budget, secs| budget.lines(at(secs))[D].free;
        assert!(free(&budget, 0.5) < 1.0 && free(&budget, 1.0) >= 1.0);
        let marks = budget.take(at(1.0), &charge, None);
        budget.refused(at(1.0), &marks, &charge, &snapshot);
        assert!(free(&budget, 2.0) < 1.0 && free(&budget, 3.0) >= 1.0);
    }
}
