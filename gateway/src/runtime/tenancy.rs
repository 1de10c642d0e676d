//! What tenants have used and spent: the policy core's meters behind a lock, and what the ledger has
//! yet to write down.
//!
//! One lock for all tenants: a group's members share its budgets, and a call takes a microsecond.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use keyweir_policy::config::file::Policy;
use keyweir_policy::config::tenancy_spec::tenancy_spec;
use keyweir_policy::tenancy::lack::{Lack, Overspent};
use keyweir_policy::tenancy::meters::Meters;
use keyweir_policy::tenancy::period::Wall;
use keyweir_policy::tenancy::report::{Heard, RowReport};
use keyweir_policy::tenancy::request::{Asked, Cost, Moment, Reserved, Standing, Used};
use keyweir_policy::tenancy::sums::Sums;
use keyweir_policy::tenancy::tally::{SpenderIds, Tally, Totals};
use keyweir_policy::terms::id_map::IdMap;
use keyweir_policy::terms::ids::{ProviderId, TenantId};
use keyweir_policy::terms::name_map::NameMap;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::runtime::clock::Clock;
use crate::runtime::tenants_waiting::TenantsWaiting;
use crate::runtime::turnstiles::Turnstiles;
use crate::telemetry::metrics::{ModelMetrics, TenancyMetrics};

/// All tenants' meters.
pub(crate) struct Tenancy {
    clock: Clock,
    state: Mutex<State>,
    /// Who waits for others of its tenant to end.
    pub(crate) turnstiles: Turnstiles,
    /// Who waits for that, or for anything else of its tenant.
    pub(crate) waiting: TenantsWaiting,
    /// Changes when the ledger was written, or could not be.
    written: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    meters: Meters,
    tally: Tally,
    /// Held counters, by tenant and by the model's price. Made anew with each policy.
    counters: IdMap<(TenantId, Option<u32>), Arc<ModelMetrics>>,
    /// Has what was spent written down.
    write: Option<Box<dyn Fn() + Send>>,
}

/// A request that has ended.
pub(crate) struct Ended {
    pub(crate) reserved: Option<Reserved>,
    pub(crate) spender: SpenderIds,
    pub(crate) used: Used,
}

/// What is to be written down.
pub(crate) struct Spent {
    /// By who spent it.
    pub(crate) spenders: NameMap<SpenderIds, Totals>,
    /// Of budgets, by their keys: in all.
    pub(crate) budgets: Vec<(String, Sums)>,
}

