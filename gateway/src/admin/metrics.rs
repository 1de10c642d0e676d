//! `/metrics`: what Prometheus scrapes. Counters count all the time; gauges that mirror something
//! else are brought up to date here.

use http::{Response, StatusCode};
use keyweir_policy::breaker::BreakerState;
use keyweir_policy::pool::LaneView;

use super::answer::answer;
use super::state::{STATES, state_name};
use crate::runtime::gateway::Gateway;
use crate::runtime::provider::Provider;
use crate::telemetry::metrics::{Metrics, Pools};

/// The page.
pub(super) fn page(gateway: &Gateway) -> Response<Vec<u8>> {
    let metrics = &gateway.metrics;
    refresh_process(gateway);
    for provider in &gateway.live().providers {
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
    process
        .requests_running
        .set(signed(lifecycle.requests_running()));
    process
        .body_bytes_held
        .set(i64::try_from(gateway.bodies.held()).unwrap_or(i64::MAX));
    process.draining.set(i64::from(!lifecycle.ready()));
}

/// Brings the gauges that mirror the pool up to date; they are only looked at by scrapes.
fn refresh(metrics: &Metrics, provider: &Provider) {
    let pools = &metrics.pools;
    let view = provider.pool.with(|pool, now| pool.view(now));
    let id = provider.id.as_str();
    let waiting = view.lanes.iter().map(|lane| lane.waiting).sum();
    pools.waiting.with_label_values(&[id]).set(signed(waiting));
    pools
        .in_flight
        .with_label_values(&[id])
        .set(signed(view.in_flight));
    pools
        .storm
        .with_label_values(&[id])
        .set(i64::from(view.is_storm));
    let keys: Vec<_> = view.keys.iter().map(|key| key.standing).collect();
    for state in STATES {
        let count =
            |states: &[BreakerState]| signed(states.iter().filter(|it| **it == state).count());
        let labels = [id, state_name(state)];
        pools.keys.with_label_values(&labels).set(count(&keys));
        pools
            .accounts
            .with_label_values(&labels)
            .set(count(&view.account_states));
    }
    for lane in &view.lanes {
        refresh_lane(pools, provider, lane);
    }
}

fn refresh_lane(pools: &Pools, provider: &Provider, lane: &LaneView) {
    let group = group_name(lane);
    for (account, name) in lane.accounts.iter().zip(&provider.accounts) {
        for bucket in &account.buckets {
            let labels = [&provider.id, name, &group, bucket.dimension.as_str()];
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

/// A lane's group and kind of endpoint, in one label.
fn group_name(lane: &LaneView) -> String {
    match lane.group.as_str() {
        "" => lane.endpoint.as_str().to_owned(),
        group => format!("{}:{group}", lane.endpoint.as_str()),
    }
}
