//! Whether failures are the provider's: most outcomes of the last second failed, over more than one
//! key.

use std::collections::VecDeque;
use std::time::Duration;

use keyweir_terms::ids::KeyId;
use keyweir_terms::time::Time;

/// Outcomes that are looked at, and how old they may be. Halved or doubled, no simulated world changes:
/// there are hundreds of outcomes a second where it matters. A second is what a client may wait unseen.
const OUTCOMES_MAX: usize = 16;
const OUTCOMES_AGE_MAX: Duration = Duration::from_secs(1);
/// Failures it takes, and their share of the outcomes. Two are a coincidence, and three or six make no
/// simulated world differ; were all outcomes to fail, "small storm" would refuse some.
const FAILURES_MIN: usize = 3;
const FAILURE_SHARE: f64 = 0.5;

/// The latest outcomes, over all keys.
#[derive(Debug)]
pub(super) struct Evidence {
    recent: VecDeque<Outcome>,
}

#[derive(Debug, Clone, Copy)]
struct Outcome {
    at: Time,
    key: KeyId,
    failed: bool,
}

impl Evidence {
    pub(super) fn none() -> Self {
        Self {
            recent: VecDeque::with_capacity(OUTCOMES_MAX),
        }
    }

    /// An attempt ended.
    pub(super) fn record(&mut self, now: Time, key: KeyId, failed: bool) {
        if self.recent.len() == OUTCOMES_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Outcome {
            at: now,
            key,
            failed,
        });
    }

    /// What was before counts no longer.
    pub(super) fn clear(&mut self) {
        self.recent.clear();
    }

    /// Whether the provider fails. `keys` is how many keys could have failed: where there is only
    /// one, it alone is evidence enough.
    pub(super) fn is_widespread(&mut self, now: Time, keys: usize) -> bool {
        let is_old = |outcome: &Outcome| now.since(outcome.at) > OUTCOMES_AGE_MAX;
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        let failures = self.failed_keys().count();
        let first = self.failed_keys().next();
        let distinct = self.failed_keys().any(|key| Some(key) != first);
        failures >= FAILURES_MIN
            && failures as f64 >= FAILURE_SHARE * self.recent.len() as f64
            && (distinct || keys <= 1)
    }

    /// The keys that failed lately, as often as they did.
    pub(super) fn failed_keys(&self) -> impl Iterator<Item = KeyId> {
        self.recent
            .iter()
            .filter(|outcome| outcome.failed)
            .map(|outcome| outcome.key)
    }
}
