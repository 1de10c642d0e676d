//! The policy in force, and what is looked up in it.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use keyweir_policy::config::file::{GatewaySettings, Policy, Tenant};
use keyweir_policy::config::secret::{ClientKeys, ProviderSecret};
use keyweir_policy::exchange::holders::{Held, Holders};
use keyweir_policy::exchange::ownership::{self, Hidden, Named, Ownership, Sight};
use keyweir_policy::exchange::seek::Holder;
use keyweir_policy::tenancy::validity::is_expired;
use keyweir_policy::tenancy::visibility::Circles;
use keyweir_policy::terms::ids::{ProviderId, TenantId};
use keyweir_policy::terms::table::Table;
use keyweir_policy::wire::mention;
use parking_lot::{Mutex, MutexGuard};

use crate::downstream::proxies::Proxies;
use crate::runtime::clock::Clock;
use crate::runtime::provider::Provider;
use crate::runtime::roots::Roots;
use crate::runtime::secrets::OfRedis;
use crate::runtime::tokens::Tokens;
use crate::telemetry::metrics::{Metrics, ProviderMetrics, TenantMetrics};
use crate::upstream::Upstream;

/// The policy in force, and all that was made from it. Replaced as a whole; a request keeps the one
/// it began with.
pub(crate) struct Live {
    pub(crate) policy: Policy,
    pub(crate) client_keys: ClientKeys,
    pub(crate) tokens: Tokens,
    pub(crate) providers: Table<ProviderId, Provider>,
    provider_metrics: Table<ProviderId, ProviderMetrics>,
    /// By tenant and, within a tenant, by provider; in the last row, of whoever is no tenant.
    tenant_metrics: Vec<OnceLock<Box<TenantMetrics>>>,
    /// Load balancers whose word for a client's address is taken.
    pub(crate) proxies: Proxies,
    clock: Clock,
    /// Which tenants see each other's things.
    circles: Circles,
    pub(super) holders: Arc<Mutex<Holders>>,
    pub(crate) roots: Roots,
    /// What operators have to show, if anything.
    pub(crate) admin_token: Option<ProviderSecret>,
    /// What is shown to the store that gateways share.
    pub(crate) of_redis: OfRedis,
}

/// What a policy comes into force with.
pub(crate) struct Next {
    pub(crate) policy: Policy,
    pub(crate) client_keys: ClientKeys,
    pub(crate) tokens: Tokens,
    pub(crate) providers: Table<ProviderId, Provider>,
    pub(crate) roots: Roots,
    pub(crate) admin_token: Option<ProviderSecret>,
    /// What is shown to the store that gateways share.
    pub(crate) of_redis: OfRedis,
}

