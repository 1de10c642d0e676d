//! One provider, as far as connections go: where it is, and what its requests begin with.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use keyweir_policy::config::file::{BaseUrl, Provider, Timeouts, UpstreamSettings};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::ProviderId;

use super::address::Addresses;
use super::connections::Connections;
use super::peer::template;
use super::proxy::{ProxyError, tunnel};
use super::target;

/// One provider, as far as connections go.
pub(crate) struct Upstream {
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
    /// The connections to `provider`, among `connections`.
    ///
    /// # Errors
    /// If it is to be reached through a proxy that cannot be used.
    pub(crate) fn new(
        (id, provider): (ProviderId, &Provider),
        connections: Arc<Connections>,
        timeouts: &Timeouts,
        settings: &UpstreamSettings,
    ) -> Result<Self, ProxyError> {
        let base = &provider.base_url;
        let mut template = template((id, provider), timeouts, settings);
        let (mut host, mut port) = (base.host.clone(), base.port);
        if let Some(tunnel) = tunnel(provider, timeouts.connect)? {
            // The proxy's own: it knows the provider's.
            (host, port) = tunnel.proxy();
            template.options.custom_l4 = Some(Arc::new(tunnel));
        }
        Ok(Self {
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

    /// What a request for `path` asks the provider for, in two parts.
    pub(crate) fn target<'a>(&'a self, path: &'a str) -> (&'a str, &'a str) {
        let prefix = self.path_prefix.as_str();
        (prefix, target::behind(self.dialect, prefix, path))
    }

    /// Where the provider is, to be resolved anew now and then.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }
}

fn origin(base: &BaseUrl) -> String {
    format!("{}://{}", base.scheme.as_str(), base.authority())
}
