//! What happened so far, counted: by key, by status, and what is open now.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::clock::unix_nanos;

/// A reading of all counters.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Counters {
    /// Connections open now.
    pub connections_open: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Requests whose answer has not ended yet.
    pub requests_open: u64,
    /// The most that were open at once.
    pub requests_open_max: u64,
    /// Streamed answers under way.
    pub streams_open: u64,
    /// Requests whose head arrived.
    pub requests: u64,
    /// Bytes of request bodies that were read.
    pub upload_bytes: u64,
    /// Requests whose client left before their end.
    pub cancelled: u64,
    /// Answers by status, those without a known key included.
    pub by_status: BTreeMap<u16, u64>,
    /// Faults that struck.
    pub faults: u64,
    /// By key.
    pub keys: BTreeMap<String, KeyCounters>,
    /// The last cancellations, oldest first.
    pub last_cancelled: Vec<Cancelled>,
}

impl Counters {
    /// Answers with this status.
    pub fn status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or_default()
    }

    /// The counters of one key; zeros if it was never used.
    pub fn key(&self, key: &str) -> KeyCounters {
        self.keys.get(key).cloned().unwrap_or_default()
    }
}

/// The counters of one key.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct KeyCounters {
    /// Requests that carried it.
    pub requests: u64,
    /// Requests that are open now.
    pub requests_open: u64,
    /// Answers by status.
    pub by_status: BTreeMap<u16, u64>,
    /// Requests refused because a budget was spent (faults on command are not counted here).
    pub refused: u64,
    /// Of all, those that came inside the wait that a refusal had told.
    pub hasty: u64,
    /// Requests that passed the budgets.
    pub admitted: u64,
    /// Input tokens charged (corrected where the answer has ended).
    pub input_tokens: u64,
    /// Input tokens read from the prompt cache.
    pub cache_read_tokens: u64,
    /// Output tokens produced.
    pub output_tokens: u64,
    /// Requests whose client left before their end.
    pub cancelled: u64,
}

/// A request whose client left.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Cancelled {
    /// The key it carried, if it was a known one.
    pub key: Option<String>,
    /// When the provider noticed: nanoseconds since 1970.
    pub unix_nanos: u64,
    /// Whether its answer had begun to stream.
    pub streaming: bool,
}

/// How many cancellations are kept.
const CANCELLED_KEPT: usize = 256;

/// The counters of the whole provider, as they are counted.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) connections_open: AtomicU64,
    pub(crate) connections: AtomicU64,
    requests_open: AtomicU64,
    requests_open_max: AtomicU64,
    streams_open: AtomicU64,
    requests: AtomicU64,
    pub(crate) upload_bytes: AtomicU64,
    cancelled: AtomicU64,
    pub(crate) faults: AtomicU64,
    by_status: Mutex<Statuses>,
    last_cancelled: Mutex<VecDeque<Cancelled>>,
}

/// The counters of one key, as they are counted.
#[derive(Debug, Default)]
pub(crate) struct LiveKey {
    requests: AtomicU64,
    requests_open: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) hasty: AtomicU64,
    pub(crate) admitted: AtomicU64,
    pub(crate) input_tokens: AtomicU64,
    pub(crate) cache_read_tokens: AtomicU64,
    pub(crate) output_tokens: AtomicU64,
    cancelled: AtomicU64,
    by_status: Mutex<Statuses>,
}

/// Few statuses ever occur, so a short list beats a map.
type Statuses = Vec<(u16, u64)>;

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

pub(crate) fn subtract(counter: &AtomicU64, by: u64) {
    counter.fetch_sub(by, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn clear(counter: &AtomicU64) {
    counter.store(0, Ordering::Relaxed);
}

fn count_status(statuses: &Mutex<Statuses>, status: u16) {
    let mut statuses = statuses.lock();
    match statuses.iter_mut().find(|(is, _)| *is == status) {
        Some((_, count)) => *count += 1,
        None => statuses.push((status, 1)),
    }
}

impl Live {
    pub(crate) fn request_began(&self) {
        add(&self.requests, 1);
        let open = self.requests_open.fetch_add(1, Ordering::Relaxed) + 1;
        self.requests_open_max.fetch_max(open, Ordering::Relaxed);
    }

    pub(crate) fn request_ended(&self) {
        subtract(&self.requests_open, 1);
    }

    pub(crate) fn stream_began(&self) {
        add(&self.streams_open, 1);
    }

    pub(crate) fn stream_ended(&self) {
        subtract(&self.streams_open, 1);
    }

    pub(crate) fn answered(&self, status: u16) {
        count_status(&self.by_status, status);
    }

    pub(crate) fn client_left(&self, key: Option<String>, streaming: bool) {
        add(&self.cancelled, 1);
        let mut last = self.last_cancelled.lock();
        if last.len() == CANCELLED_KEPT {
            last.pop_front();
        }
        last.push_back(Cancelled {
            key,
            unix_nanos: u64::try_from(unix_nanos()).unwrap_or(u64::MAX),
            streaming,
        });
    }

    /// Sets what is summed up to zero; what is open stays.
    pub(crate) fn clear(&self) {
        let sums = [
            &self.connections,
            &self.requests,
            &self.upload_bytes,
            &self.cancelled,
            &self.faults,
        ];
        sums.into_iter().for_each(clear);
        let open = read(&self.requests_open);
        self.requests_open_max.store(open, Ordering::Relaxed);
        self.by_status.lock().clear();
        self.last_cancelled.lock().clear();
    }

    /// All but the keys.
    pub(crate) fn snapshot(&self) -> Counters {
        Counters {
            connections_open: read(&self.connections_open),
            connections: read(&self.connections),
            requests_open: read(&self.requests_open),
            requests_open_max: read(&self.requests_open_max),
            streams_open: read(&self.streams_open),
            requests: read(&self.requests),
            upload_bytes: read(&self.upload_bytes),
            cancelled: read(&self.cancelled),
            by_status: self.by_status.lock().iter().copied().collect(),
            faults: read(&self.faults),
            keys: BTreeMap::new(),
            last_cancelled: self.last_cancelled.lock().iter().cloned().collect(),
        }
    }
}

impl LiveKey {
    pub(crate) fn request_began(&self) {
        add(&self.requests, 1);
        add(&self.requests_open, 1);
    }

    pub(crate) fn request_ended(&self) {
        subtract(&self.requests_open, 1);
    }

    pub(crate) fn answered(&self, status: u16) {
        count_status(&self.by_status, status);
    }

    pub(crate) fn client_left(&self) {
        add(&self.cancelled, 1);
    }

    pub(crate) fn clear(&self) {
        let sums = [
            &self.requests,
            &self.refused,
            &self.hasty,
            &self.admitted,
            &self.input_tokens,
            &self.cache_read_tokens,
            &self.output_tokens,
            &self.cancelled,
        ];
        sums.into_iter().for_each(clear);
        self.by_status.lock().clear();
    }

    pub(crate) fn snapshot(&self) -> KeyCounters {
        KeyCounters {
            requests: read(&self.requests),
            requests_open: read(&self.requests_open),
            by_status: self.by_status.lock().iter().copied().collect(),
            refused: read(&self.refused),
            hasty: read(&self.hasty),
            admitted: read(&self.admitted),
            input_tokens: read(&self.input_tokens),
            cache_read_tokens: read(&self.cache_read_tokens),
            output_tokens: read(&self.output_tokens),
            cancelled: read(&self.cancelled),
        }
    }
}
