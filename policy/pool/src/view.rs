//! The pool as operators see it: a copy of what it knows at one moment, for status pages,
//! metrics and the demo.

use std::time::Duration;

use keyweir_health::breaker::BreakerState;
use keyweir_queue::waiting_room::WaitingLine;
use keyweir_terms::amount::Dimension;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

use crate::ask::Notice;
use crate::group::{GroupAccount, QuotaGroup};
use crate::members::Members;
use crate::outage::{CooldownFrom, Outage};
use crate::pool::Pool;
use crate::standing::Standing;

/// A pool.
#[derive(Clone, Debug)]
pub struct PoolView {
    /// Whether the provider is overloaded as a whole.
    pub is_overloaded: bool,
    /// Requests on their way.
    pub in_flight: usize,
    /// Retries that the retry budget did not allow, since the start.
    pub retries_denied: u64,
    /// Its groups.
    pub groups: Vec<GroupView>,
    /// Its keys, whatever the model.
    pub keys: Vec<KeyView>,
    /// Its accounts, whatever the model.
    pub accounts: Vec<StandingView>,
}

/// One quota group at one kind of endpoint.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// The kind of endpoint.
    pub endpoint: Endpoint,
    /// Its name; empty for requests that name no model.
    pub group: String,
    /// Requests that wait.
    pub waiting: usize,
    /// Bytes of body they hold.
    pub waiting_bytes: u64,
    /// Those who wait, by class and tenant.
    pub lines: Vec<WaitingLine>,
    /// Its accounts, in the order of their ids.
    pub accounts: Vec<AccountView>,
    /// Its keys, in the order of their ids.
    pub keys: Vec<GroupKeyView>,
}

/// An account, whatever the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandingView {
    /// Which.
    pub account: AccountId,
    /// Open: it is out of money or disabled, or held.
    pub standing: BreakerState,
    /// An operator holds it.
    pub is_held: bool,
    /// What speaks against it.
    pub outage: Option<Outage>,
    /// The account that it turned out to be, and that has its keys.
    pub same_as: Option<AccountId>,
}

/// One key in one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupKeyView {
    /// Which.
    pub key: KeyId,
    /// Its breaker for this group.
    pub breaker: BreakerState,
    /// What opened it, while it is not closed.
    pub outage: Option<Outage>,
    /// How long a breaker still keeps it out: its own, or its or its account's standing. Zero for
    /// keys that serve, and for those whose probe is due or under way.
    pub opens_in: Duration,
}

/// One account in one group.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// Which.
    pub account: AccountId,
    /// Open leases.
    pub in_flight: u32,
    /// How long it is still left alone after a refusal.
    pub cooldown: Duration,
    /// Where its length comes from.
    pub cooldown_from: CooldownFrom,
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
    /// What of it is free for another request, surely: what open leases have yet to be charged is
    /// taken off as if it were charged now. Never negative.
    pub free: f64,
    /// What open leases have yet to be charged.
    pub pending: f64,
    /// What is kept for some tenants; others may not have it.
    pub reserved: f64,
    /// What was spent in the last minute.
    pub spent_per_minute: f64,
    /// What others are believed to have used in the last minute, per second.
    pub external_per_sec: f64,
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// Which.
    pub key: KeyId,
    /// Its account.
    pub account: AccountId,
    /// Open: the provider rejects it, or it is held.
    pub standing: BreakerState,
    /// An operator holds it.
    pub is_held: bool,
    /// What speaks against it, whatever the model.
    pub outage: Option<Outage>,
    /// What it does: open where the provider rejects it, or its breaker is open for some group; half
    /// open while either is probed.
    pub state: BreakerState,
    /// What its account does; unless that is closed, no key of it serves.
    pub of_account: BreakerState,
    /// An operator holds its account.
    pub is_account_held: bool,
    /// What speaks against its account.
    pub account_outage: Option<Outage>,
    /// Requests on their way with it.
    pub in_flight: u32,
}

impl BucketView {
    /// The share of the limit that was used in the last minute, by ourselves and, as far as that is
    /// believed, by others. May exceed one.
    pub fn utilization(&self) -> f64 {
        if self.limit_per_minute > 0.0 {
            (self.spent_per_minute + 60.0 * self.external_per_sec) / self.limit_per_minute
        } else {
            0.0
        }
    }
}

impl Pool {
    /// A copy of what is known now. Costs time and memory in proportion to groups × accounts.
    pub fn view(&self, now: Time) -> PoolView {
        let now = self.clock.peek(now);
        let members = &self.shared.members;
        // What a policy removed is there as long as it carries something.
        let is_there = |account: AccountId, in_flight: u32| {
            in_flight > 0 || self.spec.accounts.get(account).is_some()
        };
        let keys = members.keys();
        let keys = keys.filter(|(id, key)| members.lists(*id) || key.standing.in_flight() > 0);
        let keys = keys.map(|(id, key)| {
            let account = members.account(members.merged(key.account));
            let account = account.map(|account| &account.standing);
            KeyView {
                key: id,
                account: key.account,
                standing: key.standing.state(now),
                is_held: key.standing.is_held(),
                outage: self.outward(key.standing.outage(now)),
                state: self.state_of(now, id, key.standing.shown(now)),
                of_account: account.map_or(BreakerState::Closed, |it| it.shown(now)),
                is_account_held: account.is_some_and(Standing::is_held),
                account_outage: self.outward(account.and_then(|it| it.outage(now))),
                in_flight: key.standing.in_flight(),
            }
        });
        let accounts = members.accounts();
        let accounts = accounts.filter(|(id, it)| is_there(*id, it.standing.in_flight()));
        let accounts = accounts.map(|(id, account)| StandingView {
            account: id,
            standing: account.standing.shown(now),
            is_held: account.standing.is_held(),
            outage: self.outward(account.standing.outage(now)),
            same_as: Some(members.merged(id)).filter(|other| *other != id),
        });
        let groups = self.groups.values();
        PoolView {
            is_overloaded: self.shared.overload.is_active(now),
            in_flight: self.shared.leases.len(),
            retries_denied: self.shared.retries_denied,
            groups: groups
                .map(|group| self.group_view(now, group, &is_there))
                .collect(),
            keys: keys.collect(),
            accounts: accounts.collect(),
        }
    }
}

