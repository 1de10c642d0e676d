//! Gauges that mirror providers' pools; brought up to date for each scrape.

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec};

use super::register::Register;

/// The metrics of pools.
pub(crate) struct Pools {
    pub(crate) waiting: IntGaugeVec,
    pub(crate) in_flight: IntGaugeVec,
    pub(crate) storm: IntGaugeVec,
    pub(crate) keys: IntGaugeVec,
    pub(crate) accounts: IntGaugeVec,
    pub(crate) budget_limit: GaugeVec,
    pub(crate) budget_level: GaugeVec,
    pub(crate) budget_utilization: GaugeVec,
    pub(crate) waiting_by_class: IntGaugeVec,
    pub(crate) waiting_oldest: GaugeVec,
    pub(crate) next_probe: GaugeVec,
    pub(crate) trips: IntCounterVec,
    pub(crate) retries_denied: IntCounterVec,
}

impl Pools {
    /// All at zero.
    pub(super) fn new(registry: &Register) -> Self {
        Self {
            waiting: registry.gauges(
                "keyweir_waiting_requests",
                "Requests in the waiting room.",
                &["provider"],
            ),
            in_flight: registry.gauges(
                "keyweir_upstream_requests_running",
                "Requests on their way at the provider.",
                &["provider"],
            ),
            storm: registry.gauges(
                "keyweir_provider_overloaded",
                "1 while the provider is overloaded as a whole and requests are held back.",
                &["provider"],
            ),
            keys: registry.gauges(
                "keyweir_keys",
                "Provider keys, by state: serving, probing, out, or held by an operator.",
                &["provider", "state"],
            ),
            accounts: registry.gauges(
                "keyweir_accounts",
                "Accounts, by state: serving, probing, out (no money, disabled), or held by an operator.",
                &["provider", "state"],
            ),
            budget_limit: registry.real_gauges(
                "keyweir_budget_limit_per_minute",
                "What a bucket refills by in a minute.",
                &["provider", "account", "group", "dimension"],
            ),
            budget_utilization: registry.real_gauges(
                "keyweir_budget_utilization_ratio",
                "The share of a bucket's limit that was used in the last minute, by the gateway and, as far as that is believed, by others.",
                &["provider", "account", "group", "dimension"],
            ),
            waiting_by_class: registry.gauges(
                "keyweir_waiting_requests_by_class",
                "Requests in the waiting room, by class.",
                &["provider", "class"],
            ),
            waiting_oldest: registry.real_gauges(
                "keyweir_waiting_oldest_seconds",
                "How long the request that has waited longest has waited, by class; 0 where nobody waits.",
                &["provider", "class"],
            ),
            next_probe: registry.real_gauges(
                "keyweir_key_next_probe_seconds",
                "Until a key that is out is asked again; 0 while it is being probed. Only of keys that are out.",
                &["provider", "key"],
            ),
            trips: registry.counters(
                "keyweir_breaker_trips_total",
                "Times that the breaker of a key has opened.",
                &["provider"],
            ),
            retries_denied: registry.counters(
                "keyweir_retries_denied_total",
                "Attempts that were not made because the retry budget was empty.",
                &["provider"],
            ),
            budget_level: registry.real_gauges(
                "keyweir_budget_level_ratio",
                "What is left in a bucket, as a share of what it can hold.",
                &["provider", "account", "group", "dimension"],
            ),
        }
    }
    /// What was there may be gone: the next scrape shows what is there.
    pub(crate) fn forget(&self) {
        for gauges in [
            &self.waiting,
            &self.in_flight,
            &self.storm,
            &self.keys,
            &self.accounts,
            &self.waiting_by_class,
        ] {
            gauges.reset();
        }
        for gauges in [
            &self.budget_limit,
            &self.budget_level,
            &self.budget_utilization,
            &self.waiting_oldest,
            &self.next_probe,
        ] {
            gauges.reset();
        }
    }
}
