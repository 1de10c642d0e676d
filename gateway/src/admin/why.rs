//! Why a key or an account is out: what it met, since when, when it is probed, and what an operator
//! can do about it.

use keyweir_policy::pool::outage::Outage;
use serde_json::{Value, json};

use super::moments::Moments;

/// An operator holds it.
pub(super) fn held(of: &str) -> Value {
    json!({
        "reason": "held",
        "text": format!(
            "an operator holds it: it takes no more requests until POST /{of}/{{id}}/resume"
        ),
        "since": null,
        "next_probe": null,
    })
}

/// It is out, or its breaker for one quota group is open.
pub(super) fn out(moments: &Moments, outage: &Outage, group: Option<&str>) -> Value {
    let mut why = json!({
        "reason": outage.cause.as_str(),
        "text": outage.cause.sentence(),
        "since": moments.epoch(outage.since),
        "next_probe": outage.until.map(|until| moments.epoch(until)),
    });
    if let Some(group) = group {
        why["group"] = json!(group);
    }
    why
}
