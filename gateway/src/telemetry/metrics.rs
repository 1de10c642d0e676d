//! What Prometheus sees. Every name and label is in the table of this file, and every label is
//! bounded: by the policy file (tenants, providers, accounts, keys) or by an enum.
//!
//! Counters of the hot path are looked up once and then held: a look-up by label values costs more
//! than the rest of a request's accounting together.

use std::sync::OnceLock;

use keyweir_policy::dialect::Endpoint;
use prometheus::core::Collector;
use prometheus::{
    Encoder, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::outcome::Outcome;

/// Upper bounds of the histograms of time, in seconds: a probe answers in milliseconds, a long
/// answer streams for minutes.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 120.0, 600.0,
];

/// Every metric of one gateway.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    attempts: IntCounterVec,
    refusals: IntCounterVec,
    tokens: IntCounterVec,
    duration: HistogramVec,
    first_byte: HistogramVec,
    waited: HistogramVec,
    retries: IntCounterVec,
    held_faults: IntCounterVec,
    connects: IntCounterVec,
    pub(crate) connections: IntGauge,
    pub(crate) connections_refused: IntCounter,
    pub(crate) requests_running: IntGauge,
    pub(crate) body_bytes_held: IntGauge,
    pub(crate) draining: IntGauge,
    pub(crate) waiting: IntGaugeVec,
    pub(crate) in_flight: IntGaugeVec,
    pub(crate) storm: IntGaugeVec,
    pub(crate) keys: IntGaugeVec,
    pub(crate) accounts: IntGaugeVec,
    pub(crate) budget_limit: GaugeVec,
    pub(crate) budget_level: GaugeVec,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    pub fn new() -> Self {
        let registry = Registry::new();
        let build = gauges(
            &registry,
            "keyweir_build_info",
            "Always 1; the label says which version runs.",
            &["version"],
        );
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Self {
            requests: counters(
                &registry,
                "keyweir_requests_total",
                "Requests of clients, by how they ended.",
                &["tenant", "provider", "endpoint", "outcome"],
            ),
            attempts: counters(
                &registry,
                "keyweir_attempts_total",
                "Requests sent to providers, by account and by whose fault their end was.",
                &["provider", "account", "fault"],
            ),
            refusals: counters(
                &registry,
                "keyweir_refusals_total",
                "Requests that the gateway itself refused, by reason.",
                &["provider", "reason"],
            ),
            tokens: counters(
                &registry,
                "keyweir_tokens_total",
                "Tokens that providers said they charged (cache_read: input read from the prompt cache).",
                &["tenant", "provider", "kind"],
            ),
            duration: histograms(
                &registry,
                "keyweir_request_seconds",
                "From a request's head to the end of its answer.",
                &["provider", "endpoint"],
            ),
            first_byte: histograms(
                &registry,
                "keyweir_first_byte_seconds",
                "From a request's head to the first byte of its answer, waiting included.",
                &["provider", "endpoint"],
            ),
            waited: histograms(
                &registry,
                "keyweir_waited_seconds",
                "Time in the waiting room, of requests that were in it.",
                &["provider"],
            ),
            retries: counters(
                &registry,
                "keyweir_retries_total",
                "Attempts beyond a request's first.",
                &["provider"],
            ),
            held_faults: counters(
                &registry,
                "keyweir_stream_faults_hidden_total",
                "Streams that failed before their first content, and so went to another key unseen.",
                &["provider"],
            ),
            connects: counters(
                &registry,
                "keyweir_upstream_connections_total",
                "Connections used for attempts: new ones, and idle ones reused.",
                &["provider", "kind"],
            ),
            connections: gauge(
                &registry,
                "keyweir_connections",
                "Open connections of clients.",
            ),
            connections_refused: counter(
                &registry,
                "keyweir_connections_refused_total",
                "Connections of clients closed at once because too many were open.",
            ),
            requests_running: gauge(
                &registry,
                "keyweir_requests_running",
                "Requests between their head and the end of their answer.",
            ),
            body_bytes_held: gauge(
                &registry,
                "keyweir_body_bytes_held",
                "Bytes of request bodies kept for another attempt.",
            ),
            draining: gauge(
                &registry,
                "keyweir_draining",
                "1 once the gateway takes no new work.",
            ),
            waiting: gauges(
                &registry,
                "keyweir_waiting_requests",
                "Requests in the waiting room.",
                &["provider"],
            ),
            in_flight: gauges(
                &registry,
                "keyweir_upstream_requests_running",
                "Requests on their way at the provider.",
                &["provider"],
            ),
            storm: gauges(
                &registry,
                "keyweir_provider_overloaded",
                "1 while the provider is overloaded as a whole and requests are held back.",
                &["provider"],
            ),
            keys: gauges(
                &registry,
                "keyweir_keys",
                "Provider keys, by state: serving, probing, or out.",
                &["provider", "state"],
            ),
            accounts: gauges(
                &registry,
                "keyweir_accounts",
                "Accounts, by state: serving, probing, or out (no money, disabled).",
                &["provider", "state"],
            ),
            budget_limit: real_gauges(
                &registry,
                "keyweir_budget_limit_per_minute",
                "What a bucket refills by in a minute.",
                &["provider", "account", "group", "dimension"],
            ),
            budget_level: real_gauges(
                &registry,
                "keyweir_budget_level_ratio",
                "What is left in a bucket, as a share of what it can hold.",
                &["provider", "account", "group", "dimension"],
            ),
            registry,
        }
    }

    /// The text a scrape gets.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(16 * 1024);
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }

    /// The held counters of one provider.
    pub(crate) fn of_provider(&self, provider: &str, accounts: &[String]) -> ProviderMetrics {
        let per_endpoint = |histograms: &HistogramVec| {
            ENDPOINTS.map(|endpoint| histograms.with_label_values(&[provider, endpoint.as_str()]))
        };
        ProviderMetrics {
            provider: provider.to_owned(),
            accounts: accounts.to_vec(),
            duration: per_endpoint(&self.duration),
            first_byte: per_endpoint(&self.first_byte),
            waited: self.waited.with_label_values(&[provider]),
            retries: self.retries.with_label_values(&[provider]),
            hidden: self.held_faults.with_label_values(&[provider]),
            connected: self.connects.with_label_values(&[provider, "new"]),
            reused: self.connects.with_label_values(&[provider, "reused"]),
            succeeded: accounts.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// Counts a request that was refused before its provider was known.
    pub(crate) fn refused_early(&self, reason: &str) {
        self.refusals.with_label_values(&["", reason]).inc();
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, provider: &str, reason: &str) {
        self.refusals.with_label_values(&[provider, reason]).inc();
    }

    /// Counts an attempt by its account and fault. Successes, nearly all, take no look-up.
    pub(crate) fn attempted(&self, provider: &ProviderMetrics, account: usize, fault: &str) {
        let find = || {
            let account = provider.accounts.get(account).map_or("", String::as_str);
            self.attempts
                .with_label_values(&[provider.provider.as_str(), account, fault])
        };
        match provider.succeeded.get(account) {
            Some(succeeded) if fault == "none" => succeeded.get_or_init(find).inc(),
            _ => find().inc(),
        }
    }

    /// The counters of one tenant at one provider.
    pub(crate) fn of_tenant(&self, tenant: &str, provider: &str) -> TenantMetrics {
        let tokens = |kind| self.tokens.with_label_values(&[tenant, provider, kind]);
        TenantMetrics {
            tenant: tenant.to_owned(),
            provider: provider.to_owned(),
            outcomes: Default::default(),
            input: tokens("input"),
            cache_read: tokens("cache_read"),
            output: tokens("output"),
        }
    }

    /// Counts a request by its end.
    pub(crate) fn ended(&self, tenant: &TenantMetrics, endpoint: Endpoint, outcome: Outcome) {
        let cell = &tenant.outcomes[endpoint as usize][outcome as usize];
        cell.get_or_init(|| {
            self.requests.with_label_values(&[
                tenant.tenant.as_str(),
                tenant.provider.as_str(),
                endpoint.as_str(),
                outcome.as_str(),
            ])
        })
        .inc();
    }

    /// Counts a request that ended before its tenant or provider was known.
    pub(crate) fn ended_early(&self, outcome: Outcome) {
        self.requests
            .with_label_values(&["", "", "", outcome.as_str()])
            .inc();
    }
}

/// In the order of their discriminants.
const ENDPOINTS: [Endpoint; 7] = [
    Endpoint::Inference,
    Endpoint::CountTokens,
    Endpoint::Batches,
    Endpoint::Files,
    Endpoint::Models,
    Endpoint::Probe,
    Endpoint::Other,
];

/// One provider's part of the metrics.
pub(crate) struct ProviderMetrics {
    provider: String,
    accounts: Vec<String>,
    duration: [Histogram; ENDPOINTS.len()],
    first_byte: [Histogram; ENDPOINTS.len()],
    pub(crate) waited: Histogram,
    pub(crate) retries: IntCounter,
    pub(crate) hidden: IntCounter,
    pub(crate) connected: IntCounter,
    pub(crate) reused: IntCounter,
    succeeded: Vec<OnceLock<IntCounter>>,
}

impl ProviderMetrics {
    pub(crate) fn duration(&self, endpoint: Endpoint) -> &Histogram {
        &self.duration[endpoint as usize]
    }

    pub(crate) fn first_byte(&self, endpoint: Endpoint) -> &Histogram {
        &self.first_byte[endpoint as usize]
    }
}

/// One tenant's part of the metrics at one provider.
pub(crate) struct TenantMetrics {
    tenant: String,
    provider: String,
    outcomes: [[OnceLock<IntCounter>; Outcome::COUNT]; ENDPOINTS.len()],
    pub(crate) input: IntCounter,
    pub(crate) cache_read: IntCounter,
    pub(crate) output: IntCounter,
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> C {
    registry
        .register(Box::new(metric.clone()))
        .expect("every name stands once in this file");
    metric
}

const VALID: &str = "names and labels in this file are valid";

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    register(
        registry,
        IntCounterVec::new(Opts::new(name, help), labels).expect(VALID),
    )
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    register(registry, IntCounter::new(name, help).expect(VALID))
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    register(
        registry,
        IntGaugeVec::new(Opts::new(name, help), labels).expect(VALID),
    )
}

fn real_gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    register(
        registry,
        GaugeVec::new(Opts::new(name, help), labels).expect(VALID),
    )
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    register(registry, IntGauge::new(name, help).expect(VALID))
}

fn histograms(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
    register(registry, HistogramVec::new(options, labels).expect(VALID))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_stand_in_the_order_of_their_discriminants() {
        for (position, endpoint) in ENDPOINTS.into_iter().enumerate() {
            assert_eq!(endpoint as usize, position);
        }
    }

    #[test]
    fn a_scrape_shows_what_was_counted() {
        let metrics = Metrics::new();
        let provider = metrics.of_provider("p", &["a".to_owned()]);
        metrics.attempted(&provider, 0, "none");
        metrics.attempted(&provider, 0, "rate_limited");
        let tenant = metrics.of_tenant("t", "p");
        metrics.ended(&tenant, Endpoint::Inference, Outcome::Answered);

        let text = String::from_utf8(metrics.encode()).expect("text");

        for line in [
            r#"keyweir_attempts_total{account="a",fault="none",provider="p"} 1"#,
            r#"keyweir_attempts_total{account="a",fault="rate_limited",provider="p"} 1"#,
            r#"keyweir_requests_total{endpoint="inference",outcome="answered",provider="p",tenant="t"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
