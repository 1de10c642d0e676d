//! The counters of one provider, held: they are on every request's way.

use std::sync::OnceLock;

use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::AccountId;
use keyweir_policy::terms::table::Table;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::attempts::Attempts;
use super::endpoints::ENDPOINTS;
use super::requests::Requests;

/// One provider's part of the metrics.
pub(crate) struct ProviderMetrics {
    provider: String,
    accounts: Table<AccountId, Account>,
    duration: [Histogram; ENDPOINTS.len()],
    first_byte: [Histogram; ENDPOINTS.len()],
    pub(crate) waited: Histogram,
    pub(crate) answer_began: Histogram,
    pub(crate) output_token: Histogram,
    pub(crate) overhead: Histogram,
    retries: IntCounterVec,
    pub(crate) fallbacks: IntCounter,
    pub(crate) hidden: IntCounter,
    pub(crate) dropped_pages: IntCounter,
    pub(crate) connected: IntCounter,
    pub(crate) reused: IntCounter,
}

/// One account, and the counter of its successes once there was one.
struct Account {
    name: String,
    succeeded: OnceLock<IntCounter>,
}

impl ProviderMetrics {
    /// The counters of `provider`, which has `accounts`.
    pub(super) fn new(
        requests: &Requests,
        attempts: &Attempts,
        provider: &str,
        accounts: &Table<AccountId, String>,
    ) -> Self {
        let per_endpoint = |histograms: &HistogramVec| {
            ENDPOINTS.map(|endpoint| histograms.with_label_values(&[provider, endpoint.as_str()]))
        };
        Self {
            provider: provider.to_owned(),
            accounts: accounts.map(|_, name| Account {
                name: name.clone(),
                succeeded: OnceLock::new(),
            }),
            duration: per_endpoint(&requests.duration),
            first_byte: per_endpoint(&requests.first_byte),
            waited: requests.waited.with_label_values(&[provider]),
            retries: attempts.retries.clone(),
            answer_began: attempts.answer_began.with_label_values(&[provider]),
            output_token: requests.output_token.with_label_values(&[provider]),
            overhead: requests.overhead.with_label_values(&[provider]),
            fallbacks: attempts.fallbacks.with_label_values(&[provider]),
            hidden: attempts.held_faults.with_label_values(&[provider]),
            dropped_pages: attempts.dropped_pages.with_label_values(&[provider]),
            connected: attempts.connects.with_label_values(&[provider, "new"]),
            reused: attempts.connects.with_label_values(&[provider, "reused"]),
        }
    }

    /// Counts an attempt by its account and fault. Successes, nearly all, take no look-up.
    pub(super) fn attempted(&self, attempts: &Attempts, account: AccountId, fault: &str) {
        let account = self.accounts.get(account);
        let find = || {
            let account = account.map_or("", |account| account.name.as_str());
            attempts
                .attempts
                .with_label_values(&[self.provider.as_str(), account, fault])
        };
        match account {
            Some(account) if fault == "none" => account.succeeded.get_or_init(find).inc(),
            _ => find().inc(),
        }
    }

    /// Counts an attempt that follows one that met `fault`.
    pub(crate) fn retried(&self, fault: &str) {
        self.retries
            .with_label_values(&[self.provider.as_str(), fault])
            .inc();
    }

    pub(crate) fn duration(&self, endpoint: Endpoint) -> &Histogram {
        &self.duration[endpoint as usize]
    }

    pub(crate) fn first_byte(&self, endpoint: Endpoint) -> &Histogram {
        &self.first_byte[endpoint as usize]
    }
}
