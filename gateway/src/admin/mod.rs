//! What operators ask the gateway: is it alive, does it take work, what has it counted, what does
//! it know of its pool.
//!
//! On an address of its own, so that it need not be open to whoever may send requests.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response, StatusCode, header};
use keyweir_policy::breaker::BreakerState;
use keyweir_policy::ids::AccountId;
use keyweir_policy::pool::{LaneView, PoolView};
use pingora_core::apps::http_app::ServeHttp;
use pingora_core::protocols::http::ServerSession;
use serde_json::{Value, json};

use crate::runtime::gateway::{Gateway, Live};
use crate::runtime::provider::Provider;

/// Answers operators.
pub(crate) struct Admin {
    pub(crate) gateway: Arc<Gateway>,
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let head = session.req_header();
        let is_get = matches!(head.method, Method::GET | Method::HEAD);
        match head.uri.path() {
            _ if !is_get => text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n"),
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if self.gateway.lifecycle.ready() => text(StatusCode::OK, "ready\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            "/metrics" => self.metrics(),
            "/status" => answer(
                StatusCode::OK,
                "application/json",
                self.status().into_bytes(),
            ),
            _ => text(StatusCode::NOT_FOUND, "/healthz /readyz /metrics /status\n"),
        }
    }
}

fn text(status: StatusCode, body: &'static str) -> Response<Vec<u8>> {
    answer(
        status,
        "text/plain; charset=utf-8",
        body.as_bytes().to_vec(),
    )
}

fn answer(status: StatusCode, media: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(media),
    );
    headers.insert(
        header::CONTENT_LENGTH,
        header::HeaderValue::from(body.len()),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    *response.body_mut() = body;
    response
}

impl Admin {
    fn metrics(&self) -> Response<Vec<u8>> {
        let gateway = &self.gateway;
        let metrics = &gateway.metrics;
        metrics
            .connections
            .set(signed(gateway.lifecycle.connections_open()));
        metrics
            .requests_running
            .set(signed(gateway.lifecycle.requests_running()));
        metrics
            .body_bytes_held
            .set(i64::try_from(gateway.bodies.held()).unwrap_or(i64::MAX));
        metrics.draining.set(i64::from(!gateway.lifecycle.ready()));
        for provider in &gateway.live().providers {
            self.refresh(provider);
        }
        answer(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            metrics.encode(),
        )
    }

    /// Brings the gauges that mirror the pool up to date; they are only looked at by scrapes.
    fn refresh(&self, provider: &Provider) {
        let metrics = &self.gateway.metrics;
        let view = provider.pool.with(|pool, now| pool.view(now));
        let id = provider.id.as_str();
        let waiting = view.lanes.iter().map(|lane| lane.waiting).sum();
        metrics
            .waiting
            .with_label_values(&[id])
            .set(signed(waiting));
        metrics
            .in_flight
            .with_label_values(&[id])
            .set(signed(view.in_flight));
        metrics
            .storm
            .with_label_values(&[id])
            .set(i64::from(view.is_storm));
        let keys: Vec<_> = view.keys.iter().map(|key| key.standing).collect();
        for state in STATES {
            let count =
                |states: &[BreakerState]| signed(states.iter().filter(|it| **it == state).count());
            let labels = [id, state_name(state)];
            metrics.keys.with_label_values(&labels).set(count(&keys));
            metrics
                .accounts
                .with_label_values(&labels)
                .set(count(&view.account_states));
        }
        for lane in &view.lanes {
            self.refresh_lane(provider, lane);
        }
    }

    fn refresh_lane(&self, provider: &Provider, lane: &LaneView) {
        let group = group_name(lane);
        for (account, name) in lane.accounts.iter().zip(&provider.accounts) {
            for bucket in &account.buckets {
                let labels = [&provider.id, name, &group, bucket.dimension.as_str()];
                let metrics = &self.gateway.metrics;
                metrics
                    .budget_limit
                    .with_label_values(&labels)
                    .set(bucket.limit_per_minute);
                let share = if bucket.burst > 0.0 {
                    bucket.level / bucket.burst
                } else {
                    0.0
                };
                metrics.budget_level.with_label_values(&labels).set(share);
            }
        }
    }

    fn status(&self) -> String {
        let gateway = &self.gateway;
        let live = gateway.live();
        let status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ready": gateway.lifecycle.ready(),
            "connections": gateway.lifecycle.connections_open(),
            "requests_running": gateway.lifecycle.requests_running(),
            "body_bytes_held": gateway.bodies.held(),
            "providers": live.providers.iter().map(|it| provider_status(&live, it)).collect::<Vec<_>>(),
        });
        format!("{status:#}\n")
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

const STATES: [BreakerState; 3] = [
    BreakerState::Closed,
    BreakerState::HalfOpen,
    BreakerState::Open,
];

/// In the words of people who do not know circuit breakers.
const fn state_name(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "serving",
        BreakerState::HalfOpen => "probing",
        BreakerState::Open => "out",
    }
}

fn provider_status(live: &Live, provider: &Provider) -> Value {
    let view = provider.pool.with(|pool, now| pool.view(now));
    let declared = live
        .policy
        .providers
        .iter()
        .find(|declared| declared.id == provider.id);
    json!({
        "id": provider.id,
        "dialect": provider.dialect.as_str(),
        "base_url": declared.map(|declared| declared.base_url.to_string()),
        "resolved": provider.upstream.addresses().known(),
        "overloaded": view.is_storm,
        "requests_running": view.in_flight,
        "accounts": accounts(provider, &view),
        "keys": keys(provider, &view),
        "groups": view.lanes.iter().map(|lane| group(provider, lane)).collect::<Vec<_>>(),
    })
}

fn accounts(provider: &Provider, view: &PoolView) -> Vec<Value> {
    provider
        .accounts
        .iter()
        .zip(&view.account_states)
        .map(|(id, state)| json!({ "id": id, "state": state_name(*state) }))
        .collect()
}

fn keys(provider: &Provider, view: &PoolView) -> Vec<Value> {
    let account = |id: AccountId| provider.accounts.get(id.index());
    view.keys
        .iter()
        .map(|key| {
            json!({
                "id": provider.key(key.key).label,
                "account": account(key.account),
                "state": state_name(key.standing),
                "requests_running": key.in_flight,
            })
        })
        .collect()
}

fn group(provider: &Provider, lane: &LaneView) -> Value {
    let accounts = lane
        .accounts
        .iter()
        .zip(&provider.accounts)
        .map(|(account, id)| {
            let buckets = account.buckets.iter().map(|bucket| {
                json!({
                    "dimension": bucket.dimension.as_str(),
                    "limit_per_minute": bucket.limit_per_minute,
                    "burst": bucket.burst,
                    "level": bucket.level,
                    "pending": bucket.pending,
                    "used_by_others_per_sec": bucket.foreign_per_sec,
                })
            });
            json!({
                "id": id,
                "requests_running": account.in_flight,
                "cooldown_secs": account.cooldown.as_secs_f64(),
                "buckets": buckets.collect::<Vec<_>>(),
            })
        });
    let open = lane
        .breakers
        .iter()
        .zip(&provider.keys)
        .filter(|(state, _)| **state != BreakerState::Closed);
    json!({
        "endpoint": lane.endpoint.as_str(),
        "group": lane.group,
        "waiting": lane.waiting,
        "waiting_bytes": lane.waiting_bytes,
        "accounts": accounts.collect::<Vec<_>>(),
        "resting_keys": open
            .map(|(state, key)| json!({ "id": key.label, "state": state_name(*state) }))
            .collect::<Vec<_>>(),
    })
}
