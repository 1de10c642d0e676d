//! What has changed in the settings: tables `gateway`, `waiting` and `retry`.
//!
//! Every structure is taken apart completely, so that a new setting does not compile until it is
//! compared too.

use std::net::SocketAddr;

use ipnet::IpNet;
use keyweir_health::retry_budget::RetryLimits;
use keyweir_queue::waiting_room::RoomLimits;

use super::certificates::{self, addresses, sorted};
use super::change::{Changes, Subject};
use super::issuers;
use super::show::{self, count, duration, size};
use crate::file::{
    AccessLogSettings, GatewayLimits, GatewaySettings, Policy, ProxySettings, RedisSettings,
    ReplicaCount, StreamSettings, Timeouts, TracesSettings, UpstreamSettings, WaitingSettings,
};

/// What differs goes to `changes`, or to `restart` if only a restart applies it: what is bound or
/// started once.
pub(super) fn compare(
    before: &Policy,
    after: &Policy,
    changes: &mut Changes,
    restart: &mut Changes,
) {
    let GatewaySettings {
        listen,
        admin,
        admin_token,
        admin_tls,
        threads,
        replicas,
        redis: of_redis,
        tls,
        proxies: of_proxies,
        jwt,
        cors_origins,
        seek_unknown_ids,
        sealed_ids_kept,
        models_refresh,
        limits: of_limits,
        timeouts: of_timeouts,
        stream: of_stream,
        upstream: of_upstream,
        access_log: of_log,
        traces: of_traces,
    } = &before.gateway;
    let other = &after.gateway;
    let gateway = Subject::Settings("gateway");
    restart.field(
        &gateway,
        "listen",
        (&*sorted(listen), &*sorted(&other.listen)),
        addresses,
    );
    let address = |admin: &Option<SocketAddr>| admin.map_or("off".to_owned(), |it| it.to_string());
    restart.field(&gateway, "admin", (admin, &other.admin), address);
    let tokens = (admin_token, &other.admin_token);
    changes.field(&gateway, "admin_token", tokens, show::or_none(show::secret));
    let auto = |threads: &Option<usize>| threads.map_or("auto".to_owned(), |it| it.to_string());
    restart.field(&gateway, "threads", (threads, &other.threads), auto);
    let counts = (replicas, &other.replicas);
    changes.field(&gateway, "replicas", counts, ReplicaCount::to_string);
    let both = (of_redis, &other.redis);
    changes.field(&gateway, "shared.redis", both, show::or_none(redis));
    proxies(of_proxies, &other.proxies, changes);
    changes.field(&gateway, "jwt", (&**jwt, &*other.jwt), issuers::shown);
    let origins = (&**cors_origins, &*other.cors_origins);
    changes.field(&gateway, "cors_origins", origins, show::list);
    let seeks = (seek_unknown_ids, &other.seek_unknown_ids);
    changes.field(&gateway, "seek_unknown_ids", seeks, bool::to_string);
    let kept = (sealed_ids_kept, &other.sealed_ids_kept);
    changes.field(&gateway, "sealed_ids_kept", kept, duration);
    let refresh = (models_refresh, &other.models_refresh);
    changes.field(&gateway, "models_refresh", refresh, show::duration);
    certificates::of_clients((tls.as_ref(), other.tls.as_ref()), changes, restart);
    let both = (admin_tls.as_deref(), other.admin_tls.as_deref());
    certificates::of_admin(both, changes, restart);
    limits(of_limits, &other.limits, changes);
    timeouts(of_timeouts, &other.timeouts, changes);
    stream(of_stream, &other.stream, changes);
    upstream(of_upstream, &other.upstream, changes);
    traces(of_traces, &other.traces, changes);
    access_log(of_log, &other.access_log, changes);
    waiting(&before.waiting, &after.waiting, changes);
    retry(&before.retry, &after.retry, changes);
}

fn proxies(before: &ProxySettings, after: &ProxySettings, changes: &mut Changes) {
    let ProxySettings {
        trusted,
        proxy_protocol,
    } = before;
    let proxies = Subject::Settings("gateway.proxies");
    let blocks = |blocks: &Vec<IpNet>| {
        let texts: Vec<String> = blocks.iter().map(ToString::to_string).collect();
        show::list(&texts)
    };
    changes.field(&proxies, "trusted", (trusted, &after.trusted), blocks);
    let protocol = (proxy_protocol, &after.proxy_protocol);
    changes.field(&proxies, "proxy_protocol", protocol, bool::to_string);
}

