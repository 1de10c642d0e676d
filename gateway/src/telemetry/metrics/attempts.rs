//! What is counted of requests to providers: whose fault their end was, and on which connections
//! they went.

use prometheus::{HistogramVec, IntCounterVec};

use super::register::Register;

/// The metrics of attempts.
pub(crate) struct Attempts {
    pub(super) attempts: IntCounterVec,
    pub(super) retries: IntCounterVec,
    pub(super) fallbacks: IntCounterVec,
    pub(super) held_faults: IntCounterVec,
    pub(super) dropped_pages: IntCounterVec,
    pub(super) connects: IntCounterVec,
    pub(super) answer_began: HistogramVec,
}

impl Attempts {
    /// All at zero.
    pub(super) fn new(registry: &Register) -> Self {
        Self {
            attempts: registry.counters(
                "keyweir_attempts_total",
                "Requests sent to providers, by account and by whose fault their end was.",
                &["provider", "account", "fault"],
            ),
            retries: registry.counters(
                "keyweir_retries_total",
                "Attempts beyond a request's first at the provider, by what the one before met.",
                &["provider", "reason"],
            ),
            fallbacks: registry.counters(
                "keyweir_fallbacks_total",
                "Requests that left the provider for their next choice.",
                &["provider"],
            ),
            held_faults: registry.counters(
                "keyweir_stream_faults_hidden_total",
                "Streams that failed before their first content, and so went to another key unseen.",
                &["provider"],
            ),
            dropped_pages: registry.counters(
                "keyweir_list_pages_dropped_total",
                "Pages of lists (models, batches, files) that were too long to be read, and are missing in what clients got.",
                &["provider"],
            ),
            answer_began: registry.histograms(
                "keyweir_upstream_first_byte_seconds",
                "From the beginning of the attempt that was answered to the beginning of its answer (of a stream: its first content).",
                &["provider"],
            ),
            connects: registry.counters(
                "keyweir_upstream_connections_total",
                "Connections used for attempts: new ones, and idle ones reused.",
                &["provider", "kind"],
            ),
        }
    }
}
