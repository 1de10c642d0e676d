//! What is counted of clients' requests: how they ended, why they were refused, how long they took,
//! what they cost.

use std::sync::OnceLock;

use keyweir_policy::terms::endpoint::Endpoint;
use prometheus::{HistogramVec, IntCounter, IntCounterVec};

use super::endpoints::ENDPOINTS;
use super::register::Register;
use crate::telemetry::outcome::Outcome;

/// The metrics of requests.
pub(crate) struct Requests {
    requests: IntCounterVec,
    refusals: IntCounterVec,
    tokens: IntCounterVec,
    pub(super) duration: HistogramVec,
    pub(super) first_byte: HistogramVec,
    pub(super) waited: HistogramVec,
    pub(super) output_token: HistogramVec,
    pub(super) overhead: HistogramVec,
}

impl Requests {
    /// All at zero.
    pub(super) fn new(registry: &Register) -> Self {
        Self {
            requests: registry.counters(
                "keyweir_requests_total",
                "Requests of clients, by how they ended.",
                &["tenant", "provider", "endpoint", "outcome"],
            ),
            refusals: registry.counters(
                "keyweir_refusals_total",
                "Requests that the gateway itself refused, by reason.",
                &["provider", "reason"],
            ),
            tokens: registry.counters(
                "keyweir_tokens_total",
                "Tokens that providers said they charged (cache_read: input read from the prompt cache, which input leaves out).",
                &["tenant", "provider", "kind"],
            ),
            duration: registry.histograms(
                "keyweir_request_seconds",
                "From a request's head to the end of its answer.",
                &["provider", "endpoint"],
            ),
            first_byte: registry.histograms(
                "keyweir_first_byte_seconds",
                "From a request's head to the first byte of its answer, waiting included.",
                &["provider", "endpoint"],
            ),
            output_token: registry.token_histograms(
                "keyweir_output_token_seconds",
                "Mean time from one output token to the next of a stream, after its first content.",
                &["provider"],
            ),
            overhead: registry.overhead_histograms(
                "keyweir_overhead_seconds",
                "The gateway's own part of a request's way: from the end of its body to its first attempt, waiting left out.",
                &["provider"],
            ),
            waited: registry.histograms(
                "keyweir_waited_seconds",
                "Time in the waiting room, of requests that were in it.",
                &["provider"],
            ),
        }
    }

    /// Counts a refusal.
    pub(super) fn refused(&self, provider: &str, reason: &str) {
        self.refusals.with_label_values(&[provider, reason]).inc();
    }

    /// Those that tell tenants apart.
    pub(super) const fn of_tenants(&self) -> [&IntCounterVec; 2] {
        [&self.requests, &self.tokens]
    }

    /// The counters of one tenant at one provider.
    pub(super) fn of_tenant(&self, tenant: &str, provider: &str) -> TenantMetrics {
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
    pub(super) fn ended(&self, tenant: &TenantMetrics, endpoint: Endpoint, outcome: Outcome) {
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
    pub(super) fn ended_early(&self, outcome: Outcome) {
        self.requests
            .with_label_values(&["", "", "", outcome.as_str()])
            .inc();
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
