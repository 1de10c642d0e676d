//! What operators are told of issuers of tokens: in `/status`, `/metrics`, `/readyz` and after a reload.

use serde_json::{Value, json};

use super::moments::epoch_of;
use crate::runtime::gateway::Gateway;
use crate::runtime::tokens::IssuerView;
use crate::telemetry::metrics::OfIssuer;

/// Each issuer, for `/status`.
pub(super) fn status(gateway: &Gateway) -> Vec<Value> {
    let one = |it: IssuerView| {
        json!({
            "issuer": it.issuer,
            "keys": it.keys,
            "state": state(&it),
            "read": it.read.map(epoch_of),
            "failures": it.failures,
            "error": it.error,
        })
    };
    gateway.live().tokens.issuers().map(one).collect()
}

const fn state(issuer: &IssuerView) -> &'static str {
    match (issuer.is_usable, issuer.error.is_some()) {
        (true, false) => "serving",
        (true, true) => "kept",
        (false, _) => "out",
    }
}

/// What is wrong with issuers: a sentence for each.
pub(super) fn troubles(gateway: &Gateway) -> Vec<String> {
    let live = gateway.live();
    live.tokens
        .issuers()
        .filter_map(|it| it.trouble())
        .collect()
}

/// Brings their metrics up to date.
pub(super) fn refresh(gateway: &Gateway) {
    let issuers: Vec<IssuerView> = gateway.live().tokens.issuers().collect();
    gateway
        .metrics
        .issuers
        .refresh(issuers.iter().map(|it| OfIssuer {
            issuer: &it.issuer,
            keys: it.keys,
            is_failing: it.error.is_some(),
            read: it.read,
            failures: it.failures,
        }));
}