impl Tenancy {
    /// Nothing is spent yet, and nobody bounded.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
            turnstiles: Turnstiles::default(),
            waiting: TenantsWaiting::default(),
            written: watch::Sender::default(),
        }
    }

    /// From now on `policy` holds.
    pub(crate) fn configure(&self, policy: &Policy) {
        let spec = tenancy_spec(policy);
        let mut state = self.state.lock();
        let at = self.moment();
        state.meters.configure(at, &spec);
        state.counters.clear();
    }

    /// Reserves what a request is expected to take; `None`: nothing bounds it.
    ///
    /// # Errors
    /// If it does not fit.
    pub(crate) fn reserve(&self, asked: &Asked<'_>) -> Result<Option<Reserved>, Box<Lack>> {
        let mut state = self.state.lock();
        if !state.meters.is_bounded(asked.tenant) {
            return Ok(None);
        }
        let at = self.moment();
        let reserved = state.meters.reserve(at, asked);
        state.write_if_due();
        reserved
    }

    /// What a request holds, it holds from now on of what bounds this model of this provider.
    ///
    /// # Errors
    /// If that does not fit at once; it goes on holding what it held.
    pub(crate) fn reroute(
        &self,
        reserved: &mut Reserved,
        to: (ProviderId, &str),
    ) -> Result<(), Box<Lack>> {
        let mut state = self.state.lock();
        let at = self.moment();
        state.meters.reroute(at, reserved, to)
    }

    /// What has become of what a request for `model` holds while it waits.
    pub(crate) fn standing(&self, reserved: &Reserved, model: &str) -> Standing {
        self.state.lock().meters.standing(reserved, model)
    }

    /// Whether `tenant` is one of the policy in force.
    pub(crate) fn has(&self, tenant: TenantId) -> bool {
        self.state.lock().meters.has(tenant)
    }

    /// Gives back what was reserved for a request of which nothing was sent.
    pub(crate) fn give_back_unused(&self, reserved: Reserved) {
        let mut state = self.state.lock();
        let at = self.moment();
        state.meters.give_back_unused(at, reserved);
        drop(state);
        self.turnstiles.tell_ended();
    }

    /// Why a request would be refused now; `None`: it would not. Takes nothing.
    pub(crate) fn would_refuse(&self, asked: &Asked<'_>) -> Option<Box<Lack>> {
        let mut state = self.state.lock();
        let at = self.moment();
        state.meters.would_refuse(at, asked)
    }

    /// Settles a request that has ended, and counts what it cost, for a tenant of this name.
    pub(crate) fn settle(&self, ended: Ended, name: &str, metrics: &TenancyMetrics) -> Cost {
        let Ended {
            reserved,
            spender,
            used,
        } = ended;
        let mut state = self.state.lock();
        let at = self.moment();
        let is_bounded = reserved.is_some();
        let (tenant, provider) = (spender.tenant, spender.provider);
        let served = (provider, spender.model.as_str());
        let cost = state.meters.settle(at, reserved, served, used);
        if !cost.usage.is_empty() {
            let label = state.meters.label(cost.listed);
            let fresh = || Arc::new(metrics.of_model(name, label));
            let counters = match state.counters.get(&(tenant, cost.listed)) {
                Some(counters) => Arc::clone(counters),
                None => {
                    let fresh = fresh();
                    let key = (tenant, cost.listed);
                    state.counters.insert(key, Arc::clone(&fresh));
                    fresh
                }
            };
            counters.add(&cost);
            let is_unlisted = cost.listed.is_none();
            let totals = Totals::of(&cost.usage, cost.money, is_unlisted);
            let day = at.wall.day();
            state.tally.add(SpenderIds { day, ..spender }, &totals);
        }
        if is_bounded {
            state.write_if_due();
            self.turnstiles.tell_ended();
            while let Some(over) = state.meters.next_overspent(tenant) {
                warn(&over);
            }
        }
        cost
    }

    /// From now on what is taken of hard budgets is written down before; `write` is called where that is to
    /// be at once: under the lock.
    pub(crate) fn write_with(&self, write: Box<dyn Fn() + Send>) {
        let mut state = self.state.lock();
        state.write = Some(write);
        state.meters.write_ahead();
    }

    /// Nothing more will be taken.
    pub(crate) fn ends(&self) {
        self.state.lock().meters.ends();
    }

    /// What was spent, as of the last call of [`Self::take_spent`], is written down, or cannot be.
    pub(crate) fn written(&self, is_written: bool) {
        self.state.lock().meters.written(is_written);
        let _ = self.written.send(());
    }

    /// Changes when the ledger is written, or cannot be.
    pub(crate) fn writes(&self) -> watch::Receiver<()> {
        self.written.subscribe()
    }

    /// What was spent since the last call: by spender, and of budgets.
    pub(crate) fn take_spent(&self) -> Spent {
        let mut state = self.state.lock();
        Spent {
            spenders: state.tally.take(),
            budgets: state.meters.take_changed(),
        }
    }

    /// What the other gateways are to hear.
    pub(crate) fn report(&self) -> Vec<RowReport> {
        let mut state = self.state.lock();
        let at = self.moment();
        state.meters.report(at)
    }

    /// The other gateways say this.
    pub(crate) fn hear(&self, heard: &Heard<'_>) {
        let mut state = self.state.lock();
        let at = self.moment();
        state.meters.hear(at, heard);
    }

    /// Lets `f` see the meters, and what a wall clock shows.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Meters, Wall) -> R) -> R {
        let mut state = self.state.lock();
        f(&mut state.meters, wall())
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.clock.now(),
            wall: wall(),
        }
    }
}

impl State {
    fn write_if_due(&mut self) {
        if self.meters.is_due()
            && let Some(write) = &self.write
        {
            write();
        }
    }
}

fn warn(over: &Overspent) {
    match over.percent {
        100.. => tracing::warn!("a soft budget is spent: {over}"),
        _ => tracing::warn!("a budget is spent as far as it warns: {over}"),
    }
}

/// What a wall clock shows.
pub(crate) fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.unwrap_or_default().as_micros();
    Wall(i64::try_from(micros).unwrap_or(i64::MAX))
}
