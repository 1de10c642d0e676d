//! One model group at one kind of endpoint: every account's budget for it, every key's breaker,
//! and who waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::ask::Ask;
use crate::attempts::Attempts;
use crate::models::NewGroup;
use crate::spec::{AccountSpec, PoolSpec};
use keyweir_health::backoff::Backoff;
use keyweir_health::breaker::{Breaker, OPEN_BACKOFF};
use keyweir_queue::waiting_room::WaitingRoom;
use keyweir_quota::bucket::Bucket;
use keyweir_quota::budget::{Budget, Charge};
use keyweir_quota::estimate::Estimates;
use keyweir_select::affinity::Affinity;
use keyweir_select::headroom::HeadroomIndex;
use keyweir_terms::amount::Dimension;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::ids::AccountId;
use keyweir_terms::time::Time;

/// How long an account is left alone when it refuses and does not say for how long.
const REFUSAL_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(1000),
    cap: Duration::from_secs(60),
};
/// The longest cooldown that is believed; providers' longest windows are a day.
const COOLDOWN_MAX: Duration = Duration::from_secs(86_400);
/// How long the sum of all refills is taken as unchanged.
const CAPACITY_AGE_MAX: Duration = Duration::from_millis(500);
/// What a request costs in seconds where no limit is known: fairness then counts requests.
const COST_MIN_SECS: f64 = 1e-4;

#[derive(Debug)]
pub(crate) struct QuotaGroup {
    pub(crate) endpoint: Endpoint,
    pub(crate) name: String,
    pub(crate) accounts: Vec<GroupAccount>,
    /// By key.
    pub(crate) breakers: Vec<Breaker>,
    pub(crate) headroom: HeadroomIndex,
    pub(crate) room: WaitingRoom<Waiting>,
    pub(crate) estimates: Estimates,
    pub(crate) affinity: Affinity,
    /// When a closed account may be open again, or (`None`) when a waiter's circumstances change.
    pub(crate) timers: BinaryHeap<Reverse<(Time, Option<AccountId>)>>,
    /// When someone who waits will fit, as of the last look.
    pub(crate) fits_at: Option<Time>,
    capacity: [f64; Dimension::COUNT],
    capacity_at: Option<Time>,
}

/// An account as this group sees it.
#[derive(Debug)]
pub(crate) struct GroupAccount {
    pub(crate) budget: Budget,
    pub(crate) cooldown_until: Time,
    /// Unexplained refusals since the last success, and when the last one took effect.
    refusals: u32,
    refused_at: Time,
    /// The latest timer set for it.
    pub(crate) timer: Time,
}

/// What is kept with a waiter.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) ask: Ask,
    pub(crate) charge: Charge,
    pub(crate) attempts: Attempts,
}

impl QuotaGroup {
    pub(crate) fn new(now: Time, spec: &PoolSpec, keys: usize, new: NewGroup) -> Self {
        let accounts = spec
            .accounts
            .iter()
            .map(|account| GroupAccount {
                budget: Budget::new(start_buckets(now, spec, account, &new)),
                cooldown_until: Time::ZERO,
                refusals: 0,
                refused_at: Time::ZERO,
                timer: Time::ZERO,
            })
            .collect();
        Self {
            endpoint: new.endpoint,
            name: new.name,
            accounts,
            breakers: vec![Breaker::new(OPEN_BACKOFF); keys],
            headroom: HeadroomIndex::new(spec.accounts.len()),
            room: WaitingRoom::default(),
            estimates: Estimates::default(),
            affinity: Affinity::default(),
            timers: BinaryHeap::new(),
            fits_at: None,
            capacity: [0.0; Dimension::COUNT],
            capacity_at: None,
        }
    }

    /// Seconds of the whole group's refill that `charge` takes, in the dimension it takes most of.
    pub(crate) fn cost_secs(&mut self, now: Time, charge: &Charge) -> f64 {
        self.look_at_capacity(now);
        (0..Dimension::COUNT)
            .filter(|d| self.capacity[*d] > 0.0)
            .map(|d| charge.total(d) / self.capacity[d])
            .fold(COST_MIN_SECS, f64::max)
    }

    fn look_at_capacity(&mut self, now: Time) {
        let is_fresh = |at: Time| now.since(at) < CAPACITY_AGE_MAX && at <= now;
        if self.capacity_at.is_some_and(is_fresh) {
            return;
        }
        self.capacity_at = Some(now);
        self.capacity = std::array::from_fn(|dimension| {
            self.accounts
                .iter()
                .map(|account| {
                    account
                        .budget
                        .bucket(Dimension::ALL[dimension])
                        .refill_own()
                })
                .sum()
        });
    }

    pub(crate) fn set_timer(&mut self, at: Time, account: AccountId) {
        let timer = &mut self.accounts[account.index()].timer;
        if *timer != at {
            *timer = at;
            self.timers.push(Reverse((at, Some(account))));
        }
    }
}

impl GroupAccount {
    /// The provider refused for want of budget. Its word counts where it gives one; where neither
    /// a wait nor its headers explain the refusal, ours grows from refusal to refusal.
    pub(crate) fn cool_down(
        &mut self,
        now: Time,
        granted: Time,
        wait: Option<Duration>,
        explained: bool,
        draw: f64,
    ) {
        let wait = match wait {
            Some(wait) => wait.min(COOLDOWN_MAX),
            None if explained => Duration::ZERO,
            None if granted < self.refused_at => return,
            None => {
                let backoff = REFUSAL_BACKOFF.after(self.refusals, draw);
                self.refusals = self.refusals.saturating_add(1);
                self.refused_at = now;
                backoff
            }
        };
        self.cooldown_until = self.cooldown_until.max(now + wait);
    }

    /// A success that was granted after the last refusal: the refusals are over.
    pub(crate) fn recovered(&mut self, granted: Time) {
        if granted >= self.refused_at {
            self.refusals = 0;
        }
    }
}

fn start_buckets(
    now: Time,
    spec: &PoolSpec,
    account: &AccountSpec,
    new: &NewGroup,
) -> [Bucket; Dimension::COUNT] {
    let limit = match new.endpoint {
        Endpoint::Inference => spec.group_limit(account, &new.name, new.declared),
        _ => None,
    };
    std::array::from_fn(|dimension| {
        limit
            .and_then(|limit| Some((limit.per_minute[dimension]?, limit.burst_secs)))
            .map_or_else(
                || Bucket::unknown(now),
                |(per_minute, burst_secs)| Bucket::declared(now, per_minute, burst_secs),
            )
    })
}
