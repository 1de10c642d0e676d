//! Tables `gateway`, `waiting` and `retry`: one setting a line, with its bounds.
//!
//! Lower bounds keep a setting from stopping all traffic, upper ones catch a wrong unit.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::file::fields::Fields;
use crate::file::problems::At;
use crate::file::read::jwt::{ISSUERS_MAX, RawJwt, jwt};
use crate::file::read::paths::path;
use crate::file::read::proxies::proxies;
use crate::file::read::replicas::replicas;
use crate::file::read::secret_ref::elsewhere;
use crate::file::replicas::ReplicaCount;
use crate::file::report::Severity;
use crate::file::settings::{
    AccessLogSettings, GatewayLimits, GatewaySettings, StreamSettings, Timeouts, TlsSettings,
    TracesSettings, UpstreamSettings, WaitingSettings,
};
use crate::file::shown;
use crate::file::value::Value;
use keyweir_health::retry_budget::RetryLimits;
use keyweir_queue::waiting_room::RoomLimits;

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// Addresses in one list.
const LISTEN_MAX: usize = 64;

/// Table `gateway`, and where its addresses stand.
#[derive(Debug)]
pub(in crate::file) struct RawGateway {
    pub(in crate::file) settings: GatewaySettings,
    /// Where clients connect, in clear or not.
    pub(in crate::file) client_listeners: Vec<At<SocketAddr>>,
    pub(in crate::file) admin: Option<At<SocketAddr>>,
    pub(in crate::file) jwt: Vec<RawJwt>,
}

pub(super) fn gateway(fields: &mut Fields<'_>) -> RawGateway {
    let default = GatewaySettings::default();
    let tls_follows = fields.has("tls");
    let listen = fields.optional("listen", |value| {
        let listen = addresses(&value)?;
        if listen.is_empty() && !tls_follows {
            value.refuse::<()>("needs at least one address, here or in gateway.tls");
        }
        Some(listen.into_iter().flatten().collect::<Vec<_>>())
    });
    let admin = fields.optional("admin", |value| value.at(admin));
    let admin_token = fields.optional("admin_token", elsewhere);
    let threads = fields.or("threads", default.threads, |value| threads(&value));
    let replicas = fields.or("replicas", ReplicaCount::default(), replicas);
    let tls = fields.optional("tls", |value| value.table(tls));
    let (tls, tls_listen) = tls.unzip();
    let jwt = fields.tables("jwt", ISSUERS_MAX, jwt);
    let plain = |listen: &[At<SocketAddr>]| listen.iter().map(|at| at.value).collect();
    let settings = GatewaySettings {
        listen: listen.as_deref().map_or(default.listen, plain),
        admin: admin.as_ref().map_or(default.admin, |at| at.value),
        admin_token,
        threads,
        replicas,
        tls: tls.flatten(),
        proxies: subtable(fields, "proxies", proxies),
        jwt: jwt.iter().filter_map(|it| it.settings.clone()).collect(),
        cors_origins: fields.or("cors_origins", Vec::new(), |value| {
            value.list(LISTEN_MAX, |value| origin(&value))
        }),
        seek_unknown_ids: fields.or("seek_unknown_ids", default.seek_unknown_ids, |value| {
            value.boolean()
        }),
        sealed_ids_kept: fields.or("sealed_ids_kept", default.sealed_ids_kept, |value| {
            value.duration(minutes(1)..=hours(24 * 365))
        }),
        models_refresh: fields.or("models_refresh", default.models_refresh, |value| {
            value.duration(secs(1)..=hours(24))
        }),
        limits: subtable(fields, "limits", limits),
        timeouts: subtable(fields, "timeouts", timeouts),
        stream: subtable(fields, "stream", stream),
        upstream: subtable(fields, "upstream", upstream),
        access_log: subtable(fields, "access_log", access_log),
        traces: subtable(fields, "traces", traces),
    };
    let admin = admin.and_then(|at| {
        Some(At {
            value: at.value?,
            spot: at.spot,
        })
    });
    let client_listeners = listen.into_iter().chain(tls_listen).flatten().collect();
    RawGateway {
        settings,
        client_listeners,
        admin,
        jwt,
    }
}

