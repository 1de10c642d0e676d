//! Parts of an account that are kept for their owners ([`crate::reserve`]).

use super::Budget;
use crate::charge::Charge;
use crate::reserve::Reserves;
use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

impl Budget {
    /// What is kept of one dimension for owners of parts.
    pub fn kept(&self, dimension: Dimension, now: Time) -> f64 {
        let dimension = dimension.index();
        let bucket = &self.buckets[dimension];
        if self.reserves.is_empty() || !bucket.is_known() {
            return 0.0;
        }
        self.reserves.kept(now, (dimension, bucket), None).0
    }

    /// From now on parts with these shares of the refill are kept.
    /// Returns whether that is another part than before.
    pub fn reserve(&mut self, now: Time, shares: &[f64]) -> bool {
        let is_changed = !self.reserves.are(shares);
        if is_changed {
            self.reserves = Reserves::of(now, shares);
        }
        is_changed
    }

    /// When the owner of a part may have `charge` for its sake, as far as the part goes; `None`: there is
    /// no such part.
    pub fn due_at(&self, now: Time, part: usize, charge: &Charge) -> Option<Time> {
        let mut latest = now;
        for (dimension, bucket) in self.buckets.iter().enumerate() {
            let needed = charge.least(dimension);
            let due = self
                .reserves
                .due_at(now, part, needed, (dimension, bucket))?;
            latest = latest.max(due);
        }
        Some(latest)
    }

    /// When the next part is full, so that others have more of the refill; `None`: all are.
    pub fn reserve_full_at(&self, now: Time) -> Option<Time> {
        self.reserves.full_at(now, &self.buckets)
    }
}
