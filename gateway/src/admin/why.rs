//! Why a key or an account is out: what it met, since when, when it is probed, and what an operator
//! can do about it.

use keyweir_policy::pool::outage::Outage;
use serde_json::{Value, json};

use super::moments::Moments;
use crate::runtime::words::{Whom, Words};

/// An operator holds it.
pub(super) fn held(of: &str) -> Value {
    json!({
        "reason": "held",
        "text": format!(
            "an operator holds it: it takes no more requests until POST /{of}/{{id}}/resume"
        ),
        "since": null,
        "next_probe": null,
        "status": null,
        "said": null,
    })
}

/// `whom` is out, or its breaker for a quota group is open, with what the provider said when it refused.
pub(super) fn out((moments, words): (&Moments, &Words), whom: Whom, outage: &Outage) -> Value {
    let said = words.of(whom, outage);
    json!({
        "reason": outage.cause.as_str(),
        "text": outage.cause.sentence(),
        "since": moments.epoch(outage.since),
        "next_probe": outage.until.map(|until| moments.epoch(until)),
        "status": said.as_ref().map(|said| said.status),
        "said": said.and_then(|said| said.words),
    })
}

/// The same, where that is so for one quota group only.
pub(super) fn out_for(of: (&Moments, &Words), group: &str, whom: Whom, outage: &Outage) -> Value {
    let mut why = out(of, whom, outage);
    why["group"] = json!(group);
    why
}
