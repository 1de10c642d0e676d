//! Proxies between the gateway and a provider.

mod environment;
mod exempt;
mod tunnel;

use std::time::Duration;

use keyweir_policy::config::file::{Provider, ProxySetting, ProxyUrl, ProxyUrlError};

pub(super) use tunnel::Tunnel;

/// Why a provider's proxy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The variable that the policy names is not there.
    #[error("proxy: environment variable {0} is not set")]
    NotSet(String),
    /// What a variable holds is no proxy that we can use.
    #[error("environment variable {variable}: {error}")]
    Unfit {
        /// Its name.
        variable: String,
        /// What is wrong.
        error: ProxyUrlError,
    },
}

/// The tunnel to `provider`, if it is behind a proxy.
///
/// # Errors
/// If it should be, and the proxy cannot be used.
pub(super) fn tunnel(provider: &Provider, connect: Duration) -> Result<Option<Tunnel>, ProxyError> {
    let proxy = proxy(provider)?;
    Ok(proxy.map(|proxy| Tunnel::new(proxy, &provider.base_url, connect)))
}

fn proxy(provider: &Provider) -> Result<Option<ProxyUrl>, ProxyError> {
    match &provider.proxy {
        ProxySetting::Off => Ok(None),
        ProxySetting::At(proxy) => Ok(Some(proxy.clone())),
        ProxySetting::Env(name) => match environment::value(name) {
            Some(text) => parse(name, &text).map(Some),
            None => Err(ProxyError::NotSet(name.clone())),
        },
        ProxySetting::Environment => from_environment(provider),
    }
}

fn from_environment(provider: &Provider) -> Result<Option<ProxyUrl>, ProxyError> {
    let Some((name, text)) = environment::proxy(provider.base_url.scheme) else {
        return Ok(None);
    };
    let exempt = environment::exempt();
    if exempt::is_exempt(&provider.base_url, exempt.as_deref().unwrap_or_default()) {
        return Ok(None);
    }
    parse(name, &text).map(Some)
}

fn parse(variable: &str, text: &str) -> Result<ProxyUrl, ProxyError> {
    text.parse().map_err(|error| ProxyError::Unfit {
        variable: variable.to_owned(),
        error,
    })
}

/// Whether `provider` can be reached as it is to be.
///
/// # Errors
/// If its proxy cannot be used.
pub fn check(provider: &Provider) -> Result<(), ProxyError> {
    proxy(provider).map(drop)
}
