//! A pool's parts, and what is asked of it as a whole.

use std::collections::VecDeque;

use keyweir_health::breaker::Breaker;
use keyweir_health::overload::OverloadGate;
use keyweir_health::retry_budget::{RetryBudget, RetryLimits};
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::ids::{AccountId, KeyId, ModelId, Ticket};
use keyweir_terms::time::Time;

use crate::ask::{Lease, Notice, Refusal};
use crate::clock::Clock;
use crate::group::QuotaGroup;
use crate::leases::Leases;
use crate::models::Models;
use crate::spec::PoolSpec;
use crate::standing::{ACCOUNT_BACKOFF, KEY_BACKOFF};

/// Notices kept for a driver that does not fetch them.
const NOTICES_MAX: usize = 1_000;

/// One provider's pool. See the [crate documentation](crate) for who calls what, and when.
#[derive(Debug)]
pub struct Pool {
    pub(crate) spec: PoolSpec,
    pub(crate) clock: Clock,
    pub(crate) models: Models,
    pub(crate) groups: Vec<QuotaGroup>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) keys: Vec<Key>,
    pub(crate) overload: OverloadGate,
    pub(crate) retry: RetryBudget,
    pub(crate) leases: Leases,
    pub(crate) draws: fastrand::Rng,
    pub(crate) decisions: VecDeque<(Ticket, Result<Lease, Refusal>)>,
    pub(crate) notices: VecDeque<Notice>,
    pub(crate) next_ticket: u64,
}

/// What concerns an account whatever the model.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) keys: Vec<KeyId>,
    /// Open while it is out of money or disabled.
    pub(crate) standing: Breaker,
    pub(crate) fingerprint: Option<u64>,
}

/// What concerns a key whatever the model.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) account: AccountId,
    /// Open while the provider rejects it.
    pub(crate) standing: Breaker,
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
            groups: Vec::new(),
            accounts,
            keys,
            overload: OverloadGate::new(now),
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
        let (id, new_group) = self.models.add(&self.spec, name, endpoint);
        if let Some(new_group) = new_group {
            let group = QuotaGroup::new(now, &self.spec, self.keys.len(), new_group);
            self.groups.push(group);
            for account in 0..self.accounts.len() {
                self.refresh(now, self.groups.len() - 1, account);
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
        self.groups.iter().map(|group| group.room.len()).sum()
    }

    /// The bounds on retrying.
    pub const fn retry_limits(&self) -> &RetryLimits {
        self.retry.limits()
    }

    /// Takes one retry of the pool's allowance, if there is one.
    pub fn spend_retry(&mut self, now: Time) -> bool {
        let now = self.clock.read(now);
        self.retry.spend(now)
    }

    /// Whether the provider is overloaded as a whole.
    pub fn is_overloaded(&self) -> bool {
        self.overload.is_active()
    }

    /// Jitter, in 0..1.
    pub fn draw(&mut self) -> f64 {
        self.draws.f64()
    }

    /// Time has passed: to be called at [`Self::next_wake`], at the latest.
    pub fn wake(&mut self, now: Time) {
        let now = self.clock.read(now);
        self.dispatch_all(now);
    }

    pub(crate) fn dispatch_all(&mut self, now: Time) {
        for group in 0..self.groups.len() {
            self.dispatch(now, group);
        }
    }

    /// When something will change for someone who waits; `None` while nobody does.
    pub fn next_wake(&self, now: Time) -> Option<Time> {
        let now = self.clock.peek(now);
        let next = self
            .groups
            .iter()
            .filter(|group| !group.room.is_empty())
            .filter_map(|group| {
                let timer = group.timers.peek().map(|timer| timer.0.0);
                [
                    group.room.next_deadline(),
                    group.room.next_not_before(now),
                    group.fits_at,
                    timer,
                    self.overload.opens_at(now),
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
    pub(crate) fn told(&self, refusal: Refusal) -> Refusal {
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

    pub(crate) fn notify(&mut self, notice: Notice) {
        if self.notices.len() < NOTICES_MAX {
            self.notices.push_back(notice);
        }
    }
}
