//! Tables `gateway.limits`, `gateway.timeouts`, `gateway.stream` and `gateway.upstream`.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::file::fields::Fields;
use crate::file::read::units::{GIB, KIB, TIB, counted, hours, minutes, ms, secs};
use crate::file::report::Severity;
use crate::file::settings::{GatewayLimits, StreamSettings, Timeouts, UpstreamSettings};

pub(super) fn limits(fields: &mut Fields<'_>) -> GatewayLimits {
    let default = GatewayLimits::default();
    let body_max = fields.or("body_bytes_max", default.body_bytes_max, |v| {
        v.size(KIB..=GIB)
    });
    let held = held_max(fields, body_max);
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

/// What all bodies may hold, where one may have `body_max`.
fn held_max(fields: &mut Fields<'_>, body_max: u64) -> u64 {
    let held = fields.optional("body_bytes_held_max", |v| v.at(|v| v.size(KIB..=TIB)));
    if let Some(held) = held.as_ref().filter(|held| held.value < body_max) {
        fields.problems().note(
            Severity::Error,
            held.spot.clone(),
            "must not be below body_bytes_max: the largest body would never fit",
        );
    }
    // Raising the one without the other is no mistake.
    let usual = GatewayLimits::default().body_bytes_held_max.max(body_max);
    held.map_or(usual, |at| at.value)
}

/// Bounds of counts that only memory limits.
const COUNTS: RangeInclusive<u64> = 1..=10_000_000;

pub(super) fn timeouts(fields: &mut Fields<'_>) -> Timeouts {
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

pub(super) fn stream(fields: &mut Fields<'_>) -> StreamSettings {
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

pub(super) fn upstream(fields: &mut Fields<'_>) -> UpstreamSettings {
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
