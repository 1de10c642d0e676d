//! How requests and attempts ended, over all tenants and providers, in a form that costs nothing to
//! look at every second: what the live page draws its rates from.

use std::sync::atomic::{AtomicU64, Ordering};

use keyweir_policy::terms::fault::Fault;

use super::outcome::Outcome;

/// How attempts end, as far as the page tells them apart.
const ATTEMPTS: [&str; 4] = ["good", "rate_limited", "overloaded", "failed"];

/// The counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: [AtomicU64; Outcome::COUNT],
    attempts: [AtomicU64; ATTEMPTS.len()],
}

impl Tally {
    pub(super) fn ended(&self, outcome: Outcome) {
        self.requests[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn attempted(&self, fault: &Fault) {
        let kind = match fault {
            Fault::None | Fault::BadRequest | Fault::ContextTooLong | Fault::ReferenceUnknown => 0,
            Fault::RateLimited { .. } | Fault::RampLimited { .. } | Fault::TooLargeForLimit => 1,
            Fault::Overloaded { .. } => 2,
            Fault::ClientLeft | Fault::Aborted => return,
            _ => 3,
        };
        self.attempts[kind].fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests ended in each way.
    pub(crate) fn requests(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = Outcome::ALL.iter().zip(&self.requests);
        counts.map(|(outcome, count)| (outcome.as_str(), count.load(Ordering::Relaxed)))
    }

    /// How many attempts ended in each way; those that nobody waited for are left out.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = ATTEMPTS.iter().zip(&self.attempts);
        counts.map(|(name, count)| (*name, count.load(Ordering::Relaxed)))
    }
}
