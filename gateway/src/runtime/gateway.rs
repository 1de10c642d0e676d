//! What all requests share: the policy in force, and what the process keeps over policies.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, Guard};
use keyweir_policy::config::file::{GatewaySettings, Policy, Tenant};
use keyweir_policy::config::secret::{ClientKeys, ProviderSecret};
use keyweir_policy::exchange::holders::{Held, Holders};
use keyweir_policy::exchange::ownership::{self, Hidden, Known, Named, Sight};
use keyweir_policy::exchange::seek::Holder;
use keyweir_policy::tenancy::sharing::Circles;
use keyweir_policy::terms::ids::{ProviderId, TenantId};
use keyweir_policy::terms::table::Table;
use parking_lot::{Mutex, MutexGuard};

use crate::downstream::proxies::Proxies;
use crate::downstream::shares::{Share, Shares};
use crate::downstream::strangers::Strangers;
use crate::runtime::clock::Clock;
use crate::runtime::ledger::Ledger;
use crate::runtime::lifecycle::{Lifecycle, Running};
use crate::runtime::policy_status::PolicyStatus;
use crate::runtime::provider::{Making, Provider, ProviderError};
use crate::runtime::replicas::Counted;
use crate::runtime::roots::Roots;
use crate::runtime::secrets::Secrets;
use crate::runtime::tenancy::Tenancy;
use crate::runtime::tokens::Tokens;
use crate::telemetry::access_log::{AccessLog, Target};
use crate::telemetry::events::Events;
use crate::telemetry::metrics::{Metrics, ProviderMetrics, TenantMetrics};
use crate::telemetry::recent::Recent;
use crate::telemetry::traces::Traces;
use crate::upstream::{RootsError, Upstream};

/// The gateway.
pub struct Gateway {
    pub(crate) clock: Clock,
    live: ArcSwap<Live>,
    /// Connections on which no client key was shown yet.
    pub(crate) strangers: Arc<Strangers>,
    /// Places of requests.
    places: Arc<Shares>,
    /// Bytes of bodies.
    pub(crate) bodies: Arc<Shares>,
    pub(crate) metrics: Metrics,
    /// What tenants have used and spent.
    pub(crate) tenancy: Tenancy,
    /// Where that is kept, if it is.
    pub(crate) ledger: OnceLock<Ledger>,
    /// How many gateways there are.
    pub(crate) replicas: Counted,
    pub(crate) access_log: AccessLog,
    pub(crate) lifecycle: Arc<Lifecycle>,
    /// How the policy came into force, and what is wrong with the one that would follow.
    pub(crate) policy_status: Mutex<PolicyStatus>,
    /// What operators should know of.
    pub(crate) events: Arc<Events>,
    /// What became of the last requests.
    pub(crate) recent: ArcSwap<Recent>,
    pub(crate) traces: Traces,
}

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
    holders: Arc<Mutex<Holders>>,
    pub(crate) roots: Roots,
    /// What operators have to show, if anything.
    pub(crate) admin_token: Option<ProviderSecret>,
}

/// What a policy comes into force with.
pub(crate) struct Next {
    pub(crate) policy: Policy,
    pub(crate) client_keys: ClientKeys,
    pub(crate) tokens: Tokens,
    pub(crate) providers: Table<ProviderId, Provider>,
    pub(crate) roots: Roots,
    pub(crate) admin_token: Option<ProviderSecret>,
}

/// The settings in force, for who has no request yet. Not to be held for long.
pub(crate) struct Settings(Guard<Arc<Live>>);

impl Deref for Settings {
    type Target = GatewaySettings;

    fn deref(&self) -> &GatewaySettings {
        self.0.settings()
    }
}

/// A request's place among those that run, until dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _share: Share,
    _running: Running,
}

/// Why the gateway cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A provider cannot be reached as the policy says.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// There is nothing to verify certificates against.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The access log cannot be opened.
    #[error("the access log cannot be opened: {0}")]
    AccessLog(std::io::Error),
}

/// The tenant of requests where the policy has none: everybody is welcome on loopback. No tenant of a
/// later policy has this id: theirs are rows of a table, which is bounded far below.
pub(crate) const ANYBODY: TenantId = TenantId(u32::MAX);

/// Whose the client keys are that `secrets` found, and until when.
pub(crate) fn client_keys(secrets: &Secrets, policy: &Policy) -> ClientKeys {
    let tenants = policy.tenants.values();
    let expire = tenants.flat_map(|tenant| tenant.client_keys_expire.iter().copied());
    ClientKeys::new(secrets.client_keys.iter().copied()).expiring(expire)
}

