//! The counters of one provider, held: they are on every request's way.

use std::sync::OnceLock;

use keyweir_policy::terms::endpoint::Endpoint;
use prometheus::{Histogram, HistogramVec, IntCounter};

use super::attempts::Attempts;
use super::endpoints::ENDPOINTS;
use super::requests::Requests;

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
    /// The counters of `provider`, which has `accounts`.
    pub(super) fn new(
        requests: &Requests,
        attempts: &Attempts,
        provider: &str,
        accounts: &[String],
    ) -> Self {
        let per_endpoint = |histograms: &HistogramVec| {
            ENDPOINTS.map(|endpoint| histograms.with_label_values(&[provider, endpoint.as_str()]))
        };
        Self {
            provider: provider.to_owned(),
            accounts: accounts.to_vec(),
            duration: per_endpoint(&requests.duration),
            first_byte: per_endpoint(&requests.first_byte),
            waited: requests.waited.with_label_values(&[provider]),
            retries: attempts.retries.with_label_values(&[provider]),
            hidden: attempts.held_faults.with_label_values(&[provider]),
            connected: attempts.connects.with_label_values(&[provider, "new"]),
            reused: attempts.connects.with_label_values(&[provider, "reused"]),
            succeeded: accounts.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// Counts an attempt by its account and fault. Successes, nearly all, take no look-up.
    pub(super) fn attempted(&self, attempts: &Attempts, account: usize, fault: &str) {
        let find = || {
            let account = self.accounts.get(account).map_or("", String::as_str);
            attempts
                .attempts
                .with_label_values(&[self.provider.as_str(), account, fault])
        };
        match self.succeeded.get(account) {
            Some(succeeded) if fault == "none" => succeeded.get_or_init(find).inc(),
            _ => find().inc(),
        }
    }

    pub(crate) fn duration(&self, endpoint: Endpoint) -> &Histogram {
        &self.duration[endpoint as usize]
    }

    pub(crate) fn first_byte(&self, endpoint: Endpoint) -> &Histogram {
        &self.first_byte[endpoint as usize]
    }
}
