//! The yardstick: the least that a Pingora proxy can do between one client and one upstream.
//!
//! Keyweir's cost is quoted as a ratio to this. It must therefore be neither handicapped nor
//! helped: Pingora's own documented way (`ProxyHttp`, one peer, every other hook at its default),
//! with the settings anybody would choose for such a proxy. It reads no body, knows no tenant,
//! makes no choice and writes no log.
//!
//! Where a default costs something that this proxy does not need, it is switched off, so that the
//! comparison errs against Keyweir: the response compression module is not loaded, and the pool of
//! idle upstream connections is large enough that none is ever closed for lack of room.
//! `TCP_NODELAY` is on towards both sides: Pingora sets it on every socket it accepts or opens.
//!
//! There are two programs, because the gateway brings an allocator of its own and an allocator
//! alone is worth some 15 % of the instructions: `passthrough` uses the system's allocator as
//! Pingora does out of the box, `passthrough-mimalloc` the gateway's. Figures are quoted against
//! the first; the second stands beside it to show what is design and what is allocator.

use std::net::{SocketAddr, TcpListener};

use async_trait::async_trait;
use clap::Parser;
use pingora_core::modules::http::HttpModules;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

/// Idle upstream connections kept per thread. More than any measurement opens at once, so that
/// closing and reopening connections is never part of the yardstick.
const KEEPALIVE_POOL: usize = 16_384;

/// Forward everything that arrives at one address to one upstream, in clear.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// Where to listen.
    #[arg(long)]
    pub listen: SocketAddr,
    /// Where everything goes.
    #[arg(long)]
    pub upstream: SocketAddr,
    /// Worker threads; as many as this process may use cores, unless given.
    #[arg(long)]
    pub threads: Option<usize>,
}

/// Serves until the process is ended.
pub fn serve(arguments: &Arguments) -> std::io::Result<()> {
    // Pingora retries a failed bind and then panics in a task while the process lives on without
    // a listener; a measurement needs to hear of it at once.
    drop(TcpListener::bind(arguments.listen)?);
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism()?.get(),
    };
    let mut server = Server::new_with_opt_and_conf(None, server_conf(threads));
    server.bootstrap();
    let yardstick = PassThrough {
        upstream: arguments.upstream,
    };
    let mut service = http_proxy_service(&server.configuration, yardstick);
    service.add_tcp(&arguments.listen.to_string());
    server.add_service(service);
    server.run_forever()
}

fn server_conf(threads: usize) -> ServerConf {
    ServerConf {
        threads,
        upstream_keepalive_pool_size: KEEPALIVE_POOL,
        // Nothing is in flight when a measurement ends it.
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(0),
        ..ServerConf::default()
    }
}

struct PassThrough {
    upstream: SocketAddr,
}

#[async_trait]
impl ProxyHttp for PassThrough {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    /// None: the default loads response compression, which nothing here uses.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        _ctx: &mut Self::CTX,
    ) -> pingora_core::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.upstream, false, String::new())))
    }
}
