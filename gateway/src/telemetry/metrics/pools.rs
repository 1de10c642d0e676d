//! Gauges that mirror providers' pools; brought up to date for each scrape.

use prometheus::{GaugeVec, IntGaugeVec};

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
                "Provider keys, by state: serving, probing, or out.",
                &["provider", "state"],
            ),
            accounts: registry.gauges(
                "keyweir_accounts",
                "Accounts, by state: serving, probing, or out (no money, disabled).",
                &["provider", "state"],
            ),
            budget_limit: registry.real_gauges(
                "keyweir_budget_limit_per_minute",
                "What a bucket refills by in a minute.",
                &["provider", "account", "group", "dimension"],
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
        ] {
            gauges.reset();
        }
        self.budget_limit.reset();
        self.budget_level.reset();
    }
}
