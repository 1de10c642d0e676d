//! Makes metrics and enters them into Prometheus' registry.

use prometheus::core::Collector;
use prometheus::{
    CounterVec, Encoder, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// Upper bounds of the histograms of time, in seconds: a probe answers in milliseconds, a long
/// answer streams for minutes.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 120.0, 600.0,
];

/// The registry of one gateway.
#[derive(Default)]
pub(super) struct Register(Registry);

const VALID: &str = "names and labels in this folder are valid";

impl Register {
    /// The text a scrape gets.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(16 * 1024);
        if let Err(error) = TextEncoder::new().encode(&self.0.gather(), &mut text) {
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

    pub(super) fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
        self.enter(HistogramVec::new(options, labels).expect(VALID))
    }

    fn enter<C: Collector + Clone + 'static>(&self, metric: C) -> C {
        self.0
            .register(Box::new(metric.clone()))
            .expect("every name stands once in this folder");
        metric
    }
}
