//! Settings of the gateway as a whole. Their defaults are in `settings/defaults.rs`.

mod defaults;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use keyweir_queue::waiting_room::RoomLimits;
use keyweir_tenancy::token::Rules;

use crate::file::base_url::BaseUrl;
use crate::file::redis::RedisSettings;
use crate::file::replicas::ReplicaCount;
use crate::file::secret_ref::SecretRef;
use crate::file::tls::{AdminTlsSettings, TlsSettings};

/// Table `gateway`.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewaySettings {
    /// Where clients connect in clear (HTTP/1.1 and HTTP/2).
    pub listen: Vec<SocketAddr>,
    /// Where operators ask for health, metrics and status; `None`: nowhere.
    pub admin: Option<SocketAddr>,
    /// What operators have to show there, but for `/healthz` and `/readyz`; `None`: nothing. Never a
    /// literal.
    pub admin_token: Option<SecretRef>,
    /// What makes it TLS, and who needs no token then; `None`: in clear. Boxed: it is seldom there.
    pub admin_tls: Option<Box<AdminTlsSettings>>,
    /// Worker threads; `None`: one per core.
    pub threads: Option<usize>,
    /// How many gateways share the accounts and the tenants.
    pub replicas: ReplicaCount,
    /// Where they tell one another what they take; `None`: they do not. Boxed: it is seldom there.
    pub redis: Option<Box<RedisSettings>>,
    /// Where clients connect over TLS.
    pub tls: Option<TlsSettings>,
    /// Who stands in front of the gateway.
    pub proxies: ProxySettings,
    /// Whose tokens are believed, beside client keys. Each issuer once.
    pub jwt: Vec<JwtSettings>,
    /// Origins whose web pages may call: `scheme://host[:port]`, in lower case.
    pub cors_origins: Vec<String>,
    /// Whether things that nobody remembers (files, batches and the like) are sought on the accounts
    /// though there are tenants to keep apart.
    pub seek_unknown_ids: bool,
    /// How long it is remembered after its last use which account can read sealed content
    /// (`encrypted_content`), at least.
    pub sealed_ids_kept: Duration,
    /// How long a provider's list of its models counts before it is fetched anew.
    pub models_refresh: Duration,
    /// Bounds on what clients may send and hold.
    pub limits: GatewayLimits,
    /// How long anything may take.
    pub timeouts: Timeouts,
    /// How streamed answers are looked at.
    pub stream: StreamSettings,
    /// Connections to providers.
    pub upstream: UpstreamSettings,
    /// Which requests have a line in the access log.
    pub access_log: AccessLogSettings,
    /// Traces of requests.
    pub traces: TracesSettings,
}

/// Table `gateway.access_log`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccessLogSettings {
    /// The share of uneventful requests that have a line, 0 to 1. Uneventful is what was answered at
    /// the first attempt, without waiting or falling back; all else always has one.
    pub sample: f64,
}

/// Table `gateway.traces`.
#[derive(Clone, Debug, PartialEq)]
pub struct TracesSettings {
    /// The collector, `http://host[:port][/path]`; `None`: none are made.
    pub endpoint: Option<String>,
    /// The share of requests that are traced, 0 to 1, of those that are in no trace yet. Whoever is in
    /// one says itself whether it is recorded.
    pub sample: f64,
}

/// Table `gateway.proxies`: load balancers that speak for clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// Their addresses. What they say of a client's address is believed.
    pub trusted: Vec<IpNet>,
    /// Whether their connections begin with a header of the PROXY protocol, version 1 or 2.
    pub proxy_protocol: bool,
}

/// An element of `gateway.jwt`: an issuer whose tokens are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtSettings {
    /// What its tokens must say.
    pub rules: Rules,
    /// Where its keys are.
    pub keys: JwtKeys,
    /// How often they are asked for, where they are at an address.
    pub refresh: Duration,
    /// How long those that are known count where new ones cannot be had.
    pub keys_kept: Duration,
    /// Roots to trust there instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtKeys {
    /// In a file.
    File(PathBuf),
    /// At an address; in clear only on this machine.
    Url(BaseUrl),
}

