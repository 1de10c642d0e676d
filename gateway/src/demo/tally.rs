//! What clients got, counted by the clients themselves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::waits::{Quantiles, Waits};

/// How a request failed in front of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failure {
    /// It was answered with this status.
    Status(u16),
    /// Its answer began and was not finished.
    Broken,
    /// It got no answer.
    NoAnswer,
}

/// A good answer, and what it took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effort {
    /// Requests that the gateway sent for it.
    pub(super) attempts: u32,
    /// How long it was in the waiting room.
    pub(super) waited: Duration,
}

/// The clients' count.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    totals: Totals,
    waits: Waits,
    /// Failures that nobody was told of yet.
    fresh: Vec<Failure>,
}

/// Sums since the start.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// Requests that clients sent.
    pub(super) asked: u64,
    /// Those of them that got a good and complete answer.
    pub(super) answered: u64,
    /// Those that are under way.
    pub(super) open: u64,
    /// Attempts beyond the first of each.
    pub(super) failovers: u64,
    /// Requests that clients did not send because too many were open.
    pub(super) held_back: u64,
    /// Failures that clients saw.
    pub(super) failed: BTreeMap<Failure, u64>,
    /// Of the answers of the last seconds.
    pub(super) lately: Quantiles,
    /// Of all answers.
    pub(super) in_all: Quantiles,
    /// The longest wait.
    pub(super) longest: Duration,
}

/// Failures kept for whoever tells of them.
const FRESH_MAX: usize = 100;

impl Tally {
    /// A client sends a request.
    pub(super) fn asks(&self) {
        let totals = &mut self.counts.lock().totals;
        totals.asked += 1;
        totals.open += 1;
    }

    /// A client would have sent a request.
    pub(super) fn holds_back(&self) {
        self.counts.lock().totals.held_back += 1;
    }

    /// A request has ended.
    pub(super) fn ended(&self, effort: Effort, failure: Option<Failure>) {
        let mut counts = self.counts.lock();
        counts.totals.open -= 1;
        counts.totals.failovers += u64::from(effort.attempts.saturating_sub(1));
        match failure {
            None => {
                counts.totals.answered += 1;
                counts.waits.record(Instant::now(), effort.waited);
            }
            Some(failure) => {
                *counts.totals.failed.entry(failure).or_default() += 1;
                if counts.fresh.len() < FRESH_MAX {
                    counts.fresh.push(failure);
                }
            }
        }
    }

    /// Requests under way.
    pub(super) fn open(&self) -> u64 {
        self.counts.lock().totals.open
    }

    /// The sums.
    pub(super) fn totals(&self) -> Totals {
        let mut counts = self.counts.lock();
        let lately = counts.waits.lately(Instant::now());
        Totals {
            lately,
            in_all: counts.waits.in_all(),
            longest: counts.waits.longest(),
            ..counts.totals.clone()
        }
    }

    /// Failures since the last call.
    pub(super) fn fresh_failures(&self) -> Vec<Failure> {
        std::mem::take(&mut self.counts.lock().fresh)
    }
}

impl Totals {
    /// Failures of this kind.
    pub(super) fn failed(&self, failure: Failure) -> u64 {
        self.failed.get(&failure).copied().unwrap_or(0)
    }

    /// Failures other than 429 and 529.
    pub(super) fn failed_otherwise(&self) -> u64 {
        let all: u64 = self.failed.values().sum();
        all - self.failed(Failure::Status(429)) - self.failed(Failure::Status(529))
    }
}
