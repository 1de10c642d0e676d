//! One provider, as far as connections go: where it is, and what its requests begin with.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use keyweir_policy::config::file::{BaseUrl, Provider, Timeouts, UpstreamSettings};
use keyweir_policy::terms::ids::ProviderId;

use super::address::Addresses;
use super::connections::Connections;
use super::peer::template;

/// One provider, as far as connections go.
pub(crate) struct Upstream {
    pub(super) connections: Arc<Connections>,
    pub(super) addresses: Addresses,
    pub(super) idle: Duration,
    pub(super) send: Duration,
    /// The value of the `Host` header.
    pub(crate) authority: HeaderValue,
    /// What every path begins with.
    pub(crate) path_prefix: String,
    /// The base URL without its path, as the provider writes it in its answers.
    pub(crate) origin: String,
}

impl Upstream {
    /// The connections to `provider`, among `connections`.
    pub(crate) fn new(
        (id, provider): (ProviderId, &Provider),
        connections: Arc<Connections>,
        timeouts: &Timeouts,
        settings: &UpstreamSettings,
    ) -> Self {
        let base = &provider.base_url;
        let template = template((id, provider), timeouts, settings);
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
