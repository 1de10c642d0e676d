//! The provider's own counts, read ten times a second.

use std::time::Duration;

use simulated_provider::Control;
use tokio::time::{Instant, interval};

/// What the provider had counted up to a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    /// The moment, in seconds from the beginning.
    pub(crate) at: f64,
    /// Requests that came.
    pub(crate) requests: f64,
    /// Taken from the budgets: requests, input tokens, output tokens.
    pub(crate) taken: [f64; 3],
    /// Requests refused for want of budget, faults on command not counted.
    pub(crate) refused: f64,
}

/// All entries, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Vec<Entry>);

impl Ledger {
    /// Counts until this is dropped; `entry` gets each count.
    pub(crate) async fn keep(control: Control, began: Instant, mut entry: impl FnMut(Entry)) {
        let mut ticks = interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            entry(Entry::now(&control, began));
        }
    }

    /// One more count.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.0.push(entry);
    }

    /// What was counted from one moment to another.
    pub(crate) fn between(&self, from: f64, until: f64) -> Entry {
        let (first, last) = (self.at(from), self.at(until));
        Entry {
            at: last.at - first.at,
            requests: last.requests - first.requests,
            taken: std::array::from_fn(|which| last.taken[which] - first.taken[which]),
            refused: last.refused - first.refused,
        }
    }

    fn at(&self, secs: f64) -> Entry {
        let next = self.0.partition_point(|entry| entry.at < secs);
        let found = self.0.get(next).or(self.0.last());
        found.copied().unwrap_or_default()
    }
}

impl Entry {
    /// What is counted now.
    pub(crate) fn now(control: &Control, began: Instant) -> Self {
        let counters = control.counters();
        let sum = |what: fn(&simulated_provider::KeyCounters) -> u64| {
            counters.keys.values().map(what).sum::<u64>() as f64
        };
        Self {
            at: began.elapsed().as_secs_f64(),
            requests: counters.requests as f64,
            taken: [
                sum(|key| key.admitted),
                sum(|key| key.input_tokens),
                sum(|key| key.output_tokens),
            ],
            refused: sum(|key| key.refused),
        }
    }
}
