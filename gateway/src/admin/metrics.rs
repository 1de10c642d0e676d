//! `/metrics`: what Prometheus scrapes. Counters count all the time; gauges that mirror something
//! else are brought up to date here.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Response, StatusCode};
use keyweir_policy::pool::view::{GroupView, PoolView};
use keyweir_policy::terms::ids::KeyId;
use keyweir_policy::terms::request::Priority;
use keyweir_policy::terms::time::Time;

use super::answer::answer;
use super::budgets;
use super::group_name::group_name;
use super::issuers;
use super::state::State;
use crate::runtime::gateway::Gateway;
use crate::runtime::parts::Parts;
use crate::runtime::provider::Provider;
use crate::telemetry::messages;
use crate::telemetry::metrics::{Metrics, Pools};

/// The page.
pub(super) fn page(gateway: &Gateway) -> Response<Vec<u8>> {
    let metrics = &gateway.metrics;
    refresh_process(gateway);
    budgets::refresh(gateway);
    issuers::refresh(gateway);
    metrics.pools.next_probe.reset();
    for provider in gateway.live().providers.values() {
        refresh(metrics, provider);
    }
    answer(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        metrics.encode(),
    )
}

fn refresh_process(gateway: &Gateway) {
    let (process, lifecycle) = (&gateway.metrics.process, &gateway.lifecycle);
    process.refresh();
    process
        .connections
        .set(signed(lifecycle.connections_open()));
    let strangers = &gateway.strangers;
    process.unauthenticated.set(signed(strangers.count()));
    catch_up(&process.unauthenticated_closed, strangers.given_way());
    catch_up(&process.access_log_lost, gateway.access_log.lost());
    catch_up(&process.spans_delivered, gateway.traces.delivered());
    catch_up(&process.spans_dropped, gateway.traces.dropped());
    catch_up(&process.messages_lost, messages::lost());
    process
        .requests_running
        .set(signed(lifecycle.requests_running()));
    process
        .body_bytes_held
        .set(i64::try_from(gateway.bodies.held()).unwrap_or(i64::MAX));
    process.draining.set(i64::from(!lifecycle.ready()));
}

/// Brings a counter up to what somebody else has counted.
fn catch_up(counter: &prometheus::IntCounter, counted: u64) {
    counter.inc_by(counted.saturating_sub(counter.get()));
}

/// Brings the gauges that mirror the pool up to date; they are only looked at by scrapes.
fn refresh(metrics: &Metrics, provider: &Provider) {
    let pools = &metrics.pools;
    let (now, view) = provider.pool.with(|pool, now| (now, pool.view(now)));
    let id = provider.id.as_str();
    let parts = provider.pool.parts.load();
    refresh_waiting(pools, id, now, &view);
    refresh_probes(pools, &parts, now, &view);
    let trips = provider.pool.trips.load(Ordering::Relaxed);
    catch_up(&pools.trips.with_label_values(&[id]), trips);
    let denied = &pools.retries_denied.with_label_values(&[id]);
    catch_up(denied, view.retries_denied);
    let waiting = view.groups.iter().map(|group| group.waiting).sum();
    pools.waiting.with_label_values(&[id]).set(signed(waiting));
    pools
        .in_flight
        .with_label_values(&[id])
        .set(signed(view.in_flight));
    pools
        .storm
        .with_label_values(&[id])
        .set(i64::from(view.is_overloaded));
    let keys: Vec<_> = view.keys.iter().map(State::of_key).collect();
    let accounts: Vec<_> = view.accounts.iter().map(State::of_account).collect();
    for state in State::ALL {
        let count = |states: &[State]| signed(states.iter().filter(|it| **it == state).count());
        let labels = [id, state.as_str()];
        pools.keys.with_label_values(&labels).set(count(&keys));
        pools
            .accounts
            .with_label_values(&labels)
            .set(count(&accounts));
    }
    for group in &view.groups {
        refresh_group(pools, &parts, group);
    }
}

/// How many wait in each class, and for how long.
fn refresh_waiting(pools: &Pools, provider: &str, now: Time, view: &PoolView) {
    for class in [Priority::High, Priority::Normal, Priority::Low] {
        let lines = || {
            let lines = view.groups.iter().flat_map(|group| &group.lines);
            lines.filter(|line| line.priority == class)
        };
        let labels = [provider, class.as_str()];
        pools
            .waiting_by_class
            .with_label_values(&labels)
            .set(signed(lines().map(|line| line.waiting).sum()));
        let oldest = lines().map(|line| now.since(line.since)).max();
        pools
            .waiting_oldest
            .with_label_values(&labels)
            .set(oldest.unwrap_or_default().as_secs_f64());
    }
}

/// When each key that is out is probed.
fn refresh_probes(pools: &Pools, parts: &Parts, now: Time, view: &PoolView) {
    let provider = parts.provider.as_str();
    let of_groups = view.groups.iter().flat_map(|group| &group.keys);
    let of_groups = of_groups.filter_map(|it| Some((it.key, it.outage?)));
    let of_keys = view.keys.iter().filter_map(|it| Some((it.key, it.outage?)));
    let of_accounts = view.keys.iter();
    let of_accounts = of_accounts.filter_map(|it| Some((it.key, it.account_outage?)));
    let mut probes: BTreeMap<KeyId, Duration> = BTreeMap::new();
    for (key, outage) in of_keys.chain(of_accounts).chain(of_groups) {
        let left = outage
            .until
            .map_or(Duration::ZERO, |until| until.since(now));
        let longest = probes.entry(key).or_default();
        *longest = left.max(*longest);
    }
    for (key, left) in probes {
        pools
            .next_probe
            .with_label_values(&[provider, parts.key(key)])
            .set(left.as_secs_f64());
    }
}

fn refresh_group(pools: &Pools, parts: &Parts, group: &GroupView) {
    let label = group_name(group);
    for account in &group.accounts {
        let name = parts.account(account.account);
        for bucket in &account.buckets {
            let labels = [
                parts.provider.as_str(),
                name,
                &label,
                bucket.dimension.as_str(),
            ];
            pools
                .budget_limit
                .with_label_values(&labels)
                .set(bucket.limit_per_minute);
            let share = if bucket.burst > 0.0 {
                bucket.level / bucket.burst
            } else {
                0.0
            };
            pools.budget_level.with_label_values(&labels).set(share);
            pools
                .budget_utilization
                .with_label_values(&labels)
                .set(bucket.utilization());
        }
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
