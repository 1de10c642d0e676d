//! The pool: one provider's accounts and keys, and who may use which of them now.
//!
//! It ties together what the other modules each decide alone: [`budget`](crate::budget) says what
//! an account has left, [`choose`](crate::choose) which account has most, [`breaker`](crate::breaker)
//! whether a key may be used, [`storm`](crate::storm) whether the provider can be asked at all,
//! [`waiting`](crate::waiting) who goes next, [`retry`](crate::retry) whether to try again.
//!
//! One pool per provider, `&mut self` throughout: the driver puts a lock around each. Calls cost
//! microseconds, nothing in here is shared between providers, and a lock per account would buy
//! nothing but torn decisions.

mod admit;
mod ask;
mod blame;
mod clock;
mod grant;
mod lane;
mod leases;
mod models;
mod pump;
mod settle;
mod spec;
mod standing;
mod twins;
mod view;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::breaker::Breaker;
use crate::dialect::Endpoint;
use crate::fault::Fault;
use crate::ids::{AccountId, KeyId, ModelId};
use crate::retry::{Attempts, Failure, Next, RetryBudget};
use crate::storm::Storm;
use crate::units::Time;

pub use self::ask::{
    Admission, Ask, Lease, Notice, Priority, Refusal, RefusalReason, RequestSize, Settlement,
    Ticket, Usage,
};
pub use self::spec::{AccountSpec, LimitSpec, PoolSpec};
pub use self::view::{AccountView, BucketView, KeyView, LaneView, PoolView};

use self::clock::Clock;
use self::lane::Lane;
use self::leases::Leases;
use self::models::Models;
use self::standing::{ACCOUNT_BACKOFF, KEY_BACKOFF};

/// Notices kept for a driver that does not fetch them.
const NOTICES_MAX: usize = 1_000;

/// One provider's pool. See the [crate documentation](crate) for who calls what, and when.
#[derive(Debug)]
pub struct Pool {
    spec: PoolSpec,
    clock: Clock,
    models: Models,
    lanes: Vec<Lane>,
    accounts: Vec<Account>,
    keys: Vec<Key>,
    storm: Storm,
    retry: RetryBudget,
    leases: Leases,
    draws: fastrand::Rng,
    decisions: VecDeque<(Ticket, Result<Lease, Refusal>)>,
    notices: VecDeque<Notice>,
    next_ticket: u64,
}

/// What concerns an account whatever the model.
#[derive(Debug)]
struct Account {
    keys: Vec<KeyId>,
    /// Open while it is out of money or disabled.
    standing: Breaker,
    fingerprint: Option<u64>,
}

/// What concerns a key whatever the model.
#[derive(Debug)]
struct Key {
    account: AccountId,
    /// Open while the provider rejects it.
    standing: Breaker,
}

impl Pool {
    /// A pool of these parts, of which nothing is known yet but what the policy file declares.
    pub fn new(spec: PoolSpec, now: Time) -> Self {
        let mut keys = Vec::new();
        let mut accounts = Vec::with_capacity(spec.accounts.len());
        for (index, account) in spec.accounts.iter().enumerate() {
            let id = AccountId(u32::try_from(index).expect("accounts are bounded"));
            let first = keys.len();
            keys.extend((0..account.keys).map(|_| Key {
                account: id,
                standing: Breaker::new(KEY_BACKOFF),
            }));
            accounts.push(Account {
                keys: (first..keys.len())
                    .map(|key| KeyId(u32::try_from(key).expect("keys are bounded")))
                    .collect(),
                standing: Breaker::new(ACCOUNT_BACKOFF),
                fingerprint: None,
            });
        }
        Self {
            clock: Clock::default(),
            models: Models::default(),
            lanes: Vec::new(),
            accounts,
            keys,
            storm: Storm::new(now),
            retry: RetryBudget::new(now, spec.retry),
            leases: Leases::default(),
            draws: fastrand::Rng::with_seed(spec.seed),
            decisions: VecDeque::new(),
            notices: VecDeque::new(),
            next_ticket: 0,
            spec,
        }
    }

    /// The handle of `name` at `endpoint`; an empty name for requests that name no model.
    pub fn model(&mut self, now: Time, name: &str, endpoint: Endpoint) -> ModelId {
        if let Some(known) = self.models.find(name, endpoint) {
            return known;
        }
        let now = self.clock.read(now);
        let (id, new_lane) = self.models.add(&self.spec, name, endpoint);
        if let Some(new_lane) = new_lane {
            let lane = Lane::new(now, &self.spec, self.keys.len(), new_lane);
            self.lanes.push(lane);
            for account in 0..self.accounts.len() {
                self.refresh(now, self.lanes.len() - 1, account);
            }
        }
        id
    }

    /// The account of a key.
    pub fn account_of(&self, key: KeyId) -> AccountId {
        self.keys[key.index()].account
    }

    /// How many accounts there are.
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// How many requests are on their way.
    pub fn in_flight(&self) -> usize {
        self.leases.len()
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.room.len()).sum()
    }

    /// After a fault before the first byte to the client: try again, or answer with what there
    /// is? To be asked once per settled attempt, with the key of its lease.
    pub fn next(&mut self, now: Time, attempts: &mut Attempts, key: KeyId, fault: &Fault) -> Next {
        let now = self.clock.read(now);
        attempts.made += 1;
        let failure = Failure {
            fault,
            key,
            account: self.account_of(key),
            in_storm: self.storm.is_raging(),
            draw: self.draws.f64(),
        };
        self.retry.next(now, attempts, &failure)
    }

    /// Time has passed: to be called at [`Self::next_wake`], at the latest.
    pub fn wake(&mut self, now: Time) {
        let now = self.clock.read(now);
        self.pump_all(now);
    }

    fn pump_all(&mut self, now: Time) {
        for lane in 0..self.lanes.len() {
            self.pump(now, lane);
        }
    }

    /// When something will change for someone who waits; `None` while nobody does.
    pub fn next_wake(&self, now: Time) -> Option<Time> {
        let now = self.clock.peek(now);
        let next = self
            .lanes
            .iter()
            .filter(|lane| !lane.room.is_empty())
            .filter_map(|lane| {
                let timer = lane.timers.peek().map(|timer| timer.0.0);
                [
                    lane.room.next_deadline(),
                    lane.room.next_not_before(now),
                    lane.fits_at,
                    timer,
                    self.storm.opens_at(now),
                ]
                .into_iter()
                .flatten()
                .min()
            })
            .min();
        next.map(|at| self.clock.outward(at))
    }

    /// The next decision about a waiting request, if one was made by the calls before.
    pub fn next_decision(&mut self) -> Option<(Ticket, Result<Lease, Refusal>)> {
        let (ticket, decision) = self.decisions.pop_front()?;
        Some((ticket, decision.map_err(|it| self.told(it))))
    }

    /// A refusal in the driver's time.
    fn told(&self, refusal: Refusal) -> Refusal {
        let not_until = refusal.not_until.map(|at| self.clock.outward(at));
        Refusal {
            not_until,
            ..refusal
        }
    }

    /// The next thing operators should hear of.
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    fn notify(&mut self, notice: Notice) {
        if self.notices.len() < NOTICES_MAX {
            self.notices.push_back(notice);
        }
    }
}
