//! Other gateways that draw on the same account.

use super::Budget;
use crate::charge::Amounts;
use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

impl Budget {
    /// From now on so many gateways share it. How many requests an account gets of which nothing is known
    /// is for each of them: with fewer, where answers take long, "very long" breaks its bound.
    pub fn share_among(&mut self, now: Time, replicas: Replicas) {
        for bucket in &mut self.buckets {
            bucket.share_among(now, replicas);
        }
    }

    /// The other gateways that draw on it have taken so much since they were last heard; so many of them
    /// are before us for now, and so much a typical request takes at once.
    pub fn hear(&mut self, now: Time, taken: &Amounts, (rank, typical): (u32, &Amounts)) {
        for (dimension, bucket) in self.buckets.iter_mut().enumerate() {
            bucket.hear(now, taken[dimension], (rank, typical[dimension]));
        }
    }

    /// They are not heard any more.
    pub fn lose(&mut self, now: Time) {
        for bucket in &mut self.buckets {
            bucket.lose(now);
        }
    }

    /// What was taken here of each dimension in all.
    pub fn own_taken(&self) -> Amounts {
        std::array::from_fn(|dimension| self.buckets[dimension].own_taken())
    }
}
