//! How many gateways there are: told by the command line or the policy, or looked up again and again.
//!
//! The number goes to the pools and to the tenants' meters, which share out by it. A name that does not
//! resolve leaves it as it was: DNS is away more often than replicas are.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use keyweir_policy::config::file::Policy;
use keyweir_policy::terms::replicas::Replicas;

use crate::runtime::gateway::Gateway;

/// How often a name is looked up: as long as resolvers in clusters keep an answer.
const LOOKED_UP_EVERY: Duration = Duration::from_secs(5);
/// How long that may take.
const LOOK_UP_MAX: Duration = Duration::from_secs(2);

/// What is known of how many there are.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// By the command line, before all else.
    told: Option<Replicas>,
    /// Addresses that the name had; 0: it was never resolved.
    addresses: AtomicU32,
    /// What was made of it last; 0: nothing yet.
    count: AtomicU32,
}

impl Counted {
    /// As far as it is known before the start: `told`, or what the name in `policy` says.
    pub(crate) async fn first(told: Option<Replicas>, policy: &Policy) -> Self {
        let name = policy.gateway.replicas.name();
        let addresses = match name.filter(|_| told.is_none()) {
            Some(name) => look_up(name).await,
            None => None,
        };
        Self {
            told,
            addresses: AtomicU32::new(addresses.unwrap_or_default()),
            count: AtomicU32::new(0),
        }
    }

    fn by(&self, policy: &Policy) -> Replicas {
        let addresses = self.addresses.load(Ordering::Relaxed);
        let of_policy = || {
            policy
                .gateway
                .replicas
                .count((addresses > 0).then_some(addresses))
        };
        self.told.unwrap_or_else(of_policy)
    }
}

/// Shares out by the number that is known now. To be called when the policy or the name says another.
pub(crate) fn share_out(gateway: &Gateway) {
    let live = gateway.live();
    let replicas = gateway.replicas.by(&live.policy);
    for provider in live.providers.values() {
        provider
            .pool
            .with(|pool, now| pool.share_among(now, replicas));
    }
    gateway
        .tenancy
        .with(|meters, _| meters.share_among(replicas));
    gateway
        .metrics
        .process
        .replicas
        .set(i64::from(replicas.count()));
    let before = gateway
        .replicas
        .count
        .swap(replicas.count(), Ordering::Relaxed);
    if before != replicas.count() && (before, replicas.count()) != (0, 1) {
        tracing::info!(
            replicas = replicas.count(),
            "limits of tenants, and what is not known of accounts, are shared among so many gateways"
        );
    }
}

/// Looks the policy's name up again and again, as long as there is a gateway.
pub(crate) fn follow(gateway: &Arc<Gateway>) {
    if gateway.replicas.told.is_some() {
        return;
    }
    let gateway = Arc::downgrade(gateway);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOKED_UP_EVERY).await;
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            let live = gateway.live();
            let Some(name) = live.policy.gateway.replicas.name() else {
                continue;
            };
            if let Some(addresses) = look_up(name).await {
                gateway
                    .replicas
                    .addresses
                    .store(addresses, Ordering::Relaxed);
                share_out(&gateway);
            }
        }
    });
}

/// How many addresses `name` has, of the kind of which it has more: a process may have one of either
/// kind. `None`: it does not resolve.
async fn look_up(name: &str) -> Option<u32> {
    let addresses = tokio::time::timeout(LOOK_UP_MAX, tokio::net::lookup_host((name, 0)));
    let addresses: HashSet<_> = addresses.await.ok()?.ok()?.map(|it| it.ip()).collect();
    let v4 = addresses.iter().filter(|it| it.is_ipv4()).count();
    let most = v4.max(addresses.len() - v4);
    u32::try_from(most).ok().filter(|count| *count > 0)
}