impl Gateway {
    /// A gateway for `policy`, with these `secrets`; relative paths start at `folder`. Must be called
    /// on a runtime.
    ///
    /// # Errors
    /// If roots or the log are not there.
    pub(crate) fn new(
        policy: Policy,
        secrets: &Secrets,
        folder: &Path,
        log: &Target,
        replicas: Counted,
    ) -> Result<Arc<Self>, GatewayError> {
        let clock = Clock::start();
        let events = Arc::default();
        let metrics = Metrics::new();
        let access_log = AccessLog::open(log).map_err(GatewayError::AccessLog)?;
        let mut roots = Roots::after(&Roots::default(), &policy, folder)?;
        let mut making = Making {
            policy: &policy,
            secrets: &secrets.of_keys,
            roots: &mut roots,
            clock,
            events: &events,
        };
        let prepared = making.all(&Table::default())?;
        let mut providers = Table::default();
        for (id, prepared) in prepared {
            providers.insert(id, prepared.provider);
        }
        let next = Next {
            client_keys: client_keys(secrets, &policy),
            tokens: Tokens::after(&Tokens::default(), &policy, folder),
            policy,
            providers,
            roots,
            admin_token: secrets.admin_token.clone(),
        };
        let gateway = Self {
            clock,
            live: ArcSwap::from_pointee(Live::new(next, &metrics, clock, Arc::default())),
            strangers: Strangers::new(0, 0),
            places: Shares::new(0, 0, 0),
            bodies: Shares::new(0, 0, 0),
            metrics,
            tenancy: Tenancy::new(clock),
            ledger: OnceLock::new(),
            replicas,
            access_log,
            lifecycle: Arc::default(),
            policy_status: Mutex::default(),
            events,
            recent: ArcSwap::from_pointee(Recent::new(0)),
            traces: Traces::default(),
        };
        let live = gateway.live();
        gateway.bound(&live.policy);
        gateway.tenancy.configure(&live.policy);
        Ok(Arc::new(gateway))
    }

    /// From now on `next` is the policy in force. Returns the one that was.
    pub(crate) fn replace(&self, next: Next) -> Arc<Live> {
        let holders = Arc::clone(&self.live().holders);
        let live = Arc::new(Live::new(next, &self.metrics, self.clock, holders));
        self.bound(&live.policy);
        self.tenancy.configure(&live.policy);
        self.live.swap(live)
    }

    /// From now on the bounds of `policy` hold.
    fn bound(&self, policy: &Policy) {
        let (limits, tenants) = (&policy.gateway.limits, policy.tenants.len());
        if self.recent.load().len() != limits.recent_requests_max {
            let recent = Recent::new(limits.recent_requests_max);
            self.recent.store(Arc::new(recent));
        }
        self.traces.aim(policy.gateway.traces.endpoint.as_deref());
        self.places.bound(
            limits.requests_in_flight_max as u64,
            limits.requests_in_flight_per_tenant_max as u64,
            tenants,
        );
        self.bodies.bound(
            limits.body_bytes_held_max,
            limits.body_bytes_held_per_tenant_max,
            tenants,
        );
        self.strangers.bound(
            limits.unauthenticated_connections_max,
            limits.unauthenticated_connections_per_address_max,
        );
    }

    /// A place for a request of `tenant`, unless it would be one too many.
    pub(crate) fn place(&self, tenant: TenantId) -> Option<Place> {
        let mut share = self.places.share(tenant);
        share.grow(1).then(|| Place {
            _share: share,
            _running: self.lifecycle.enter(),
        })
    }

    /// Whether `tenant` is none of the policy in force any more.
    pub(crate) fn has_revoked(&self, tenant: TenantId) -> bool {
        tenant != ANYBODY && self.live.load().tenant(tenant).is_none()
    }

    /// The policy in force.
    pub(crate) fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// The settings in force, for who has no request yet.
    pub(crate) fn settings(&self) -> Settings {
        Settings(self.live.load())
    }

    /// Whether requests are taken, and how many run.
    pub fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }
}

impl Live {
    fn new(next: Next, metrics: &Metrics, clock: Clock, holders: Arc<Mutex<Holders>>) -> Self {
        let Next {
            policy,
            client_keys,
            tokens,
            providers,
            roots,
            admin_token,
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

    /// One provider.
    pub(crate) fn provider(&self, id: ProviderId) -> &Provider {
        &self.providers[id]
    }

    /// Who holds what a request of `tenant` names.
    ///
    /// # Errors
    /// If any of it is not there for the tenant.
    pub(crate) fn look_up(&self, tenant: TenantId, named: Named<'_>) -> Result<Known, Hidden> {
        if named.resource.is_none() && named.references.is_empty() {
            return Ok(Known::default());
        }
        self.with_sight(tenant, |sight| {
            ownership::look_up(&mut self.holders(), named, sight)
        })
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