impl Live {
    pub(super) fn new(
        next: Next,
        metrics: &Metrics,
        clock: Clock,
        holders: Arc<Mutex<Holders>>,
    ) -> Self {
        let Next {
            policy,
            client_keys,
            tokens,
            providers,
            roots,
            admin_token,
            of_redis,
        } = next;
        let of_provider = |id, provider: &Provider| {
            let accounts = policy.provider(id).accounts.map(|_, it| it.id.clone());
            metrics.of_provider(&provider.id, &accounts)
        };
        let tenants = policy.tenants.iter();
        let of_circle = tenants.map(|(id, tenant)| (id, tenant.shares.as_deref()));
        let cells = (policy.tenants.width() + 1) * providers.width();
        Self {
            client_keys,
            tokens,
            clock,
            provider_metrics: providers.map(of_provider),
            proxies: Proxies::new(&policy.gateway.proxies.trusted),
            circles: Circles::of(of_circle),
            policy,
            providers,
            holders,
            roots,
            admin_token,
            of_redis,
            tenant_metrics: (0..cells).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Listeners, bounds and time-outs.
    pub(crate) fn settings(&self) -> &GatewaySettings {
        &self.policy.gateway
    }

    /// Whether anything that is known of is an account's, or a tenant's.
    pub(crate) fn holds_for(&self, is_theirs: impl Fn(Held) -> bool) -> bool {
        self.holders.lock().all().any(|(_, held)| is_theirs(held))
    }

    /// Whether anybody may call, without a client key.
    pub(crate) fn is_open(&self) -> bool {
        self.policy.tenants.is_empty()
    }

    /// The tenant's part of the policy; `None` where anybody may call.
    pub(crate) fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.policy.tenants.get(id)
    }

    /// Whether that tenant's time is over: whoever shows a key of it, or a token that names it, is refused.
    pub(crate) fn has_expired(&self, tenant: TenantId, now: SystemTime) -> bool {
        is_expired(self.tenant(tenant).and_then(|tenant| tenant.expires), now)
    }

    /// One provider.
    pub(crate) fn provider(&self, id: ProviderId) -> &Provider {
        &self.providers[id]
    }

    /// Who holds what a request of `tenant` names.
    ///
    /// # Errors
    /// If any of it is not there for the tenant.
    pub(crate) fn look_up(&self, tenant: TenantId, named: Named<'_>) -> Result<Ownership, Hidden> {
        if named.resource.is_none() && named.references.is_empty() {
            return Ok(Ownership::default());
        }
        self.with_sight(tenant, |sight| {
            ownership::look_up(&mut self.holders(), named, sight)
        })
    }

    /// Whether `target` or `body` has the id of a thing in it that is known to be another's.
    pub(crate) fn names_anothers(&self, tenant: TenantId, target: &[&str], body: &[u8]) -> bool {
        if !self.hides() || !self.holders.lock().has_things() {
            return false;
        }
        let is_anothers = |id: &str| {
            let owner = self.holders.lock().owner(id);
            owner.is_some_and(|owner| !self.circles.sees(tenant, owner))
        };
        let mut target = target.iter();
        target.any(|it| mention::in_target(it, is_anothers)) || mention::in_body(body, is_anothers)
    }

    /// Whether a thing is there for `tenant`.
    pub(crate) fn shows(&self, tenant: TenantId, id: &str) -> bool {
        let owner = self.holders.lock().of(id).and_then(|held| held.owner);
        self.with_sight(tenant, |sight| sight.shows(owner))
    }

    /// Whether there are tenants to keep apart.
    pub(crate) fn hides(&self) -> bool {
        !self.circles.is_one()
    }

    /// The accounts on which something is known to lie that is there for `tenant`; `None` where
    /// there may be more than is known.
    pub(crate) fn accounts_with_things_of(&self, tenant: TenantId) -> Option<Vec<Holder>> {
        self.with_sight(tenant, |sight| {
            if sight.sees.is_none() || sight.seeks {
                return None;
            }
            let holders = self.holders.lock();
            let seen = holders.all().filter(|(_, held)| sight.shows(held.owner));
            let mut accounts: Vec<Holder> = seen.map(|(_, Held { holder, .. })| holder).collect();
            accounts.sort_unstable();
            accounts.dedup();
            Some(accounts)
        })
    }

    fn with_sight<R>(&self, tenant: TenantId, f: impl FnOnce(Sight<'_>) -> R) -> R {
        let sees = |owner| self.circles.sees(tenant, owner);
        f(Sight {
            sees: if self.hides() { Some(&sees) } else { None },
            seeks: self.policy.gateway.seek_unknown_ids,
        })
    }

    /// `holder` holds `id`, which `owner` made, if that was seen.
    pub(crate) fn learn_holder(&self, id: &str, holder: Holder, owner: Option<TenantId>) {
        self.holders().learn(id, holder, owner);
    }

    /// What was learned since this was last asked, for other gateways.
    pub(crate) fn take_news(&self) -> Vec<(Box<str>, Held)> {
        self.holders.lock().take_news().collect()
    }

    /// There are no other gateways to be told.
    pub(crate) fn keep_no_news(&self) {
        self.holders.lock().keep_no_news();
    }

    /// Lets `f` tell what others have learned.
    pub(crate) fn with_holders<R>(&self, f: impl FnOnce(&mut Holders) -> R) -> R {
        f(&mut self.holders())
    }

    /// Lets `f` tell what accounts hold, and keeps what changes of that from now on.
    pub(crate) fn keep_held(&self, f: impl FnOnce(&mut Holders)) {
        let mut holders = self.holders.lock();
        f(&mut holders);
        holders.keep_changes();
    }

    /// What has changed of what accounts hold since this was asked last.
    pub(crate) fn take_held(&self) -> Vec<(Box<str>, Held)> {
        self.holders.lock().take_changes()
    }

    /// What gave way to other things since this was asked last.
    pub(crate) fn take_forgotten(&self) -> Vec<Box<str>> {
        self.holders.lock().take_gone()
    }

    /// What accounts hold, without what is too old.
    fn holders(&self) -> MutexGuard<'_, Holders> {
        let mut holders = self.holders.lock();
        holders.expire_sealed(self.clock.now(), self.policy.gateway.sealed_ids_kept);
        holders
    }

    /// Where requests go, by provider.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = (&str, &Arc<Upstream>)> {
        self.providers
            .values()
            .map(|provider| (provider.id.as_str(), &provider.upstream))
    }

    /// The counters of a provider.
    pub(crate) fn provider_metrics(&self, provider: ProviderId) -> &ProviderMetrics {
        &self.provider_metrics[provider]
    }

    /// The counters of a tenant at a provider.
    pub(crate) fn tenant_metrics(
        &self,
        metrics: &Metrics,
        tenant: TenantId,
        provider: ProviderId,
    ) -> &TenantMetrics {
        let row = tenant.index().min(self.policy.tenants.width());
        let cell = row * self.providers.width() + provider.index();
        self.tenant_metrics[cell].get_or_init(|| {
            let tenant = self.tenant(tenant).map_or("", |tenant| tenant.id.as_str());
            Box::new(metrics.of_tenant(tenant, &self.provider(provider).id))
        })
    }
}
