//! What is known of how many gateways there are: heard from themselves (`shared`), or else told by the
//! command line or the policy, or looked up (`share_out` sees to that). The number that was last heard
//! holds while none is. A name that does not resolve leaves the number as it was: DNS is away more
//! often than replicas are.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use keyweir_policy::config::file::Policy;
use keyweir_policy::terms::replicas::Replicas;

/// How long a name may take to resolve.
const LOOK_UP_MAX: Duration = Duration::from_secs(2);

/// What is known of how many there are.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// By the command line, before all else.
    told: Option<Replicas>,
    /// Addresses that the name had; 0: it was never resolved.
    addresses: AtomicU32,
    /// The name did not resolve when it was last looked up.
    unresolved: AtomicBool,
    /// As many as have told one another; 0: none ever have.
    heard: AtomicU32,
    /// What was made of it last; 0: nothing yet.
    count: AtomicU32,
}

impl Counted {
    /// As far as it is known before the start: `told`, or what the name in `policy` says.
    pub(crate) async fn first(told: Option<Replicas>, policy: &Policy) -> Self {
        let counted = Self {
            told,
            ..Self::default()
        };
        counted.look_up(policy).await;
        counted
    }

    /// Looks the name in `policy` up. `false`: there is nothing new.
    pub(crate) async fn look_up(&self, policy: &Policy) -> bool {
        let name = policy.gateway.replicas.name();
        let Some(name) = name.filter(|_| self.told.is_none()) else {
            return false;
        };
        let found = look_up(name).await;
        let before = self.unresolved.swap(found.is_none(), Ordering::Relaxed);
        let Some(addresses) = found else {
            if !before {
                let replicas = self.by(policy).count();
                tracing::warn!(
                    name,
                    replicas,
                    "the name in gateway.replicas has no address: limits are shared among as many gateways as \
                     were known last, or the least that the policy says"
                );
            }
            return false;
        };
        if before {
            tracing::info!(name, "the name in gateway.replicas has addresses again");
        }
        self.addresses.swap(addresses, Ordering::Relaxed) != addresses
    }

    /// So many have been heard; 0: they are not heard any more. `true`: it is another number.
    pub(crate) fn hear(&self, count: u32) -> bool {
        self.heard.swap(count, Ordering::Relaxed) != count
    }

    /// As many as have last told one another; 0: none ever have.
    pub(crate) fn heard(&self) -> u32 {
        self.heard.load(Ordering::Relaxed)
    }

    /// The number goes out to all who share by it. `Some`: the one before, if it was another; 0: none.
    pub(crate) fn note(&self, replicas: Replicas) -> Option<u32> {
        let before = self.count.swap(replicas.count(), Ordering::Relaxed);
        (before != replicas.count()).then_some(before)
    }

    /// How many there are, by what is known and what `policy` says.
    pub(crate) fn by(&self, policy: &Policy) -> Replicas {
        let addresses = self.addresses.load(Ordering::Relaxed);
        let of_policy = || {
            policy
                .gateway
                .replicas
                .count((addresses > 0).then_some(addresses))
        };
        match self.heard() {
            0 => self.told.unwrap_or_else(of_policy),
            heard => Replicas::new(heard),
        }
    }
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