/// Table `gateway.limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayLimits {
    /// Bytes of one request's body.
    pub body_bytes_max: u64,
    /// Bytes of bodies held for all requests together. Never below `body_bytes_max`.
    pub body_bytes_held_max: u64,
    /// Bytes of bodies of one tenant while others may need the room: so much is kept for tenants
    /// that hold less.
    pub body_bytes_held_per_tenant_max: u64,
    /// Bytes of one request's header block.
    pub header_bytes_max: u64,
    /// Headers of one request.
    pub header_count_max: usize,
    /// Connections of clients.
    pub connections_max: usize,
    /// Connections on which no client key was shown yet; beyond, the oldest gives way.
    pub unauthenticated_connections_max: usize,
    /// The same, from one address (of IPv6: one /64 network).
    pub unauthenticated_connections_per_address_max: usize,
    /// Requests between their authentication and the end of their answer, waiting ones included.
    pub requests_in_flight_max: usize,
    /// Requests of one tenant while others may need the places: so many are kept for tenants that
    /// hold fewer.
    pub requests_in_flight_per_tenant_max: usize,
    /// Streams of one HTTP/2 connection.
    pub streams_per_connection_max: u32,
    /// Requests that have ended and are kept for `/explain/{request id}`: about 1 KiB each, made
    /// when they are first used. Zero: none.
    pub recent_requests_max: usize,
}

impl GatewayLimits {
    /// How much of a total is kept for tenants that hold less: a quarter leaves most of it to one
    /// busy tenant and room for many others.
    pub(super) const KEPT_SHARE: u64 = 4;
}

/// Table `gateway.timeouts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting to a provider, TLS included.
    pub connect: Duration,
    /// Between two writes of a request to a provider that does not read.
    pub send: Duration,
    /// From the last byte of a request to the provider's answer's head.
    pub head: Duration,
    /// From the last byte of a request for a stream to the first that comes of it; of one for a
    /// whole answer, that long beside what its cap on output takes.
    pub first_token: Duration,
    /// The same for a stream that has a fallback to go to, of a model that is not known to be slower.
    pub first_token_fallback: Duration,
    /// Between two reads of an answer's body.
    pub stream_idle: Duration,
    /// No further attempt begins later than this after the request came.
    pub attempts: Duration,
    /// From a connection's (or its next request's) first byte to the end of the head, and for the
    /// TLS handshake.
    pub client_header: Duration,
    /// For the whole of a request's body.
    pub client_body: Duration,
    /// Between two writes to a client that does not read.
    pub client_write: Duration,
    /// How long a client's connection may be idle between requests.
    pub client_idle: Duration,
    /// After readiness is off, how long new requests are still served.
    pub drain_delay: Duration,
    /// How long running requests may go on after that.
    pub drain: Duration,
}

/// Table `gateway.stream`: how long a streamed answer's head is held for its first content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// In time. Zero: not held.
    pub hold_head: Duration,
    /// In bytes of the stream's beginning.
    pub hold_bytes_max: u64,
    /// The longest streamed answer that is held until it is complete, where that is wanted. They count
    /// among the bodies that are held.
    pub whole_bytes_max: u64,
}

/// Table `gateway.upstream`: connections to providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// Idle connections kept for reuse.
    pub idle_max: usize,
    /// How long a connection may be idle and still be reused.
    pub idle: Duration,
    /// Requests at a time on one HTTP/2 connection.
    pub h2_streams_max: usize,
    /// How often names are resolved anew.
    pub dns_refresh: Duration,
}

/// Table `waiting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingSettings {
    /// How long a request waits for a key, unless tenant or client say otherwise.
    pub patience: Duration,
    /// The most a client may ask for.
    pub patience_max: Duration,
    /// Of its patience, how long it waits for a choice that has a fallback.
    pub fallback_after: Duration,
    /// How many may wait for a provider.
    pub room: RoomLimits,
}
