//! Tenants' budgets: what is spent of them, for `/status` and as a metric.

use keyweir_policy::tenancy::allowance::Amount;
use keyweir_policy::tenancy::lack::Owner;
use keyweir_policy::tenancy::meters::BudgetView;
use keyweir_policy::tenancy::money::Money;
use keyweir_policy::terms::pattern::{ModelPattern, ModelPatterns};
use serde_json::{Value, json};

use crate::runtime::gateway::Gateway;

/// All budgets, as `/status` shows them.
pub(super) fn status(gateway: &Gateway) -> Vec<Value> {
    gateway.tenancy.with(|meters, wall| {
        let budgets = meters.budgets(wall);
        budgets.map(|budget| shown(&budget)).collect()
    })
}

/// How many requests wait for limits and budgets of their tenants, by those.
pub(super) fn waiting(gateway: &Gateway) -> Vec<Value> {
    let told = |(tenant, requests)| json!({ "tenant": tenant, "requests": requests });
    who_waits(gateway).into_iter().map(told).collect()
}

fn who_waits(gateway: &Gateway) -> Vec<(String, usize)> {
    let live = gateway.live();
    let tenants = &live.policy.tenants;
    let counts = gateway
        .tenancy
        .waiting
        .counts(|it| tenants.get(it).is_some());
    let named = counts.into_iter();
    let named = named.map(|(tenant, count)| (tenants[tenant].id.clone(), count));
    named.collect()
}

/// Brings the metrics up to date.
pub(super) fn refresh(gateway: &Gateway) {
    let metric = &gateway.metrics.tenancy.waiting;
    metric.reset();
    for (tenant, count) in who_waits(gateway) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        metric.with_label_values(&[tenant]).set(count);
    }
    let metric = &gateway.metrics.tenancy.budget_spent;
    metric.reset();
    gateway.tenancy.with(|meters, wall| {
        for budget in meters.budgets(wall) {
            let labels = [
                kind(budget.owner),
                budget.owner.name.as_str(),
                &models(budget.models),
                unit(budget.amount),
                budget.period,
            ];
            metric.with_label_values(&labels).set(share(&budget));
        }
    });
}

fn shown(budget: &BudgetView<'_>) -> Value {
    let (amount, spent) = match budget.amount {
        Amount::Tokens(tokens) => (tokens.to_string(), budget.spent.to_string()),
        Amount::Money(money) => {
            let spent = Money::from_pico(budget.spent);
            (money.to_string(), spent.to_string())
        }
    };
    json!({
        "kind": kind(budget.owner),
        "owner": budget.owner.name,
        "models": models(budget.models),
        "unit": unit(budget.amount),
        "amount": amount,
        "spent": spent,
        "spent_ratio": share(budget),
        "period": budget.period,
        "begin": budget.begin.0 / 1_000_000,
        "end": budget.end.0 / 1_000_000,
        "soft": budget.soft,
        "warn_at": budget.warn_at.map(|at| f64::from(at.0) / 100.0),
        "shadow": budget.shadow,
    })
}

pub(super) fn kind(owner: &Owner) -> &'static str {
    if owner.is_group { "group" } else { "tenant" }
}

pub(super) fn models(models: &ModelPatterns) -> String {
    let names: Vec<&str> = models.iter().map(ModelPattern::as_str).collect();
    names.join(",")
}

const fn unit(amount: Amount) -> &'static str {
    match amount {
        Amount::Tokens(_) => "tokens",
        Amount::Money(_) => "usd",
    }
}

fn share(budget: &BudgetView<'_>) -> f64 {
    let max = match budget.amount {
        Amount::Tokens(tokens) => u128::from(tokens),
        Amount::Money(money) => money.pico(),
    };
    budget.counted as f64 / (max.max(1)) as f64
}
