//! How fast those who wait are served, beside how fast they should be.
//!
//! What a request costs is reckoned in its scarcest dimension, so the costs of requests that are scarce in
//! different ones add up to more seconds than serving them takes. By how much shows only here. Where it
//! takes longer, because buckets flow over or others draw on them, that is not foretold: it may end, and a
//! refusal cannot be undone.

use keyweir_terms::time::Time;

/// Seconds after which what was seen counts for less than half: within the half minute that clients wait.
const MEMORY_SECS: f64 = 15.0;
/// Cost served before anything can be told of it.
const SERVED_MIN_SECS: f64 = 1.0;
/// The least that is believed: a few served by chance are not many.
const SECS_PER_COST_MIN: f64 = 0.2;

/// Time that passed while somebody waited, and what was served in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Drain {
    secs: f64,
    served: f64,
    /// Up to when it is counted; `None`: nobody has been served since the room was empty.
    counted: Option<Time>,
}

impl Drain {
    /// A request that takes `cost` was served while others waited.
    pub(crate) fn served(&mut self, now: Time, cost: f64) {
        let Some(counted) = self.counted.replace(now) else {
            return;
        };
        let secs = now.since(counted).as_secs_f64();
        let kept = (-secs / MEMORY_SECS).exp();
        self.secs = self.secs * kept + secs;
        self.served = self.served * kept + cost;
    }

    /// Nobody waits any more.
    pub(crate) const fn pause(&mut self) {
        self.counted = None;
    }

    /// Seconds that pass for each second of capacity that is served, at most one.
    pub(crate) fn secs_per_cost(&self) -> f64 {
        if self.served < SERVED_MIN_SECS {
            return 1.0;
        }
        (self.secs / self.served).clamp(SECS_PER_COST_MIN, 1.0)
    }
}
