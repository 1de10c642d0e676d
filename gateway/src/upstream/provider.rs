//! One provider, as far as connections go: where it is, and what its requests begin with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use keyweir_policy::config::file::{
    BaseUrl, Provider, ProviderHttp, ProxySetting, Timeouts, UpstreamSettings,
};
use keyweir_policy::terms::dialect::Dialect;

use super::address::Addresses;
use super::connections::Connections;
use super::peer::template;
use super::proxy::{ProxyError, tunnel};
use super::target;

/// Numbers of [`Upstream::place`].
static PLACES: AtomicU64 = AtomicU64::new(0);

/// One provider, as far as connections go.
pub(crate) struct Upstream {
    /// Those with one number may use each other's idle connections.
    place: u64,
    /// What it was made from.
    made_from: MadeFrom,
    pub(super) connections: Arc<Connections>,
    pub(super) addresses: Addresses,
    pub(super) idle: Duration,
    pub(super) send: Duration,
    dialect: Dialect,
    /// The value of the `Host` header.
    pub(crate) authority: HeaderValue,
    /// What every path begins with.
    pub(crate) path_prefix: String,
    /// The base URL without its path, as the provider writes it in its answers.
    pub(crate) origin: String,
}

impl Upstream {
    /// The connections to `provider`, among `connections`; idle ones of `before` are taken over
    /// where they lead to the same place in the same way.
    ///
    /// # Errors
    /// If it is to be reached through a proxy that cannot be used.
    pub(crate) fn new(
        provider: &Provider,
        connections: Arc<Connections>,
        (timeouts, settings): (&Timeouts, &UpstreamSettings),
        before: Option<&Self>,
    ) -> Result<Self, ProxyError> {
        let base = &provider.base_url;
        let made_from = MadeFrom::new(provider, timeouts, settings);
        let same = before.filter(|it| {
            it.made_from.way == made_from.way && Arc::ptr_eq(&it.connections, &connections)
        });
        let place = same.map_or_else(|| PLACES.fetch_add(1, Ordering::Relaxed), |it| it.place);
        let mut template = template((place, provider), timeouts, settings);
        let (mut host, mut port) = (base.host.clone(), base.port);
        if let Some(tunnel) = tunnel(provider, timeouts.connect)? {
            // The proxy's own: it knows the provider's.
            (host, port) = tunnel.proxy();
            template.options.custom_l4 = Some(Arc::new(tunnel));
        }
        Ok(Self {
            place,
            made_from,
            connections,
            addresses: Addresses::new(host, port, template),
            dialect: provider.dialect,
            idle: settings.idle,
            send: timeouts.send,
            authority: HeaderValue::from_str(&base.authority())
                .expect("a validated host is a valid header value"),
            path_prefix: base.path_prefix.clone(),
            origin: origin(base),
        })
    }

    /// Whether [`Self::new`] would make the same anew.
    pub(crate) fn is_made_from(
        &self,
        provider: &Provider,
        connections: &Arc<Connections>,
        (timeouts, settings): (&Timeouts, &UpstreamSettings),
    ) -> bool {
        Arc::ptr_eq(&self.connections, connections)
            && self.made_from == MadeFrom::new(provider, timeouts, settings)
    }

    /// What a request for `path` asks the provider for, in two parts.
    pub(crate) fn target<'a>(&'a self, path: &'a str) -> (&'a str, &'a str) {
        target::at(self.dialect, &self.path_prefix, path)
    }

    /// Where the provider is, to be resolved anew now and then.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }
}

/// All of a policy that an [`Upstream`] depends on, roots aside.
#[derive(PartialEq)]
struct MadeFrom {
    way: Way,
    dialect: Dialect,
    connect: Duration,
    send: Duration,
    settings: UpstreamSettings,
}

/// Where connections lead, and how they are made.
#[derive(PartialEq)]
struct Way {
    base_url: BaseUrl,
    http: ProviderHttp,
    proxy: ProxySetting,
}

impl MadeFrom {
    fn new(provider: &Provider, timeouts: &Timeouts, settings: &UpstreamSettings) -> Self {
        Self {
            way: Way {
                base_url: provider.base_url.clone(),
                http: provider.http,
                proxy: provider.proxy.clone(),
            },
            dialect: provider.dialect,
            connect: timeouts.connect,
            send: timeouts.send,
            settings: *settings,
        }
    }
}

fn origin(base: &BaseUrl) -> String {
    format!("{}://{}", base.scheme.as_str(), base.authority())
}
