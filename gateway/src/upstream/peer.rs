//! How a provider is connected to, as Pingora is told.

use std::net::Ipv4Addr;
use std::time::Duration;

use keyweir_policy::config::file::{
    BaseUrl, Provider, ProviderHttp, Scheme, Timeouts, UpstreamSettings,
};
use pingora_core::protocols::{ALPN, TcpKeepalive};
use pingora_core::upstreams::peer::{HttpPeer, PeerOptions};

/// How much an HTTP/2 provider may send us ahead of an answer. Answers are forwarded as they come, so
/// this only has to cover the distance; Pingora's 8 MiB would let a slow client's answer fill memory.
const H2_STREAM_WINDOW: u32 = 256 * 1024;

/// The largest window there is (RFC 9113, 6.9.1).
const H2_WINDOW_MAX: u32 = (1 << 31) - 1;

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
    let (stream, connection) = windows(settings.h2_streams_max);
    options.h2_stream_window_size = Some(stream);
    options.h2_connection_window_size = Some(connection);
    options
}

/// The windows of a stream and of a connection that has so many. The connection's has room for those of
/// all: clients that do not read their answers fill the windows of these, and hold up nobody else's.
fn windows(streams_max: usize) -> (u32, u32) {
    let streams = u32::try_from(streams_max).unwrap_or(u32::MAX).max(1);
    let stream = H2_STREAM_WINDOW.min(H2_WINDOW_MAX / streams);
    (stream, stream * streams)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_nobody_reads_leave_room_on_their_connection() {
        for streams_max in [1_usize, 100, 8_191, 8_192, 10_000] {
            let (stream, connection) = windows(streams_max);
            assert!(stream >= 128 * 1024 && connection <= H2_WINDOW_MAX);
            assert!(connection as usize >= stream as usize * streams_max);
        }
        assert_eq!(windows(100).0, H2_STREAM_WINDOW);
    }
}