fn traces(fields: &mut Fields<'_>) -> TracesSettings {
    let default = TracesSettings::default();
    TracesSettings {
        endpoint: fields.optional("endpoint", |value| collector(&value)),
        sample: fields.or("sample", default.sample, |value| value.fraction(0.0..=1.0)),
    }
}

/// Where a collector of traces is.
fn collector(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let host = text.strip_prefix("http://").filter(|host| {
        !host.is_empty() && !host.starts_with('/') && !host.contains(['@', '?', '#', ' '])
    });
    match host {
        Some(_) => Some(text.to_owned()),
        None => value.refuse_with_hint(
            "is not the address of a collector that is spoken to in clear",
            "write \"http://127.0.0.1:4318\"; a collector elsewhere is reached through one here",
        ),
    }
}

fn access_log(fields: &mut Fields<'_>) -> AccessLogSettings {
    let default = AccessLogSettings::default();
    AccessLogSettings {
        sample: fields.or("sample", default.sample, |value| value.fraction(0.0..=1.0)),
    }
}

fn subtable<'t, T: Default>(
    fields: &mut Fields<'t>,
    name: &'static str,
    read: impl FnOnce(&mut Fields<'t>) -> T,
) -> T {
    fields.or(name, T::default(), |value| {
        value.table(|fields| Some(read(fields)))
    })
}

/// An element for each written one, so that a wrong address is not an absent one.
fn addresses(value: &Value<'_>) -> Option<Vec<Option<At<SocketAddr>>>> {
    value.list(LISTEN_MAX, |value| Some(value.at(address)))
}

fn address(value: &Value<'_>) -> Option<SocketAddr> {
    let text = value.string()?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let example = match text.rsplit_once(':') {
        Some(("", port)) if shown::is_showable(port) => format!("0.0.0.0:{port}"),
        Some(("localhost", port)) if shown::is_showable(port) => format!("127.0.0.1:{port}"),
        _ => "127.0.0.1:8080".into(),
    };
    value.refuse_with_hint(
        "is not an address with a port",
        format!("write it as \"{example}\" or \"[::1]:8080\""),
    )
}

fn admin(value: &Value<'_>) -> Option<Option<SocketAddr>> {
    if value.as_string() == Some("off") {
        Some(None)
    } else {
        address(value).map(Some)
    }
}

/// An origin as browsers send it: a scheme, a host, and a port where it is not the scheme's own.
fn origin(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let host = text.split_once("://").filter(|(scheme, host)| {
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        !scheme.is_empty() && scheme.bytes().all(is_scheme) && !host.is_empty()
    });
    let has_more = |(_, host): (&str, &str)| host.contains(['/', '?', '#', '@', '*', ' ']);
    match host {
        Some(host) if !has_more(host) && text.is_ascii() => Some(text.to_ascii_lowercase()),
        _ => value.refuse_with_hint(
            "is not an origin",
            "write scheme and host, and no path: \"https://app.example.com\"",
        ),
    }
}

fn threads(value: &Value<'_>) -> Option<Option<usize>> {
    if value.as_string() == Some("auto") {
        return Some(None);
    }
    if value.is_string() {
        return value.refuse("must be \"auto\" or a whole number");
    }
    count(value, 1..=1_024).map(Some)
}

/// All of it or nothing: half a TLS configuration would listen in clear or not at all.
fn tls(fields: &mut Fields<'_>) -> Option<(Option<TlsSettings>, Vec<At<SocketAddr>>)> {
    let listen = fields.required("listen", |value| {
        let listen = addresses(&value)?;
        if listen.is_empty() {
            value.refuse::<()>("needs at least one address");
        }
        Some(listen.into_iter().flatten().collect::<Vec<_>>())
    });
    let cert_file = fields.required("cert_file", |value| path(&value));
    let key_file = fields.required("key_file", |value| path(&value));
    let listen = listen.unwrap_or_default();
    let addresses = listen.iter().map(|at| at.value).collect();
    let settings = cert_file
        .zip(key_file)
        .map(|(cert_file, key_file)| TlsSettings {
            listen: addresses,
            cert_file,
            key_file,
        });
    Some((settings, listen))
}

