//! One provider's accounts, keys, budgets and waiting requests.

use std::collections::HashMap;

use keyweir_policy::health::breaker::BreakerState;
use keyweir_policy::pool::view::{
    AccountView, BucketView, GroupView, KeyView, PoolView, StandingView,
};
use keyweir_policy::queue::waiting_room::WaitingLine;
use keyweir_policy::terms::ids::{KeyId, ProviderId};
use serde_json::{Value, json};

use crate::admin::group_name::group_name;
use crate::admin::moments::Moments;
use crate::admin::state::State;
use crate::admin::why;
use crate::runtime::live::Live;
use crate::runtime::parts::Parts;
use crate::runtime::provider::Provider;

/// Tenants that are told one by one among those who wait; the rest is counted as one.
const LINES_MAX: usize = 100;

/// One provider.
pub(super) fn provider_status(
    live: &Live,
    moments: &Moments,
    (id, provider): (ProviderId, &Provider),
) -> Value {
    let view = provider.pool.with(|pool, now| pool.view(now));
    let parts = provider.pool.parts.load();
    let groups = view.groups.iter();
    let groups = groups.map(|group| group_status(live, moments, (&parts, group)));
    json!({
        "id": provider.id,
        "dialect": provider.dialect.as_str(),
        "base_url": live.policy.provider(id).base_url.to_string(),
        "resolved": provider.upstream.addresses().known(),
        "reachable": !provider.is_unreachable(),
        "overloaded": view.is_overloaded,
        "requests_running": view.in_flight,
        "accounts": view.accounts.iter().map(|it| account(moments, &parts, it)).collect::<Vec<_>>(),
        "keys": keys(moments, &parts, &view),
        "groups": groups.collect::<Vec<_>>(),
    })
}

fn account(moments: &Moments, parts: &Parts, it: &StandingView) -> Value {
    let why = match &it.outage {
        _ if it.is_held => Some(why::held("accounts")),
        Some(outage) if it.standing != BreakerState::Closed => {
            Some(why::out(moments, outage, None))
        }
        _ => None,
    };
    json!({
        "id": parts.account(it.account),
        "state": State::of_account(it).as_str(),
        "why": why,
        "same_as": it.same_as.map(|other| parts.account(other)),
    })
}

/// All keys; of each breaker that is not closed the first is told.
fn keys(moments: &Moments, parts: &Parts, view: &PoolView) -> Vec<Value> {
    let mut open: HashMap<KeyId, Value> = HashMap::new();
    for group in &view.groups {
        for key in &group.keys {
            if let Some(outage) = &key.outage {
                let name = group_name(group);
                let why = || why::out(moments, outage, Some(&name));
                open.entry(key.key).or_insert_with(why);
            }
        }
    }
    let why = |key: &KeyView, open: &mut HashMap<KeyId, Value>| match &key.outage {
        _ if State::of_key(key) != State::of_key_alone(key) => why_of_account(moments, key),
        _ if key.is_held => Some(why::held("keys")),
        Some(outage) if key.standing != BreakerState::Closed => {
            Some(why::out(moments, outage, None))
        }
        _ => open.remove(&key.key),
    };
    let told = view.keys.iter().map(|key| {
        json!({
            "id": parts.key(key.key),
            "account": parts.account(key.account),
            "state": State::of_key(key).as_str(),
            "why": why(key, &mut open),
            "requests_running": key.in_flight,
        })
    });
    told.collect()
}

/// Why a key does not serve that would, were it not for its account.
fn why_of_account(moments: &Moments, key: &KeyView) -> Option<Value> {
    let mut why = match &key.account_outage {
        _ if key.is_account_held => why::held("accounts"),
        Some(outage) => why::out(moments, outage, None),
        None => return None,
    };
    why["of_account"] = json!(true);
    Some(why)
}

fn group_status(live: &Live, moments: &Moments, (parts, group): (&Parts, &GroupView)) -> Value {
    let accounts = group.accounts.iter();
    let accounts = accounts.map(|account| account_in_group(moments, parts, account));
    let open = group
        .keys
        .iter()
        .filter(|key| key.breaker != BreakerState::Closed);
    let name = group_name(group);
    json!({
        "endpoint": group.endpoint.as_str(),
        "group": group.group,
        "waiting": group.waiting,
        "waiting_bytes": group.waiting_bytes,
        "waiting_by": waiting_by(live, moments, &group.lines),
        "accounts": accounts.collect::<Vec<_>>(),
        "resting_keys": open
            .map(|it| {
                json!({
                    "id": parts.key(it.key),
                    "state": State::from(it.breaker).as_str(),
                    "why": it.outage.as_ref().map(|outage| why::out(moments, outage, Some(&name))),
                })
            })
            .collect::<Vec<_>>(),
    })
}

fn account_in_group(moments: &Moments, parts: &Parts, account: &AccountView) -> Value {
    let cooldown = account.cooldown.as_secs_f64();
    let cooldown_told = (cooldown > 0.0).then(|| {
        json!({
            "until": moments.present() + cooldown,
            "from": account.cooldown_from.as_str(),
        })
    });
    json!({
        "id": parts.account(account.account),
        "requests_running": account.in_flight,
        "cooldown_secs": cooldown,
        "cooldown": cooldown_told,
        "buckets": account.buckets.iter().map(bucket).collect::<Vec<_>>(),
    })
}

fn bucket(bucket: &BucketView) -> Value {
    json!({
        "dimension": bucket.dimension.as_str(),
        "limit_per_minute": bucket.limit_per_minute,
        "burst": bucket.burst,
        "level": bucket.level,
        "free": bucket.free,
        "pending": bucket.pending,
        "reserved": bucket.reserved,
        "spent_last_minute": bucket.spent_per_minute,
        "used_by_others_per_sec": bucket.external_per_sec,
        "utilization": bucket.utilization(),
    })
}

/// Those who wait, by class and tenant, the longest first.
fn waiting_by(live: &Live, moments: &Moments, lines: &[WaitingLine]) -> Vec<Value> {
    let mut lines: Vec<&WaitingLine> = lines.iter().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.waiting));
    let shown = lines.iter().take(LINES_MAX).map(|line| {
        let tenant = line.tenant.and_then(|tenant| live.tenant(tenant));
        json!({
            "class": line.priority.as_str(),
            "tenant": tenant.map(|tenant| tenant.id.as_str()),
            "retries": line.tenant.is_none(),
            "requests": line.waiting,
            "since": moments.epoch(line.since),
        })
    });
    shown.collect()
}
