//! What all requests share: the policy in force, and what the process keeps over policies.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, Guard};
use keyweir_policy::config::file::{GatewaySettings, Policy};
use keyweir_policy::config::secret::ClientKeys;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::terms::table::Table;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::downstream::shares::{Share, Shares};
use crate::downstream::strangers::Strangers;
use crate::runtime::clock::Clock;
use crate::runtime::ledger::Ledger;
use crate::runtime::lifecycle::{Lifecycle, Running};
use crate::runtime::live::{Live, Next};
use crate::runtime::policy_status::PolicyStatus;
use crate::runtime::provider::{Making, ProviderError};
use crate::runtime::replicas::Counted;
use crate::runtime::roots::Roots;
use crate::runtime::secrets::Secrets;
use crate::runtime::shared::Shared;
use crate::runtime::tenancy::Tenancy;
use crate::runtime::tokens::Tokens;
use crate::telemetry::access_log::{AccessLog, Target};
use crate::telemetry::events::Events;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::recent::Recent;
use crate::telemetry::traces::Traces;
use crate::upstream::RootsError;

/// The gateway.
pub struct Gateway {
    pub(crate) clock: Clock,
    live: ArcSwap<Live>,
    /// Another policy has come into force.
    replaced: Notify,
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
    /// Whether they hear of one another.
    pub(crate) shared: Shared,
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

/// The settings in force, for who has no request yet. Not to be held for long.
pub(crate) struct Settings(Guard<Arc<Live>>);

impl Deref for Settings {
    type Target = GatewaySettings;

    fn deref(&self) -> &GatewaySettings {
        self.0.settings()
    }
}

/// A request counts as in flight, until this is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
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
    #[error(
        "the access log {0} cannot be opened: {1}; name a file that can be written to with --access-log FILE, or \
         stdout, or off"
    )]
    AccessLog(Target, std::io::Error),
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
        let access_log =
            AccessLog::open(log).map_err(|error| GatewayError::AccessLog(log.clone(), error))?;
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
            of_redis: secrets.of_redis.clone(),
        };
        let gateway = Self {
            clock,
            live: ArcSwap::from_pointee(Live::new(next, &metrics, clock, Arc::default())),
            replaced: Notify::new(),
            strangers: Strangers::new(0, 0),
            places: Shares::new(0, 0, 0),
            bodies: Shares::new(0, 0, 0),
            metrics,
            tenancy: Tenancy::new(clock),
            ledger: OnceLock::new(),
            replicas,
            shared: Shared::default(),
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
        let before = self.live.swap(live);
        self.replaced.notify_waiters();
        before
    }

    /// Resolves when the next policy comes into force after this was called.
    pub(crate) fn replaced(&self) -> Notified<'_> {
        self.replaced.notified()
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

    /// Counts a request of `tenant` as in flight, unless it would be one too many.
    pub(crate) fn in_flight(&self, tenant: TenantId) -> Option<InFlight> {
        let mut share = self.places.share(tenant);
        share.grow(1).then(|| InFlight {
            _share: share,
            _running: self.lifecycle.enter(),
        })
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
