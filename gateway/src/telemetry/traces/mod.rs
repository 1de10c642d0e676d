//! Traces over OTLP, http/protobuf: off unless the policy names a collector (`gateway.traces`).
//!
//! Spans are made when a request has ended, wait in a bounded queue, and are sent by a thread of their
//! own. A collector that is slow, hangs or is down holds nobody up: what does not fit or cannot be
//! delivered is dropped and counted. Without crates: of OpenTelemetry only its wire format is needed,
//! a page of protobuf, and the crates for it bring tens of others and break with each minor version.

mod encode;
pub(crate) mod names;
mod post;
mod resource;
pub(crate) mod span;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use self::post::Collector;
use self::span::Span;

/// Spans that wait to be sent: some seconds of a busy gateway, a few megabytes.
const QUEUE_MAX: usize = 4_096;
/// Spans of one message.
const BATCH_MAX: usize = 512;
/// How long spans are gathered before a message is sent.
const GATHER: Duration = Duration::from_secs(1);

/// Sends spans.
#[derive(Debug, Default)]
pub(crate) struct Traces(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    delivered: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    collector: Option<Collector>,
    queue: VecDeque<Span>,
    runs: bool,
}

impl Traces {
    /// From now on spans go to the collector at `endpoint` (`http://host:port`); `None`: nowhere.
    pub(crate) fn aim(&self, endpoint: Option<&str>) {
        let collector = endpoint.and_then(Collector::at);
        let mut state = self.0.state.lock();
        let is_needed = collector.is_some() && !state.runs;
        state.collector = collector;
        if is_needed {
            let shared = Arc::clone(&self.0);
            let thread = std::thread::Builder::new().name("keyweir-traces".to_owned());
            state.runs = thread.spawn(move || shared.send_for_ever()).is_ok();
        }
    }

    /// Has spans sent, or dropped if too many wait already.
    pub(crate) fn add(&self, spans: impl IntoIterator<Item = Span>) {
        let mut state = self.0.state.lock();
        for span in spans {
            if state.queue.len() < QUEUE_MAX && state.runs {
                state.queue.push_back(span);
            } else {
                self.0.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        if state.queue.len() >= BATCH_MAX {
            self.0.changed.notify_one();
        }
    }

    /// Spans that a collector has taken.
    pub(crate) fn delivered(&self) -> u64 {
        self.0.delivered.load(Ordering::Relaxed)
    }

    /// Spans that nobody will ever see.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn send_for_ever(&self) {
        let resource = resource::of_this_process();
        let mut is_told = false;
        loop {
            let (collector, batch) = {
                let mut state = self.state.lock();
                if state.queue.len() < BATCH_MAX {
                    let _ = self.changed.wait_for(&mut state, GATHER);
                }
                let most = state.queue.len().min(BATCH_MAX);
                let batch: Vec<Span> = state.queue.drain(..most).collect();
                (state.collector.clone(), batch)
            };
            if batch.is_empty() {
                continue;
            }
            let count = batch.len() as u64;
            let sent = match collector {
                Some(collector) => collector.post(&encode::request(&resource, &batch)),
                None => Err(std::io::Error::other("there is no collector any more")),
            };
            match sent {
                Ok(()) => {
                    self.delivered.fetch_add(count, Ordering::Relaxed);
                    is_told = false;
                }
                Err(error) => {
                    self.dropped.fetch_add(count, Ordering::Relaxed);
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(%error, "traces cannot be delivered, and are dropped");
                    }
                }
            }
        }
    }
}