fn limits(fields: &mut Fields<'_>) -> GatewayLimits {
    let default = GatewayLimits::default();
    let body_max = fields.or("body_bytes_max", default.body_bytes_max, |v| {
        v.size(KIB..=GIB)
    });
    let held = fields.optional("body_bytes_held_max", |v| v.at(|v| v.size(KIB..=TIB)));
    if let Some(held) = held.as_ref().filter(|held| held.value < body_max) {
        fields.problems().note(
            Severity::Error,
            held.spot.clone(),
            "must not be below body_bytes_max: the largest body would never fit",
        );
    }
    // Raising the one without the other is no mistake.
    let held = held.map_or(default.body_bytes_held_max.max(body_max), |at| at.value);
    let in_flight = counted(
        fields,
        "requests_in_flight_max",
        default.requests_in_flight_max,
        COUNTS,
    );
    GatewayLimits {
        body_bytes_max: body_max,
        body_bytes_held_max: held,
        body_bytes_held_per_tenant_max: fields.or(
            "body_bytes_held_per_tenant_max",
            held / GatewayLimits::KEPT_SHARE,
            |v| v.size(0..=TIB),
        ),
        header_bytes_max: fields.or("header_bytes_max", default.header_bytes_max, |v| {
            v.size(KIB..=1024 * KIB)
        }),
        header_count_max: counted(
            fields,
            "header_count_max",
            default.header_count_max,
            8..=4_096,
        ),
        connections_max: counted(fields, "connections_max", default.connections_max, COUNTS),
        unauthenticated_connections_max: counted(
            fields,
            "unauthenticated_connections_max",
            default.unauthenticated_connections_max,
            COUNTS,
        ),
        unauthenticated_connections_per_address_max: counted(
            fields,
            "unauthenticated_connections_per_address_max",
            default.unauthenticated_connections_per_address_max,
            COUNTS,
        ),
        requests_in_flight_max: in_flight,
        requests_in_flight_per_tenant_max: counted(
            fields,
            "requests_in_flight_per_tenant_max",
            in_flight / GatewayLimits::KEPT_SHARE as usize,
            0..=10_000_000,
        ),
        streams_per_connection_max: counted(
            fields,
            "streams_per_connection_max",
            default.streams_per_connection_max,
            1..=10_000,
        ),
        recent_requests_max: counted(
            fields,
            "recent_requests_max",
            default.recent_requests_max,
            0..=1_000_000,
        ),
    }
}

/// Bounds of counts that only memory limits.
const COUNTS: RangeInclusive<u64> = 1..=10_000_000;

fn timeouts(fields: &mut Fields<'_>) -> Timeouts {
    let default = Timeouts::default();
    let short = ms(100)..=minutes(10);
    let long = secs(1)..=hours(24);
    let pause = secs(0)..=hours(24);
    let mut span = |name, default, bounds: &RangeInclusive<Duration>| {
        fields.or(name, default, |value| value.duration(bounds.clone()))
    };
    Timeouts {
        connect: span("connect", default.connect, &short),
        send: span("send", default.send, &long),
        head: span("head", default.head, &long),
        first_token: span("first_token", default.first_token, &long),
        first_token_fallback: span("first_token_fallback", default.first_token_fallback, &long),
        stream_idle: span("stream_idle", default.stream_idle, &long),
        attempts: span("attempts", default.attempts, &long),
        client_header: span("client_header", default.client_header, &short),
        client_body: span("client_body", default.client_body, &long),
        client_write: span("client_write", default.client_write, &long),
        client_idle: span("client_idle", default.client_idle, &long),
        drain_delay: span("drain_delay", default.drain_delay, &pause),
        drain: span("drain", default.drain, &pause),
    }
}

