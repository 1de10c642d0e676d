//! What there is to see at one moment, whoever draws it.

use std::collections::VecDeque;
use std::time::Duration;

use super::feed::Feed;
use super::rows::AccountRow;
use super::tally::Totals;

/// Seconds of history that are kept: as many as the widest sparkline shows.
const HISTORY: usize = 120;

/// One moment.
#[derive(Debug, Default)]
pub(super) struct Scene {
    /// Since the start.
    pub(super) elapsed: Duration,
    /// The story's round and chapter, and the time until the next.
    pub(super) round: u32,
    pub(super) chapter: String,
    pub(super) next_in: Duration,
    /// The traffic has stopped; what is under way ends.
    pub(super) is_finishing: bool,
    /// The gateway takes the provider to be overloaded as a whole.
    pub(super) is_overloaded: bool,
    pub(super) accounts: Vec<AccountRow>,
    /// Requests in the waiting room.
    pub(super) waiting: usize,
    /// What clients got.
    pub(super) totals: Totals,
    /// What the provider answered.
    pub(super) upstream: Upstream,
    pub(super) rates: Rates,
    pub(super) history: History,
    pub(super) feed: Feed,
}

/// What the provider answered, by its own count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Upstream {
    /// 429.
    pub(super) rate_limited: u64,
    /// 529.
    pub(super) overloaded: u64,
    /// Every other error.
    pub(super) otherwise: u64,
    /// Requests that reached it.
    pub(super) requests: u64,
}

/// Per second, over the last seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub(super) asked: f64,
    pub(super) answered: f64,
}

/// The last minutes, second by second.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) asked: VecDeque<u64>,
    pub(super) answered: VecDeque<u64>,
    pub(super) waiting: VecDeque<u64>,
}

impl History {
    /// A second has passed.
    pub(super) fn push(&mut self, asked: u64, answered: u64, waiting: u64) {
        let values = [asked, answered, waiting];
        let rows = [&mut self.asked, &mut self.answered, &mut self.waiting];
        for (row, value) in rows.into_iter().zip(values) {
            if row.len() == HISTORY {
                row.pop_front();
            }
            row.push_back(value);
        }
    }
}
