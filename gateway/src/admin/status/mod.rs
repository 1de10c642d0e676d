//! `/status`: the policy in force, providers, accounts, keys and budgets as the gateway sees them, with
//! the reason for whatever is out, as JSON. `assets/status.schema.json` is its schema.

mod pools;

use http::{Response, StatusCode};
use serde_json::{Value, json};

use self::pools::provider_status;
use super::answer::json as answer;
use super::budgets;
use super::issuers;
use super::limits;
use super::moments::{Moments, epoch_of};
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;
use crate::runtime::shared::Standing;
use crate::telemetry::events::Event;

/// Raised when a field goes or changes its meaning; new fields may come at any time.
const FORMAT: u32 = 1;

/// The page.
pub(super) fn page(gateway: &Gateway) -> Response<Vec<u8>> {
    answer(StatusCode::OK, &status(gateway))
}

/// The document.
pub(super) fn status(gateway: &Gateway) -> Value {
    let live = gateway.live();
    let moments = Moments::now(gateway.clock);
    let providers = live.providers.iter();
    let providers = providers.map(|(id, it)| provider_status(&live, &moments, (id, it)));
    let events = gateway.events.latest();
    json!({
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "time": moments.present(),
        "ready": gateway.lifecycle.ready(),
        "policy": policy_status(gateway),
        "shared": shared(gateway),
        "issuers": issuers::status(gateway),
        "listeners": listeners(&live),
        "connections": gateway.lifecycle.connections_open(),
        "requests_running": gateway.lifecycle.requests_running(),
        "body_bytes_held": gateway.bodies.held(),
        "limits": limits::status(gateway),
        "budgets": budgets::status(gateway),
        "tenants_waiting": budgets::waiting(gateway),
        "totals": totals(gateway),
        "events": events.iter().map(event).collect::<Vec<_>>(),
        "providers": providers.collect::<Vec<_>>(),
    })
}

/// Where clients connect, as the policy has it.
fn listeners(live: &Live) -> Vec<Value> {
    let settings = live.settings();
    let clear = settings.listen.iter().map(|it| (it, false));
    let tls = settings.tls.iter().flat_map(|tls| &tls.listen);
    let all = clear.chain(tls.map(|it| (it, true)));
    let told = all.map(|(address, tls)| json!({ "address": address.to_string(), "tls": tls }));
    told.collect()
}

fn policy_status(gateway: &Gateway) -> Value {
    let status = gateway.policy_status.lock().clone();
    json!({
        "hash": status.hash,
        "since": status.since.map(epoch_of),
        "read": status.read.map(epoch_of),
        "failed": status.failure.map(|failure| json!({
            "at": epoch_of(failure.at),
            "mistakes": failure.why.lines().collect::<Vec<_>>(),
            "warnings": failure.warnings,
        })),
        "needs_restart": status.restart,
        "secrets_failed": status.secrets,
    })
}

/// Whether other gateways are heard.
fn shared(gateway: &Gateway) -> Value {
    let heard = |seconds: f64, store: Option<String>| {
        json!({
            "heard": store.is_some(),
            "seconds": seconds,
            "store": store,
            "replicas": gateway.replicas.heard(),
            "reason": null,
            "why": null,
        })
    };
    match gateway.shared.standing() {
        Standing::Off => Value::Null,
        Standing::Heard { since, store } => heard(since.elapsed().as_secs_f64(), Some(store)),
        Standing::Silent { since, reason, why } => {
            let mut told = heard(since.elapsed().as_secs_f64(), None);
            told["reason"] = reason.into();
            told["why"] = why.into();
            told
        }
    }
}

/// What was counted since the start.
fn totals(gateway: &Gateway) -> Value {
    let tally = &gateway.metrics.tally;
    let requests = tally.requests().map(|(name, count)| (name, json!(count)));
    let attempts = tally.attempts().map(|(name, count)| (name, json!(count)));
    json!({
        "requests": Value::Object(requests.map(|(name, it)| (name.to_owned(), it)).collect()),
        "attempts": Value::Object(attempts.map(|(name, it)| (name.to_owned(), it)).collect()),
    })
}

fn event(event: &Event) -> Value {
    json!({
        "at": epoch_of(event.at),
        "severity": event.severity.as_str(),
        "provider": event.provider,
        "account": event.account,
        "key": event.key,
        "text": event.text,
        "times": event.times,
    })
}