impl Pool {
    /// What speaks against the key or account that `notice` is about: whatever the model, or, of a breaker
    /// that tripped, for the quota group in which it did so last.
    pub fn outage(&self, now: Time, notice: Notice) -> Option<Outage> {
        let now = self.clock.peek(now);
        let members = &self.shared.members;
        self.outward(match notice {
            Notice::KeySuspected(key) | Notice::KeyOut(key) => {
                members.known_key(key)?.standing.outage(now)
            }
            Notice::AccountSuspected(account) | Notice::AccountOut(account) => {
                members.account(account)?.standing.outage(now)
            }
            Notice::BreakerTripped(key) => self.tripped(now, key),
            _ => None,
        })
    }

    fn tripped(&self, now: Time, key: KeyId) -> Option<Outage> {
        let open = self.groups.values().filter_map(|group| {
            let breaker = group.breakers.get(key)?;
            let told = group.trips.get(&key)?;
            (breaker.state(now) != BreakerState::Closed).then(|| told.outage(breaker.opens_at(now)))
        });
        open.max_by_key(|outage| outage.since)
    }
}

impl Pool {
    fn state_of(&self, now: Time, key: KeyId, standing: BreakerState) -> BreakerState {
        let groups = self.groups.values();
        let breakers = groups.filter_map(|group| group.breakers.get(key));
        let states = breakers.map(|breaker| breaker.state(now)).chain([standing]);
        let worse = |one, other| match (one, other) {
            (BreakerState::Open, _) | (_, BreakerState::Open) => BreakerState::Open,
            (BreakerState::HalfOpen, _) | (_, BreakerState::HalfOpen) => BreakerState::HalfOpen,
            _ => BreakerState::Closed,
        };
        states.fold(BreakerState::Closed, worse)
    }
}

impl Pool {
    fn group_view(
        &self,
        now: Time,
        group: &QuotaGroup,
        is_there: &dyn Fn(AccountId, u32) -> bool,
    ) -> GroupView {
        let members = &self.shared.members;
        let keys = group.breakers.iter();
        let keys = keys.filter(|(id, it)| members.lists(*id) || it.in_flight() > 0);
        let keys = keys.map(|(id, breaker)| GroupKeyView {
            key: id,
            breaker: breaker.state(now),
            outage: match breaker.state(now) {
                BreakerState::Closed => None,
                _ => {
                    let told = group.trips.get(&id);
                    let outage = told.map(|told| told.outage(breaker.opens_at(now)));
                    self.outward(outage)
                }
            },
            opens_in: opens_in(now, group, members, id),
        });
        let lines = group.room.lines().map(|line| WaitingLine {
            since: self.clock.outward(line.since),
            ..line
        });
        let accounts = group.accounts.iter();
        let accounts = accounts.filter(|(id, it)| is_there(*id, it.budget.in_flight()));
        GroupView {
            endpoint: group.name.endpoint,
            group: group.name.name.clone(),
            waiting: group.room.len(),
            waiting_bytes: group.room.bytes(),
            lines: lines.collect(),
            accounts: accounts.map(|it| account_view(now, it)).collect(),
            keys: keys.collect(),
        }
    }

    /// An outage in the driver's time.
    fn outward(&self, outage: Option<Outage>) -> Option<Outage> {
        outage.map(|outage| Outage {
            since: self.clock.outward(outage.since),
            until: outage.until.map(|until| self.clock.outward(until)),
            ..outage
        })
    }
}

fn opens_in(now: Time, group: &QuotaGroup, members: &Members, key: KeyId) -> Duration {
    let account = members.account_of(key).and_then(|it| members.account(it));
    let account = account.and_then(|account| account.standing.opens_at(now));
    let opens_at = account.max(group.key_opens_at(now, members, key));
    opens_at.map_or(Duration::ZERO, |until| until.since(now))
}

fn account_view(now: Time, (account, in_group): (AccountId, &GroupAccount)) -> AccountView {
    let budget = &in_group.budget;
    let bucket = |dimension: Dimension| {
        let bucket = budget.bucket(dimension);
        let level = bucket.level(now).min(bucket.burst());
        Some(BucketView {
            dimension,
            limit_per_minute: bucket.limit_per_minute()?,
            burst: bucket.burst(),
            free: (level - bucket.reserve() - budget.pending(dimension)).max(0.0),
            level,
            pending: budget.pending(dimension),
            reserved: budget.kept(dimension, now),
            spent_per_minute: bucket.spent_per_minute(now),
            external_per_sec: bucket.external_in_minute(now),
        })
    };
    AccountView {
        account,
        in_flight: budget.in_flight(),
        cooldown: in_group.cooldown_until.since(now),
        cooldown_from: in_group.cooldown_from,
        buckets: Dimension::ALL.into_iter().filter_map(bucket).collect(),
    }
}
