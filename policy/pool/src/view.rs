//! The pool as operators see it: a copy of what it knows at one moment, for status pages,
//! metrics and the demo.

use std::time::Duration;

use crate::pool::Pool;
use keyweir_health::breaker::BreakerState;
use keyweir_terms::amount::Dimension;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

/// A pool.
#[derive(Clone, Debug)]
pub struct PoolView {
    /// Whether the provider is overloaded as a whole.
    pub is_overloaded: bool,
    /// Requests on their way.
    pub in_flight: usize,
    /// Its groups.
    pub groups: Vec<GroupView>,
    /// Its keys, whatever the model.
    pub keys: Vec<KeyView>,
    /// Its accounts' standing, by [`AccountId`].
    pub account_states: Vec<BreakerState>,
}

/// One model group at one kind of endpoint.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// The kind of endpoint.
    pub endpoint: Endpoint,
    /// The model group; empty for requests that name no model.
    pub group: String,
    /// Requests that wait.
    pub waiting: usize,
    /// Bytes of body they hold.
    pub waiting_bytes: u64,
    /// Accounts, in the order of their handles.
    pub accounts: Vec<AccountView>,
    /// Breakers by key, in the order of their handles.
    pub breakers: Vec<BreakerState>,
    /// How long each key still rests, be it for itself or with its account; in the same order.
    /// Zero for keys that serve, and for those whose trial is under way.
    pub rests: Vec<Duration>,
}

/// One account in one group.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// Open leases.
    pub in_flight: u32,
    /// How long it is still left alone after a refusal.
    pub cooldown: Duration,
    /// Its buckets with known limits.
    pub buckets: Vec<BucketView>,
}

/// One bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BucketView {
    /// What it meters.
    pub dimension: Dimension,
    /// Limit per minute.
    pub limit_per_minute: f64,
    /// The most it saves up.
    pub burst: f64,
    /// What is believed to be left.
    pub level: f64,
    /// What open leases have yet to be charged.
    pub pending: f64,
    /// What others are believed to use, per second.
    pub external_per_sec: f64,
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// Which.
    pub key: KeyId,
    /// Its account.
    pub account: AccountId,
    /// Open: the provider rejects it.
    pub standing: BreakerState,
    /// Requests on their way with it.
    pub in_flight: u32,
}

impl Pool {
    /// A copy of what is known now. Costs time and memory in proportion to groups × accounts.
    pub fn view(&self, now: Time) -> PoolView {
        let now = self.clock.peek(now);
        PoolView {
            is_overloaded: self.overload.is_active(),
            in_flight: self.leases.len(),
            groups: (0..self.groups.len())
                .map(|group| self.view_group(now, group))
                .collect(),
            keys: self
                .keys
                .iter()
                .enumerate()
                .map(|(index, key)| KeyView {
                    key: KeyId(u32::try_from(index).expect("keys are bounded")),
                    account: key.account,
                    standing: key.standing.state(now),
                    in_flight: key.standing.in_flight(),
                })
                .collect(),
            account_states: self
                .accounts
                .iter()
                .map(|account| account.standing.state(now))
                .collect(),
        }
    }

    fn rest(&self, now: Time, group: usize, index: usize) -> Duration {
        let key = &self.keys[index];
        let until = [
            key.standing.opens_at(now),
            self.accounts[key.account.index()].standing.opens_at(now),
            self.groups[group].breakers[index].opens_at(now),
        ];
        let last = until.into_iter().flatten().max();
        last.map_or(Duration::ZERO, |until| until.since(now))
    }

    fn view_group(&self, now: Time, group: usize) -> GroupView {
        let rests = (0..self.keys.len())
            .map(|key| self.rest(now, group, key))
            .collect();
        let group = &self.groups[group];
        let accounts = group.accounts.iter().map(|account| AccountView {
            in_flight: account.budget.in_flight(),
            cooldown: account.cooldown_until.since(now),
            buckets: Dimension::ALL
                .into_iter()
                .filter_map(|dimension| {
                    let bucket = account.budget.bucket(dimension);
                    Some(BucketView {
                        dimension,
                        limit_per_minute: bucket.limit_per_minute()?,
                        burst: bucket.burst(),
                        level: bucket.level(now),
                        pending: account.budget.pending(dimension),
                        external_per_sec: bucket.external_per_sec(),
                    })
                })
                .collect(),
        });
        GroupView {
            endpoint: group.endpoint,
            group: group.name.clone(),
            waiting: group.room.len(),
            waiting_bytes: group.room.bytes(),
            accounts: accounts.collect(),
            breakers: group
                .breakers
                .iter()
                .map(|breaker| breaker.state(now))
                .collect(),
            rests,
        }
    }
}
