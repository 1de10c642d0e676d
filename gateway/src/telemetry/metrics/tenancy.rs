//! What tenants use and spend.
//!
//! The label `model` is the name of a price in the policy or in the list that comes with the program,
//! or `other`: what clients call a model is no label.

use keyweir_policy::tenancy::money::Money;
use keyweir_policy::tenancy::request::Cost;
use prometheus::{Counter, CounterVec, GaugeVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::gone::{Named, drop_gone};
use super::register::Register;

/// The metrics of tenants' spending.
pub(crate) struct TenancyMetrics {
    cost: CounterVec,
    tokens: IntCounterVec,
    unpriced: IntCounterVec,
    limited: IntCounterVec,
    pub(crate) budget_spent: GaugeVec,
    pub(crate) waiting: IntGaugeVec,
}

/// One tenant's spending on one model.
pub(crate) struct ModelMetrics {
    cost: Counter,
    input: IntCounter,
    cache_read: IntCounter,
    cache_write: IntCounter,
    output: IntCounter,
    unpriced: Option<IntCounter>,
}

impl TenancyMetrics {
    /// All at zero.
    pub(super) fn new(registry: &Register) -> Self {
        Self {
            cost: registry.real_counters(
                "keyweir_cost_usd_total",
                "What requests cost by the policy's prices, in US dollars.",
                &["tenant", "model"],
            ),
            tokens: registry.counters(
                "keyweir_model_tokens_total",
                "Tokens that were charged, by model (cache_write is a part of input).",
                &["tenant", "model", "kind"],
            ),
            unpriced: registry.counters(
                "keyweir_unpriced_requests_total",
                "Requests that were charged for and whose model has no price.",
                &["tenant"],
            ),
            limited: registry.counters(
                "keyweir_tenant_limits_total",
                "Requests that met a limit or a budget of their tenant, by what became of them: refused, waited, passed_over (a fallback's model that they have no room for), or shadowed (only counted).",
                &["tenant", "limit", "action"],
            ),
            budget_spent: registry.real_gauges(
                "keyweir_tenant_budget_spent_ratio",
                "What is spent of a budget in its period, as a share of it.",
                &["kind", "owner", "models", "unit", "period"],
            ),
            waiting: registry.gauges(
                "keyweir_tenant_waiting_requests",
                "Requests that wait for a limit or a budget of their tenant, of tenants of which any has waited.",
                &["tenant"],
            ),
        }
    }

    /// The counters of one tenant's spending on one model.
    pub(crate) fn of_model(&self, tenant: &str, model: &str) -> ModelMetrics {
        let tokens = |kind| self.tokens.with_label_values(&[tenant, model, kind]);
        let unpriced = || self.unpriced.with_label_values(&[tenant]);
        ModelMetrics {
            cost: self.cost.with_label_values(&[tenant, model]),
            input: tokens("input"),
            cache_read: tokens("cache_read"),
            cache_write: tokens("cache_write"),
            output: tokens("output"),
            unpriced: (model == "other").then(unpriced),
        }
    }

    /// Drops what was counted of tenants that are not `named`.
    pub(super) fn drop_gone(&self, named: &Named<'_>) {
        drop_gone(&self.cost, named);
        for counters in [&self.tokens, &self.unpriced, &self.limited] {
            drop_gone(counters, named);
        }
    }

    /// Counts a request that met a limit.
    pub(crate) fn limited(&self, tenant: &str, limit: &str, action: &str) {
        self.limited
            .with_label_values(&[tenant, limit, action])
            .inc();
    }
}

impl ModelMetrics {
    /// Counts a request.
    pub(crate) fn add(&self, cost: &Cost) {
        if cost.money > Money::ZERO {
            self.cost.inc_by(cost.money.dollars());
        }
        let usage = &cost.usage;
        for (counter, tokens) in [
            (&self.input, usage.input),
            (&self.cache_read, usage.cache_read),
            (&self.cache_write, usage.cache_write.map(u64::from)),
            (&self.output, usage.output),
        ] {
            if let Some(tokens) = tokens.filter(|tokens| *tokens > 0) {
                counter.inc_by(tokens);
            }
        }
        if let Some(unpriced) = &self.unpriced {
            unpriced.inc();
        }
    }
}