#[expect(
    clippy::borrowed_box,
    reason = "the settings have it so, and what shows a setting is given a reference to it"
)]
fn redis(settings: &Box<RedisSettings>) -> String {
    let RedisSettings {
        urls,
        sentinel,
        username,
        password,
        sentinel_username,
        sentinel_password,
        ca_file,
        certificate,
        prefix,
        interval,
        timeout,
    } = &**settings;
    let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
    let more = [
        sentinel
            .as_ref()
            .map(|it| format!("sentinel {}", show::text(it))),
        username
            .as_ref()
            .map(|it| format!("username {}", show::text(it))),
        password
            .as_ref()
            .map(|it| format!("password from {}", show::secret(it))),
        sentinel_username
            .as_ref()
            .map(|it| format!("sentinel_username {}", show::text(it))),
        sentinel_password
            .as_ref()
            .map(|it| format!("sentinel_password from {}", show::secret(it))),
        ca_file
            .as_ref()
            .map(|it| format!("roots of {}", show::path(it))),
        certificate.as_ref().map(|it| {
            let [cert, key] = [&it.cert_file, &it.key_file].map(|it| show::path(it));
            format!("certificate {cert} and key {key}")
        }),
        Some(format!("prefix {}", show::text(prefix))),
        Some(format!("every {}", duration(interval))),
        Some(format!("for {} at most", duration(timeout))),
    ];
    let more: Vec<String> = more.into_iter().flatten().collect();
    format!("{}, {}", show::list(&urls), more.join(", "))
}

/// Compares the named fields of two values of one structure, after taking one of them apart.
macro_rules! fields {
    ($changes:ident, $table:literal, $before:ident, $after:ident, $type:ident {
        $($field:ident: $show:expr),+ $(,)?
    }) => {
        let $type { $($field),+ } = $before;
        let table = Subject::Settings($table);
        $($changes.field(&table, stringify!($field), ($field, &$after.$field), $show);)+
    };
}

fn limits(before: &GatewayLimits, after: &GatewayLimits, changes: &mut Changes) {
    fields!(
        changes,
        "gateway.limits",
        before,
        after,
        GatewayLimits {
            body_bytes_max: size,
            body_bytes_held_max: size,
            body_bytes_held_per_tenant_max: size,
            header_bytes_max: size,
            header_count_max: count,
            connections_max: count,
            unauthenticated_connections_max: count,
            unauthenticated_connections_per_address_max: count,
            requests_in_flight_max: count,
            requests_in_flight_per_tenant_max: count,
            streams_per_connection_max: count,
            recent_requests_max: count,
        }
    );
}

fn timeouts(before: &Timeouts, after: &Timeouts, changes: &mut Changes) {
    fields!(
        changes,
        "gateway.timeouts",
        before,
        after,
        Timeouts {
            connect: duration,
            send: duration,
            head: duration,
            first_token: duration,
            first_token_fallback: duration,
            stream_idle: duration,
            attempts: duration,
            client_header: duration,
            client_body: duration,
            client_write: duration,
            client_idle: duration,
            drain_delay: duration,
            drain: duration,
        }
    );
}

fn stream(before: &StreamSettings, after: &StreamSettings, changes: &mut Changes) {
    fields!(
        changes,
        "gateway.stream",
        before,
        after,
        StreamSettings {
            hold_head: duration,
            hold_bytes_max: size,
            whole_bytes_max: size,
        }
    );
}

fn upstream(before: &UpstreamSettings, after: &UpstreamSettings, changes: &mut Changes) {
    fields!(
        changes,
        "gateway.upstream",
        before,
        after,
        UpstreamSettings {
            idle_max: count,
            idle: duration,
            h2_streams_max: count,
            dns_refresh: duration,
        }
    );
}

fn access_log(before: &AccessLogSettings, after: &AccessLogSettings, changes: &mut Changes) {
    fields!(
        changes,
        "gateway.access_log",
        before,
        after,
        AccessLogSettings {
            sample: f64::to_string,
        }
    );
}

fn traces(before: &TracesSettings, after: &TracesSettings, changes: &mut Changes) {
    fields!(
        changes,
        "gateway.traces",
        before,
        after,
        TracesSettings {
            endpoint: show::or_none(|it: &String| show::text(it)),
            sample: f64::to_string,
        }
    );
}

fn waiting(before: &WaitingSettings, after: &WaitingSettings, changes: &mut Changes) {
    let WaitingSettings {
        patience,
        patience_max,
        fallback_after,
        room,
    } = before;
    let table = Subject::Settings("waiting");
    let usual = (patience, &after.patience);
    changes.field(&table, "patience", usual, duration);
    let most = (patience_max, &after.patience_max);
    changes.field(&table, "patience_max", most, duration);
    let fallback = (fallback_after, &after.fallback_after);
    changes.field(&table, "fallback_after", fallback, duration);
    let after = &after.room;
    fields!(
        changes,
        "waiting",
        room,
        after,
        RoomLimits {
            requests_max: count,
            per_tenant_max: count,
            bytes_max: size,
        }
    );
}

fn retry(before: &RetryLimits, after: &RetryLimits, changes: &mut Changes) {
    fields!(
        changes,
        "retry",
        before,
        after,
        RetryLimits {
            attempts_max: count,
            ambiguous: ToString::to_string,
            budget_share: ToString::to_string,
            budget_per_sec: ToString::to_string,
        }
    );
}
