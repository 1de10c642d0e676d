//! `/status`: providers, accounts, keys and budgets as the gateway sees them, as JSON.

use http::{Response, StatusCode};
use keyweir_policy::health::breaker::BreakerState;
use keyweir_policy::pool::view::{GroupView, PoolView};
use keyweir_policy::terms::ids::{AccountId, ProviderId};
use serde_json::{Value, json};

use super::answer::answer;
use super::state::state_name;
use crate::runtime::gateway::{Gateway, Live};
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
        "connections": gateway.lifecycle.connections_open(),
        "requests_running": gateway.lifecycle.requests_running(),
        "body_bytes_held": gateway.bodies.held(),
        "providers": live.providers.iter().map(|(id, it)| provider_status(&live, id, it)).collect::<Vec<_>>(),
    })
}

fn provider_status(live: &Live, id: ProviderId, provider: &Provider) -> Value {
    let view = provider.pool.with(|pool, now| pool.view(now));
    json!({
        "id": provider.id,
        "dialect": provider.dialect.as_str(),
        "base_url": live.policy.provider(id).base_url.to_string(),
        "resolved": provider.upstream.addresses().known(),
        "overloaded": view.is_overloaded,
        "requests_running": view.in_flight,
        "accounts": accounts(provider, &view),
        "keys": keys(provider, &view),
        "groups": view.groups.iter().map(|group| group_status(provider, group)).collect::<Vec<_>>(),
    })
}

fn accounts(provider: &Provider, view: &PoolView) -> Vec<Value> {
    view.accounts
        .iter()
        .map(|it| {
            json!({
                "id": provider.accounts.get(it.account),
                "state": state_name(it.standing),
            })
        })
        .collect()
}

fn keys(provider: &Provider, view: &PoolView) -> Vec<Value> {
    let account = |id: AccountId| provider.accounts.get(id);
    view.keys
        .iter()
        .map(|key| {
            json!({
                "id": provider.key(key.key).label,
                "account": account(key.account),
                "state": state_name(key.state),
                "requests_running": key.in_flight,
            })
        })
        .collect()
}

fn group_status(provider: &Provider, group: &GroupView) -> Value {
    let accounts = group.accounts.iter().map(|account| {
        let id = provider.accounts.get(account.account);
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
                json!({ "id": provider.key(it.key).label, "state": state_name(it.breaker) })
            })
            .collect::<Vec<_>>(),
    })
}
