//! Tenants' limits: what is left of them, for `/status`.

use keyweir_policy::tenancy::meters::{LimitView, Limited};
use serde_json::{Value, json};

use super::budgets::{kind, models};
use crate::runtime::gateway::Gateway;

/// All limits.
pub(super) fn status(gateway: &Gateway) -> Vec<Value> {
    let now = gateway.clock.now();
    gateway.tenancy.with(|meters, _| {
        let limits = meters.limits(now);
        limits.map(|limit| shown(&limit)).collect()
    })
}

fn shown(limit: &LimitView<'_>) -> Value {
    json!({
        "kind": kind(limit.owner),
        "owner": limit.owner.name,
        "models": models(limit.models),
        "on": match limit.what {
            Limited::PerMinute(dimension) => dimension.as_str(),
            Limited::AtATime => "concurrency",
        },
        "max": limit.max,
        "left": limit.left,
        "shadow": limit.shadow,
    })
}