fn stream(fields: &mut Fields<'_>) -> StreamSettings {
    let default = StreamSettings::default();
    StreamSettings {
        hold_head: fields.or("hold_head", default.hold_head, |v| {
            v.duration(secs(0)..=minutes(10))
        }),
        hold_bytes_max: fields.or("hold_bytes_max", default.hold_bytes_max, |v| {
            v.size(KIB..=16 * 1024 * KIB)
        }),
        whole_bytes_max: fields.or("whole_bytes_max", default.whole_bytes_max, |v| {
            v.size(KIB..=GIB)
        }),
    }
}

fn upstream(fields: &mut Fields<'_>) -> UpstreamSettings {
    let default = UpstreamSettings::default();
    UpstreamSettings {
        idle_max: counted(fields, "idle_max", default.idle_max, 0..=1_000_000),
        idle: fields.or("idle", default.idle, |v| v.duration(secs(1)..=hours(1))),
        h2_streams_max: counted(fields, "h2_streams_max", default.h2_streams_max, 1..=10_000),
        dns_refresh: fields.or("dns_refresh", default.dns_refresh, |v| {
            v.duration(secs(1)..=hours(24))
        }),
    }
}

pub(super) fn waiting(fields: &mut Fields<'_>) -> WaitingSettings {
    let default = WaitingSettings::default();
    let patience = fields.or("patience", default.patience, |value| patience(&value));
    let patience_max = fields.optional("patience_max", |v| {
        v.at(|v| v.duration(secs(0)..=hours(24)))
    });
    if let Some(max) = patience_max.as_ref().filter(|max| max.value < patience) {
        fields.problems().note(
            Severity::Error,
            max.spot.clone(),
            "must not be below patience",
        );
    }
    WaitingSettings {
        patience,
        patience_max: patience_max.map_or(default.patience_max.max(patience), |at| at.value),
        fallback_after: fields.or("fallback_after", default.fallback_after, |value| {
            value.duration(secs(0)..=hours(24))
        }),
        room: room(fields, default.room),
    }
}

fn room(fields: &mut Fields<'_>, default: RoomLimits) -> RoomLimits {
    let places = 0..=1_000_000;
    let per_tenant = default.per_tenant_max;
    RoomLimits {
        requests_max: counted(fields, "requests_max", default.requests_max, places.clone()),
        per_tenant_max: counted(fields, "per_tenant_max", per_tenant, places),
        bytes_max: fields.or("bytes_max", default.bytes_max, |v| v.size(0..=TIB)),
    }
}

/// How long somebody waits; zero: not at all.
pub(super) fn patience(value: &Value<'_>) -> Option<Duration> {
    value.duration(secs(0)..=hours(24))
}

pub(super) fn retry(fields: &mut Fields<'_>) -> RetryLimits {
    let default = RetryLimits::default();
    RetryLimits {
        attempts_max: counted(fields, "attempts_max", default.attempts_max, 1..=32),
        ambiguous: fields.or("ambiguous", default.ambiguous, |value| value.boolean()),
        budget_share: fields.or("budget_share", default.budget_share, |value| {
            value.fraction(0.0..=1.0)
        }),
        budget_per_sec: fields.or("budget_per_sec", default.budget_per_sec, |value| {
            value.fraction(0.0..=10_000.0)
        }),
    }
}

fn counted<T: TryFrom<u64>>(
    fields: &mut Fields<'_>,
    name: &'static str,
    default: T,
    bounds: RangeInclusive<u64>,
) -> T {
    fields.or(name, default, |value| count(&value, bounds))
}

fn count<T: TryFrom<u64>>(value: &Value<'_>, bounds: RangeInclusive<u64>) -> Option<T> {
    T::try_from(value.count(bounds)?).ok()
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn minutes(count: u64) -> Duration {
    secs(60 * count)
}

const fn hours(count: u64) -> Duration {
    minutes(60 * count)
}
