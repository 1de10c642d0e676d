//! What of a policy holds in this process: what the system allows, and what only a start can change.

use std::net::SocketAddr;

use keyweir_policy::config::difference::Difference;
use keyweir_policy::config::file::{GatewaySettings, Policy};

use crate::downstream::loopback::is_loopback;
use crate::runtime::open_files;

/// Without tenants, anybody who can connect could use the pool.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {0}: without tenants in the policy file the gateway serves this machine only; \
     add a [[tenant]] with a client key (keyweir hash), or listen on 127.0.0.1"
)]
pub struct OpenToAll(pub SocketAddr);

/// A policy without tenants follows one with tenants.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no [[tenant]] any more: everybody who reaches the gateway would be served without a client key;      keep one, or restart the gateway if that is meant"
)]
pub struct TenantsGone;

/// With so few, clients that come at once are turned away: what shells and services have by default (1,024
/// files) leaves some 450.
const FEW_CONNECTIONS: usize = 500;

/// No more connections than the system lets us have. `is_told`: where that is fewer than the policy
/// allows, the log says so.
pub(crate) fn bound_connections(policy: &mut Policy, is_told: bool) {
    let (max, possible) = (
        &mut policy.gateway.limits.connections_max,
        open_files::for_clients(),
    );
    if possible >= *max {
        return;
    }
    let allowed = std::mem::replace(max, possible);
    let text = format!(
        "connections_max lowered from {allowed} to {possible}: open file limit (ulimit -n); each \
         connection may need one more at a provider"
    );
    if is_told && possible < FEW_CONNECTIONS {
        tracing::warn!(connections_max = possible, "{text}: raise it");
    } else if is_told {
        tracing::info!(connections_max = possible, "{text}");
    }
}

/// What is bound and started stays as it is, whatever the policy says.
pub(crate) fn keep_started(policy: &mut Policy, running: &GatewaySettings) {
    let settings = &mut policy.gateway;
    settings.listen.clone_from(&running.listen);
    settings.admin = running.admin;
    settings.threads = running.threads;
    match (&mut settings.tls, &running.tls) {
        (Some(tls), Some(running)) => tls.listen.clone_from(&running.listen),
        (tls, running) => tls.clone_from(running),
    }
    // Its files are followed; whether it is TLS at all is not.
    if settings.admin_tls.is_some() != running.admin_tls.is_some() {
        settings.admin_tls.clone_from(&running.admin_tls);
    }
}

/// The last tenant does not go while the gateway runs.
///
/// # Errors
/// Where it would.
pub(crate) fn refuse_to_open(before: &Policy, after: &Policy) -> Result<(), TenantsGone> {
    match Difference::lets_everybody_in(before, after) {
        true => Err(TenantsGone),
        false => Ok(()),
    }
}

/// Without tenants anybody may call, so nobody else may be able to.
///
/// # Errors
/// Where others could.
pub(crate) fn refuse_open_listeners(policy: &Policy) -> Result<(), OpenToAll> {
    if !policy.tenants.is_empty() {
        return Ok(());
    }
    let gateway = &policy.gateway;
    let over_tls = gateway.tls.iter().flat_map(|tls| &tls.listen);
    let mut all = gateway.listen.iter().chain(over_tls);
    match all.find(|address| !is_loopback(address.ip())) {
        Some(open) => Err(OpenToAll(*open)),
        None => Ok(()),
    }
}
