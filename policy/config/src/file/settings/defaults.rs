//! What the gateway's settings are where the policy says nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use keyweir_queue::waiting_room::RoomLimits;

use super::{
    AccessLogSettings, GatewayLimits, GatewaySettings, ProxySettings, StreamSettings, Timeouts,
    TracesSettings, UpstreamSettings, WaitingSettings,
};
use crate::file::replicas::ReplicaCount;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            listen: vec![loopback(8080)],
            admin: Some(loopback(9090)),
            admin_token: None,
            admin_tls: None,
            threads: None,
            replicas: ReplicaCount::default(),
            redis: None,
            tls: None,
            proxies: ProxySettings::default(),
            jwt: Vec::new(),
            cors_origins: Vec::new(),
            seek_unknown_ids: false,
            sealed_ids_kept: Duration::from_secs(24 * 3600),
            models_refresh: Duration::from_secs(600),
            limits: GatewayLimits::default(),
            timeouts: Timeouts::default(),
            stream: StreamSettings::default(),
            upstream: UpstreamSettings::default(),
            access_log: AccessLogSettings::default(),
            traces: TracesSettings::default(),
        }
    }
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 * MIB,
            body_bytes_held_max: GIB,
            body_bytes_held_per_tenant_max: GIB / Self::KEPT_SHARE,
            header_bytes_max: 64 * KIB,
            header_count_max: 128,
            connections_max: 20_000,
            // A client shows its key within milliseconds; a fifth of all connections is room for
            // bursts, and little memory: what `tests/edges/strangers` holds them to.
            unauthenticated_connections_max: 4_096,
            // A proxy's address stands for all clients behind it.
            unauthenticated_connections_per_address_max: 1_024,
            requests_in_flight_max: 20_000,
            requests_in_flight_per_tenant_max: 5_000,
            streams_per_connection_max: 256,
            // A few minutes of a busy gateway, some megabytes.
            recent_requests_max: 4_096,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            send: Duration::from_secs(60),
            head: Duration::from_secs(600),
            // A little longer than the edges before most providers wait for a first byte themselves
            // (Cloudflare's 524, after 100 to 120 s): who is silent for longer does not answer
            // through them. Shorter would leave models that think without a word of it.
            first_token: Duration::from_secs(125),
            // Most models begin within a few seconds, and those that do not are soon known.
            first_token_fallback: Duration::from_secs(12),
            stream_idle: Duration::from_secs(300),
            attempts: Duration::from_secs(600),
            client_header: Duration::from_secs(10),
            client_body: Duration::from_secs(120),
            client_write: Duration::from_secs(60),
            client_idle: Duration::from_secs(75),
            drain_delay: Duration::ZERO,
            drain: Duration::from_secs(30),
        }
    }
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            hold_head: Duration::from_secs(10),
            hold_bytes_max: 64 * KIB,
            // 128,000 tokens, one event of 250 bytes each, are eight times as much; nearly all
            // answers are far shorter.
            whole_bytes_max: 4 * MIB,
        }
    }
}

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self {
            idle_max: 1024,
            idle: Duration::from_secs(60),
            h2_streams_max: 100,
            dns_refresh: Duration::from_secs(30),
        }
    }
}

impl Default for WaitingSettings {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(30),
            patience_max: Duration::from_secs(600),
            // Waits of 1 or 2 s are what providers most often ask for after a burst.
            fallback_after: Duration::from_millis(2_500),
            room: RoomLimits {
                requests_max: 10_000,
                per_tenant_max: 2_000,
                bytes_max: 512 * MIB,
            },
        }
    }
}

impl Default for TracesSettings {
    fn default() -> Self {
        // What a busy gateway can afford: operators who want all say so.
        Self {
            endpoint: None,
            sample: 0.01,
        }
    }
}

impl Default for AccessLogSettings {
    fn default() -> Self {
        Self { sample: 1.0 }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
