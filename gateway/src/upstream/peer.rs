//! How a provider is connected to, as Pingora is told.

use std::net::Ipv4Addr;
use std::time::Duration;

use keyweir_policy::config::file::{
    BaseUrl, Provider, ProviderHttp, Scheme, Timeouts, UpstreamSettings,
};
use pingora_core::protocols::{ALPN, TcpKeepalive};
use pingora_core::upstreams::peer::{HttpPeer, PeerOptions};

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

/// All of a peer but its address.
pub(super) fn template(
    (place, provider): (u64, &Provider),
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
    // connection that another one's settings (version, roots) made, or its own of before.
    peer.group_key = place * 2;
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
