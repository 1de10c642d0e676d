//! What is learned of a bucket is told, and known again.

use keyweir_terms::time::Time;

use super::learned::LearnedBucket;
use super::{Bucket, WINDOW_SECS_MIN};

impl Bucket {
    /// What is learned of it; `None`: nothing is known.
    pub fn learned(&self, now: Time) -> Option<LearnedBucket> {
        let known = self.limit?;
        let is_declared = self.limit_max.is_finite() && known >= self.limit_max;
        let size = self.burst();
        Some(LearnedBucket {
            limit: (!is_declared).then_some(known),
            is_limit_told: self.is_limit_told,
            window_secs: self.window_secs,
            burst: self.burst.learned(),
            level_share: if size > 0.0 {
                self.level(now) / size
            } else {
                0.0
            },
        })
    }

    /// Knows again what was learned `age_secs` ago, and not told of since.
    pub fn recall(&mut self, now: Time, age_secs: f64, learned: &LearnedBucket) {
        if !is_possible(learned) {
            return;
        }
        if let Some(limit) = learned.limit {
            self.limit = Some(limit.min(self.limit_max));
            self.is_limit_told |= learned.is_limit_told;
        }
        let Some(limit) = self.limit else { return };
        self.window_secs = learned.window_secs;
        match &learned.burst {
            Some(burst) => self.burst.recall(burst, limit),
            None => self.burst.cap(limit),
        }
        let was_left = self.burst() * learned.level_share;
        self.level = (was_left + self.refill_own() * age_secs.max(0.0)).min(self.top());
        self.at = self.at.max(now);
    }
}

/// Whether a bucket could have come to this.
fn is_possible(learned: &LearnedBucket) -> bool {
    let burst = learned.burst;
    let amounts = [
        learned.limit.unwrap_or_default(),
        learned.window_secs - WINDOW_SECS_MIN,
        burst.map_or(0.0, |burst| burst.size),
        burst.map_or(0.0, |burst| burst.seen),
        burst.and_then(|burst| burst.admitted).unwrap_or_default(),
    ];
    learned.level_share.is_finite() && amounts.iter().all(|it| it.is_finite() && *it >= 0.0)
}
