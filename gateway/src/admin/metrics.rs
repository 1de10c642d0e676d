//! `/metrics`: what Prometheus scrapes. Counters count all the time; gauges that mirror something
//! else are brought up to date here.

use http::{Response, StatusCode};
use keyweir_policy::health::breaker::BreakerState;
use keyweir_policy::pool::view::GroupView;

use super::answer::answer;
use super::budgets;
use super::state::{STATES, state_name};
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
    process
        .connections
        .set(signed(lifecycle.connections_open()));
    let strangers = &gateway.strangers;
    process.unauthenticated.set(signed(strangers.count()));
    catch_up(&process.unauthenticated_closed, strangers.given_way());
    catch_up(&process.access_log_lost, gateway.access_log.lost());
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
    let view = provider.pool.with(|pool, now| pool.view(now));
    let id = provider.id.as_str();
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
    let keys: Vec<_> = view.keys.iter().map(|key| key.state).collect();
    let accounts: Vec<_> = view.accounts.iter().map(|it| it.standing).collect();
    for state in STATES {
        let count =
            |states: &[BreakerState]| signed(states.iter().filter(|it| **it == state).count());
        let labels = [id, state_name(state)];
        pools.keys.with_label_values(&labels).set(count(&keys));
        pools
            .accounts
            .with_label_values(&labels)
            .set(count(&accounts));
    }
    for group in &view.groups {
        refresh_group(pools, &provider.pool.parts.load(), group);
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
        }
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A quota group and its kind of endpoint, in one label.
fn group_name(group: &GroupView) -> String {
    match group.group.as_str() {
        "" => group.endpoint.as_str().to_owned(),
        name => format!("{}:{name}", group.endpoint.as_str()),
    }
}
