//! One quota group: the models that share a bucket at one kind of endpoint. It has every account's
//! budget for it, every key's breaker, and those who wait for either.
//!
//! What a group decides stands in the files beside this one, in the order in which a request meets
//! it: [`admission`], [`turn`], [`choose`] (which account and key), [`last_resort`] (whom, where nobody
//! can serve), [`grant`], [`dispatch`] of those who wait, [`settling`], [`refusal`] (whom a 429
//! charges), [`care`] with who refused; [`exchange`] with other gateways; [`load`],
//! what is carried; and [`availability`], which all of them ask.

mod account;
mod admission;
mod availability;
mod capacity;
mod care;
mod choose;
mod dispatch;
mod explain;
mod grant;
mod last_resort;
mod learned;
mod load;
pub(crate) mod peers;
mod reconfigure;
mod refusal;
mod reserve;
mod settling;
mod timers;
mod told_peers;
mod turn;
mod watched;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use keyweir_health::breaker::{Breaker, OPEN_BACKOFF};
use keyweir_queue::waiting_room::WaitingRoom;
use keyweir_quota::budget::Amounts;
use keyweir_quota::estimate::Estimates;
use keyweir_select::affinity::Affinity;
use keyweir_select::headroom::HeadroomIndex;
use keyweir_terms::ids::{AccountId, GroupId, KeyId};
use keyweir_terms::table::{Id as _, Table};
use keyweir_terms::time::Time;

use self::capacity::Capacity;
use self::timers::Timers;
use crate::asked::Waiting;
use crate::lone_failures::LoneFailures;
use crate::members::Members;
use crate::models::GroupName;
use crate::outage::Told;
use crate::spec::PoolSpec;

pub(crate) use self::account::GroupAccount;

/// A quota group.
#[derive(Debug)]
pub(crate) struct QuotaGroup {
    pub(crate) id: GroupId,
    pub(crate) name: GroupName,
    pub(crate) accounts: Table<AccountId, GroupAccount>,
    pub(crate) breakers: Table<KeyId, Breaker>,
    /// What opened the breakers that are not closed, and of some that were.
    pub(crate) trips: BTreeMap<KeyId, Told>,
    pub(crate) room: WaitingRoom<Waiting>,
    pub(crate) estimates: Estimates,
    headroom: HeadroomIndex,
    affinity: Affinity,
    capacity: Capacity,
    timers: Timers,
    /// Accounts that were used of late: what other gateways hear of.
    used: Vec<AccountId>,
    /// What a typical request takes at once.
    typical: Amounts,
    /// Accounts of which something has changed since that was asked for, each once.
    touched: Vec<AccountId>,
    /// Accounts that are used, the one first that was looked at longest ago: what they carry is kept.
    watched: VecDeque<AccountId>,
    /// When it was last seen that the provider serves.
    served_at: Time,
    /// Whose requests alone fail.
    pub(crate) lone: LoneFailures,
    /// When someone who waits will fit, as of the last look.
    fits_at: Option<Time>,
}

impl QuotaGroup {
    /// A group of which nothing is known yet but what the policy file declares.
    pub(crate) fn new(
        now: Time,
        spec: &PoolSpec,
        members: &Members,
        named: (GroupId, GroupName),
    ) -> Self {
        let mut group = Self::empty(spec, named);
        group.add_members(now, spec, members);
        group
    }

    /// A group without accounts, with room for those of `spec`.
    pub(crate) fn empty(spec: &PoolSpec, (id, name): (GroupId, GroupName)) -> Self {
        Self {
            id,
            name,
            accounts: Table::with_room_for(spec.accounts.width()),
            breakers: Table::default(),
            trips: BTreeMap::new(),
            room: WaitingRoom::default(),
            estimates: Estimates::default(),
            headroom: HeadroomIndex::new(spec.accounts.width()),
            affinity: Affinity::default(),
            capacity: Capacity::default(),
            timers: Timers::default(),
            used: Vec::new(),
            typical: Amounts::default(),
            touched: Vec::new(),
            watched: VecDeque::new(),
            served_at: Time::ZERO,
            lone: LoneFailures::default(),
            fits_at: None,
        }
    }

    /// Adds the accounts and keys of `spec` that it does not have yet.
    pub(crate) fn add_members(&mut self, now: Time, spec: &PoolSpec, members: &Members) {
        self.headroom.widen(spec.accounts.width());
        self.make_members(now, spec, members, 0..spec.accounts.width());
        self.refresh_all(now, members);
    }

    /// The same for accounts with indices in `range`, where nothing has changed for the others.
    pub(crate) fn add_some_members(
        &mut self,
        now: Time,
        spec: &PoolSpec,
        members: &Members,
        range: Range<usize>,
    ) {
        self.make_members(now, spec, members, range.clone());
        self.refresh_some(now, members, range);
    }

    fn make_members(&mut self, now: Time, spec: &PoolSpec, members: &Members, range: Range<usize>) {
        for id in range.map(AccountId::from_index) {
            let Some(account) = spec.accounts.get(id) else {
                continue;
            };
            if self.accounts.get(id).is_none() {
                let declared = account::declared(spec, account, &self.name);
                self.accounts
                    .insert(id, GroupAccount::new(now, declared, spec.replicas));
            }
            // Of accounts that are one, one has the keys of both.
            for key in account.keys.iter().chain(members.keys_of(id)) {
                if self.breakers.get(*key).is_none() {
                    self.breakers.insert(*key, Breaker::new(OPEN_BACKOFF));
                }
            }
        }
    }
}
