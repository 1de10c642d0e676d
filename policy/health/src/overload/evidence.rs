//! Whether failures are the provider's: most requests of the last second failed, several of them, over
//! more than one key.
//!
//! Each request counts once, by its latest outcome: one that fails wherever it is sent is one piece
//! of evidence, and one that was served by another key speaks for the provider.

use std::collections::VecDeque;
use std::time::Duration;

use keyweir_terms::ids::{KeyId, RequestId};
use keyweir_terms::time::Time;

/// Requests that are looked at.
const REQUESTS_MAX: usize = 16;
/// How old outcomes may be that say something of the provider now.
const AGE_MAX: Duration = Duration::from_secs(1);
/// Others that must have been served beside a request that fails, for the fault to be its own: one may
/// be served by luck where most are not.
const SERVED_MIN: usize = 2;
/// Requests that must have failed, and their share of all.
const FAILURES_MIN: usize = 3;
const FAILURE_SHARE: f64 = 0.5;

/// The latest outcomes, over all keys.
#[derive(Debug)]
pub(super) struct Evidence {
    recent: VecDeque<Outcome>,
}

/// How a request's latest attempt went.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    at: Time,
    request: RequestId,
    key: KeyId,
    failed: bool,
}

impl Evidence {
    pub(super) fn none() -> Self {
        Self {
            recent: VecDeque::with_capacity(REQUESTS_MAX),
        }
    }

    /// An attempt of `request` with `key` ended.
    pub(super) fn record(&mut self, now: Time, (request, key): (RequestId, KeyId), failed: bool) {
        self.dismiss(request);
        if self.recent.len() == REQUESTS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Outcome {
            at: now,
            request,
            key,
            failed,
        });
    }

    /// What `request` met is its own fault.
    pub(super) fn dismiss(&mut self, request: RequestId) {
        self.recent.retain(|outcome| outcome.request != request);
    }

    /// What was before counts no longer.
    pub(super) fn clear(&mut self) {
        self.recent.clear();
    }

    /// Whether the provider fails. `keys` is how many keys could have failed: of one alone it cannot
    /// be told whether it is the key or the provider, and its breaker does as well.
    pub(super) fn is_widespread(&self, now: Time, keys: usize) -> bool {
        let is_young = |outcome: &&Outcome| now.since(outcome.at) <= AGE_MAX;
        let requests = self.recent.iter().filter(is_young).count();
        let failed = || {
            let young = self.recent.iter().filter(is_young);
            young.filter(|outcome| outcome.failed)
        };
        let failures = failed().count();
        let first = failed().next().map(|outcome| outcome.key);
        failures >= FAILURES_MIN
            && failures as f64 >= FAILURE_SHARE * requests as f64
            && failed().any(|outcome| Some(outcome.key) != first)
            && keys > 1
    }

    /// Whether several other requests than `request` were served since, and most.
    pub(super) fn are_others_served(&self, since: Time, request: RequestId) -> bool {
        let is_other = |outcome: &&Outcome| outcome.request != request && outcome.at >= since;
        let others = self.recent.iter().filter(is_other);
        let (failed, all) = others.fold((0, 0), |(failed, all), outcome| {
            (failed + usize::from(outcome.failed), all + 1)
        });
        all - failed >= SERVED_MIN && all > 2 * failed
    }

    /// The keys that failed lately, as often as they did.
    pub(super) fn failed_keys(&self) -> impl Iterator<Item = KeyId> {
        self.recent
            .iter()
            .filter(|outcome| outcome.failed)
            .map(|outcome| outcome.key)
    }
}
