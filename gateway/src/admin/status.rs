//! `/status`: providers, accounts, keys and budgets as the gateway sees them, as JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{Response, StatusCode};
use keyweir_policy::health::breaker::BreakerState;
use keyweir_policy::pool::view::{GroupView, PoolView};
use keyweir_policy::terms::ids::ProviderId;
use serde_json::{Value, json};

use super::answer::answer;
use super::budgets;
use super::state::state_name;
use crate::runtime::gateway::{Gateway, Live};
use crate::runtime::parts::Parts;
use crate::runtime::provider::Provider;

/// The page.
pub(super) fn page(gateway: &Gateway) -> Response<Vec<u8>> {
    let status = status(gateway);
    answer(
        StatusCode::OK,
        "application/json",
        format!("{status:#}\n").into_bytes(),
    )
}

fn status(gateway: &Gateway) -> Value {
    let live = gateway.live();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ready": gateway.lifecycle.ready(),
        "policy": policy_status(gateway),
        "connections": gateway.lifecycle.connections_open(),
        "requests_running": gateway.lifecycle.requests_running(),
        "body_bytes_held": gateway.bodies.held(),
        "budgets": budgets::status(gateway),
        "providers": live.providers.iter().map(|(id, it)| provider_status(&live, id, it)).collect::<Vec<_>>(),
    })
}

fn policy_status(gateway: &Gateway) -> Value {
    let status = gateway.policy_status.lock().clone();
    let moment = |at: SystemTime| {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs_f64()
    };
    json!({
        "hash": status.hash,
        "since": status.since.map(moment),
        "read": status.read.map(moment),
        "failed": status.failure.map(|failure| json!({
            "at": moment(failure.at),
            "mistakes": failure.why.lines().collect::<Vec<_>>(),
            "warnings": failure.warnings,
        })),
        "needs_restart": status.restart,
        "secrets_failed": status.secrets,
    })
}

fn provider_status(live: &Live, id: ProviderId, provider: &Provider) -> Value {
    let view = provider.pool.with(|pool, now| pool.view(now));
    let parts = provider.pool.parts.load();
    json!({
        "id": provider.id,
        "dialect": provider.dialect.as_str(),
        "base_url": live.policy.provider(id).base_url.to_string(),
        "resolved": provider.upstream.addresses().known(),
        "overloaded": view.is_overloaded,
        "requests_running": view.in_flight,
        "accounts": accounts(&parts, &view),
        "keys": keys(&parts, &view),
        "groups": view.groups.iter().map(|group| group_status(&parts, group)).collect::<Vec<_>>(),
    })
}

fn accounts(parts: &Parts, view: &PoolView) -> Vec<Value> {
    view.accounts
        .iter()
        .map(|it| {
            json!({
                "id": parts.account(it.account),
                "state": state_name(it.standing),
            })
        })
        .collect()
}

fn keys(parts: &Parts, view: &PoolView) -> Vec<Value> {
    view.keys
        .iter()
        .map(|key| {
            json!({
                "id": parts.key(key.key),
                "account": parts.account(key.account),
                "state": state_name(key.state),
                "requests_running": key.in_flight,
            })
        })
        .collect()
}

fn group_status(parts: &Parts, group: &GroupView) -> Value {
    let accounts = group.accounts.iter().map(|account| {
        let id = parts.account(account.account);
        let buckets = account.buckets.iter().map(|bucket| {
            json!({
                "dimension": bucket.dimension.as_str(),
                "limit_per_minute": bucket.limit_per_minute,
                "burst": bucket.burst,
                "level": bucket.level,
                "pending": bucket.pending,
                "used_by_others_per_sec": bucket.external_per_sec,
            })
        });
        json!({
            "id": id,
            "requests_running": account.in_flight,
            "cooldown_secs": account.cooldown.as_secs_f64(),
            "buckets": buckets.collect::<Vec<_>>(),
        })
    });
    let open = group
        .keys
        .iter()
        .filter(|key| key.breaker != BreakerState::Closed);
    json!({
        "endpoint": group.endpoint.as_str(),
        "group": group.group,
        "waiting": group.waiting,
        "waiting_bytes": group.waiting_bytes,
        "accounts": accounts.collect::<Vec<_>>(),
        "resting_keys": open
            .map(|it| {
                json!({ "id": parts.key(it.key), "state": state_name(it.breaker) })
            })
            .collect::<Vec<_>>(),
    })
}
