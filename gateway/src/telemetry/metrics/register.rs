//! Makes metrics and enters them into Prometheus' registry.

use prometheus::core::Collector;
use prometheus::{
    Counter, CounterVec, Encoder, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// Upper bounds of the histograms of time, in seconds: a probe answers in milliseconds, a long
/// answer streams for minutes.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 120.0, 600.0,
];

/// Upper bounds of the histogram of time between two tokens: fast models make hundreds a second.
const TOKEN_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5, 2.0];

/// Upper bounds of the histogram of our own time: tens of microseconds, unless something is wrong.
const OVERHEAD_SECONDS: [f64; 10] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1, 1.0,
];

/// The registry of one gateway.
#[derive(Default)]
pub(super) struct Register {
    registry: Registry,
    #[cfg(test)]
    rows: parking_lot::Mutex<Vec<String>>,
}

const VALID: &str = "names and labels in this folder are valid";

impl Register {
    /// The text a scrape gets.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(16 * 1024);
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.enter(IntCounterVec::new(Opts::new(name, help), labels).expect(VALID))
    }

    pub(super) fn real_counters(&self, name: &str, help: &str, labels: &[&str]) -> CounterVec {
        self.enter(CounterVec::new(Opts::new(name, help), labels).expect(VALID))
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.enter(IntCounter::new(name, help).expect(VALID))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.enter(IntGaugeVec::new(Opts::new(name, help), labels).expect(VALID))
    }

    pub(super) fn real_gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.enter(GaugeVec::new(Opts::new(name, help), labels).expect(VALID))
    }

    pub(super) fn real_gauge(&self, name: &str, help: &str) -> Gauge {
        self.enter(Gauge::new(name, help).expect(VALID))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.enter(IntGauge::new(name, help).expect(VALID))
    }

    pub(super) fn real_counter(&self, name: &str, help: &str) -> Counter {
        self.enter(Counter::new(name, help).expect(VALID))
    }

    pub(super) fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        self.histograms_in(&SECONDS, name, help, labels)
    }

    pub(super) fn token_histograms(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        self.histograms_in(&TOKEN_SECONDS, name, help, labels)
    }

    pub(super) fn overhead_histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> HistogramVec {
        self.histograms_in(&OVERHEAD_SECONDS, name, help, labels)
    }

    fn histograms_in(
        &self,
        bounds: &[f64],
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        self.enter(HistogramVec::new(options, labels).expect(VALID))
    }

    /// A line of the table in `docs/METRICS.md` for each metric.
    #[cfg(test)]
    pub(super) fn rows(&self) -> Vec<String> {
        self.rows.lock().clone()
    }

    fn enter<C: Collector + Clone + 'static>(&self, metric: C) -> C {
        #[cfg(test)]
        self.rows.lock().extend(metric.desc().into_iter().map(|it| {
            let labels = it.variable_labels.iter().map(|label| format!("`{label}`"));
            let labels = labels.collect::<Vec<_>>().join(", ");
            format!("| `{}` | {labels} | {} |", it.fq_name, it.help)
        }));
        self.registry
            .register(Box::new(metric.clone()))
            .expect("every name stands once in this folder");
        metric
    }
}
