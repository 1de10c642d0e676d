//! A bucket that several gateways draw on, none of which hears of the others; for those that do see
//! `bucket/others.rs`.
//!
//! Each takes its share: of what is saved up and of the refill, until a snapshot tells what is left;
//! from then on snapshots tell what the others take, better than their number could. Believing, from
//! the first snapshot to the second, that each of them takes as much as we do was tried: where answers
//! take long it halves what is used, and nowhere saves an attempt.
//!
//! *A number that is wrong*: where it is too large, a part of the capacity is not used until the first
//! answer tells, or for ever where none does; where it is too small, the gateways together spend what
//! each alone would have, and refusals teach them.

use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

use super::Bucket;

impl Bucket {
    /// The part of it that is ours.
    pub(super) fn share(&self) -> f64 {
        if self.is_told || self.others.is_heard() {
            1.0
        } else {
            self.replicas.share()
        }
    }

    /// From now on it is shared by so many. It stays as full as it was.
    pub fn share_among(&mut self, now: Time, replicas: Replicas) {
        if replicas == self.replicas {
            return;
        }
        self.advance(now);
        let before = self.share();
        self.replicas = replicas;
        self.level *= self.share() / before;
    }
}
