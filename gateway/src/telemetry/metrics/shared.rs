//! What is counted of the words that gateways exchange through a store.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

use super::register::Register;

/// The metrics of the exchange.
pub(crate) struct SharedMetrics {
    up: IntGaugeVec,
    exchanges: IntCounterVec,
    took: HistogramVec,
}

impl SharedMetrics {
    /// None yet.
    pub(super) fn new(registry: &Register) -> Self {
        Self {
            up: registry.gauges(
                "keyweir_shared_up",
                "1 while the other gateways are heard, 0 while they are not and limits are shared out evenly. Only where the policy names a store.",
                &[],
            ),
            exchanges: registry.counters(
                "keyweir_shared_exchanges_total",
                "Exchanges of words with the other gateways, by outcome: done, or why not (unreachable, timeout, password, permission, version, read_only, full, moved, error).",
                &["outcome"],
            ),
            took: registry.histograms(
                "keyweir_shared_exchange_seconds",
                "How long an exchange took that was done.",
                &[],
            ),
        }
    }

    /// The others are heard, or not.
    pub(crate) fn up(&self, is_up: bool) {
        let none: [&str; 0] = [];
        self.up.with_label_values(&none).set(i64::from(is_up));
    }

    /// There is no store.
    pub(crate) fn off(&self) {
        self.up.reset();
    }

    /// An exchange ended so.
    pub(crate) fn exchanged(&self, outcome: &str, took: Duration) {
        self.exchanges.with_label_values(&[outcome]).inc();
        if outcome == "done" {
            let none: [&str; 0] = [];
            self.took
                .with_label_values(&none)
                .observe(took.as_secs_f64());
        }
    }
}
