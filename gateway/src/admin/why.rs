//! Why a key or an account is out: what it met, since when, when it is probed, and what an operator
//! can do about it.

use keyweir_policy::pool::outage::{Cause, Outage};
use keyweir_policy::terms::fault::Fault;
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
        "text": sentence(&outage.cause),
        "since": moments.epoch(outage.since),
        "next_probe": outage.until.map(|until| moments.epoch(until)),
    });
    if let Some(group) = group {
        why["group"] = json!(group);
    }
    why
}

const fn sentence(cause: &Cause) -> &'static str {
    match cause {
        Cause::Operator => "an operator took it out; it is probed later",
        Cause::Elsewhere => "another gateway found it out; it is probed later",
        Cause::Fault(fault) => of_fault(fault),
    }
}

const fn of_fault(fault: &Fault) -> &'static str {
    match fault {
        Fault::KeyRejected => {
            "the provider rejects the key: it is revoked, expired or mistyped; replace its secret"
        }
        Fault::ScopeMissing => "the key lacks the right to this endpoint; give it the right",
        Fault::OutOfMoney { .. } => {
            "the account has no money left, or hit a spend limit; top it up"
        }
        Fault::AccountDisabled => "the provider disabled the account; ask the provider",
        Fault::ModelDenied => "the key may not use the model; ask the provider for access",
        Fault::RateLimited { .. } | Fault::RampLimited { .. } | Fault::TooLargeForLimit => {
            "the provider refuses with 429, though a budget seemed to be left"
        }
        Fault::Overloaded { .. } => "the provider says that it is overloaded",
        Fault::Broken { .. } => "the provider answers with errors (5xx, or what is no answer)",
        Fault::ConnectFailed => "no connection can be made: network, DNS, TLS or proxy",
        Fault::Unverified => {
            "who answers does not prove to be the provider; see to its certificate, base_url and ca_file"
        }
        Fault::ConnectionLost => "connections die before an answer comes",
        Fault::TimedOut => "no answer comes in time",
        Fault::StreamBroken => "streams break off in the middle",
        Fault::None
        | Fault::BadRequest
        | Fault::ReferenceUnknown
        | Fault::ContextTooLong
        | Fault::ClientLeft
        | Fault::Aborted => "it failed",
    }
}
