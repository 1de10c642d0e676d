//! The provider's side: where it is, how it is connected to, and one exchange on a connection.

mod address;
mod connections;
mod link;
pub(crate) mod resolve;
mod roots;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use keyweir_policy::config::file::{
    BaseUrl, Provider, ProviderHttp, Scheme, Timeouts, UpstreamSettings,
};
use pingora_core::connectors::ConnectorOptions;
use pingora_core::protocols::{ALPN, TcpKeepalive};
use pingora_core::upstreams::peer::{HttpPeer, PeerOptions};

pub(crate) use address::Addresses;
pub(crate) use connections::Connections;
pub(crate) use link::{Link, LinkError, Uploaded};
pub(crate) use roots::check_system as check_system_roots;
pub use roots::{RootsError, check as check_roots};

/// How much an HTTP/2 provider may send us ahead, per answer and per connection. Answers are
/// forwarded as they come, so this only has to cover the distance; Pingora's 8 MiB per stream
/// would let a slow client's answer fill memory.
const H2_STREAM_WINDOW: u32 = 256 * 1024;
const H2_CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Between two pings on an HTTP/2 connection, so that a path that died silently is noticed before
/// a request is sent into it.
const H2_PING: Duration = Duration::from_secs(30);

/// TCP's own probes, for the same reason, on connections that carry one long quiet stream.
const PROBE: TcpKeepalive = TcpKeepalive {
    idle: Duration::from_secs(60),
    interval: Duration::from_secs(15),
    count: 4,
    #[cfg(target_os = "linux")]
    user_timeout: Duration::from_secs(0),
};

/// One provider, as far as connections go.
pub(crate) struct Upstream {
    connections: Arc<Connections>,
    addresses: Addresses,
    idle: Duration,
    send: Duration,
    /// The value of the `Host` header.
    pub(crate) authority: HeaderValue,
    /// What every path begins with.
    pub(crate) path_prefix: String,
    /// The base URL without its path, as the provider writes it in its answers.
    pub(crate) origin: String,
}

impl Upstream {
    /// The connections to `provider`, number `position` of all, among `connections`.
    pub(crate) fn new(
        provider: &Provider,
        position: usize,
        connections: Arc<Connections>,
        timeouts: &Timeouts,
        settings: &UpstreamSettings,
    ) -> Self {
        let base = &provider.base_url;
        let template = template(provider, position, timeouts, settings);
        Self {
            connections,
            addresses: Addresses::new(base.host.clone(), base.port, template),
            idle: settings.idle,
            send: timeouts.send,
            authority: HeaderValue::from_str(&base.authority())
                .expect("a validated host is a valid header value"),
            path_prefix: base.path_prefix.clone(),
            origin: origin(base),
        }
    }

    /// What stands before `path` in a request's target. Some base URLs end in the version that
    /// clients' paths begin with; it is not doubled.
    pub(crate) fn prefix_for(&self, path: &str) -> &str {
        let prefix = self.path_prefix.as_str();
        let version = prefix.rfind('/').map_or("", |at| &prefix[at..]);
        let is_version = version
            .strip_prefix("/v")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        let doubled = is_version
            && path
                .strip_prefix(version)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if doubled {
            &prefix[..prefix.len() - version.len()]
        } else {
            prefix
        }
    }

    /// Where the provider is, to be resolved anew now and then.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }
}

fn origin(base: &BaseUrl) -> String {
    format!("{}://{}", base.scheme.as_str(), base.authority())
}

/// The connections of all providers that trust the same roots. At most `idle_max` are kept idle.
///
/// # Errors
/// If the roots cannot be read.
pub(crate) fn connections(
    ca_file: Option<&std::path::Path>,
    idle_max: usize,
) -> Result<Arc<Connections>, RootsError> {
    let mut options = ConnectorOptions::new(idle_max);
    if let Some(path) = ca_file {
        roots::check(path)?;
        options.ca_file = Some(path.to_string_lossy().into_owned());
    }
    // Pingora unwraps on a certificate in the system's store that it cannot parse.
    let made = std::panic::AssertUnwindSafe(|| Arc::new(Connections::new(options)));
    std::panic::catch_unwind(made).map_err(|_| RootsError::System)
}

/// All of a peer but its address.
fn template(
    provider: &Provider,
    position: usize,
    timeouts: &Timeouts,
    settings: &UpstreamSettings,
) -> HttpPeer {
    let tls = provider.base_url.scheme == Scheme::Https;
    let sni = if tls {
        server_name(&provider.base_url)
    } else {
        String::new()
    };
    let mut peer = HttpPeer::new((Ipv4Addr::LOCALHOST, provider.base_url.port), tls, sni);
    // Pooled connections are told apart by address, name and this: a provider never rides on a
    // connection that another one's settings (version, roots) made.
    peer.group_key = position as u64 * 2;
    peer.options = options(provider, tls, timeouts, settings);
    peer
}

fn options(
    provider: &Provider,
    tls: bool,
    timeouts: &Timeouts,
    settings: &UpstreamSettings,
) -> PeerOptions {
    let mut options = PeerOptions::new();
    options.alpn = match (provider.http, tls) {
        (ProviderHttp::Auto, true) => ALPN::H2H1,
        (ProviderHttp::Auto, false) | (ProviderHttp::Http1, _) => ALPN::H1,
        (ProviderHttp::Http2, _) => ALPN::H2,
    };
    options.connection_timeout = Some(timeouts.connect);
    options.total_connection_timeout = Some(timeouts.connect);
    options.idle_timeout = Some(settings.idle);
    options.tcp_keepalive = Some(PROBE);
    options.max_h2_streams = settings.h2_streams_max;
    options.h2_ping_interval = Some(H2_PING);
    options.h2_stream_window_size = Some(H2_STREAM_WINDOW);
    options.h2_connection_window_size = Some(H2_CONNECTION_WINDOW);
    options
}

/// The name TLS asks for and verifies: for an address, the address. Never empty, which Pingora
/// would take as leave not to verify.
fn server_name(base: &BaseUrl) -> String {
    use keyweir_policy::config::file::Host;
    match &base.host {
        Host::Name(name) => name.clone(),
        Host::Address(address) => address.to_string(),
    }
}
