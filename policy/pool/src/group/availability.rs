//! Who may be used now, and when those who may not will: accounts out of money, keys rejected,
//! cooldowns, breakers. And keeping the index of headroom true to it.

use std::ops::Range;

use keyweir_select::headroom::Left;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::table::Id as _;
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::account::GroupAccount;
use crate::members::Members;

impl QuotaGroup {
    /// Whether `key` may be used, leaving its account aside.
    pub(crate) fn is_usable(&self, now: Time, members: &Members, key: KeyId) -> bool {
        members.key(key).standing.admits(now) && self.breakers[key].admits(now)
    }

    /// Whether nothing but time keeps `account` from serving: it has a budget, though that may be
    /// spent, and a key that may be used.
    pub(crate) fn is_well(&self, now: Time, members: &Members, account: AccountId) -> bool {
        let (Some(in_group), Some(of_pool)) =
            (self.accounts.get(account), members.account(account))
        else {
            return false;
        };
        let mut keys = of_pool.keys.iter();
        of_pool.standing.admits(now)
            && !in_group.budget.is_closed()
            && keys.any(|key| self.is_usable(now, members, *key))
    }

    /// Whether `account` may be used now, as far as its budget reaches.
    pub(crate) fn is_open(&self, now: Time, members: &Members, account: AccountId) -> bool {
        let may_be_asked =
            |it: &GroupAccount| it.may_be_asked_at() <= now && it.budget.cold_until(now).is_none();
        self.accounts.get(account).is_some_and(may_be_asked) && self.is_well(now, members, account)
    }

    /// When a closed account opens by itself; `None` where an outcome decides.
    pub(crate) fn opens_at(
        &self,
        now: Time,
        members: &Members,
        account: AccountId,
    ) -> Option<Time> {
        let (in_group, of_pool) = (self.accounts.get(account)?, members.account(account)?);
        let keys = of_pool.keys.iter();
        // An account opens with its first key; a key without a time of its own opens now.
        let first_key = keys
            .map(|key| self.key_opens_at(now, members, *key).unwrap_or(Time::ZERO))
            .min();
        let cooldown = Some(in_group.may_be_asked_at());
        let cold = in_group.budget.cold_until(now);
        let standing = of_pool.standing.opens_at(now);
        first_key
            .max(cooldown)
            .max(cold)
            .max(standing)
            .filter(|at| *at > now)
    }

    /// When a key opens by itself, leaving its account aside.
    pub(crate) fn key_opens_at(&self, now: Time, members: &Members, key: KeyId) -> Option<Time> {
        let standing = members.key(key).standing.opens_at(now);
        standing.max(self.breakers[key].opens_at(now))
    }

    /// Brings the index of headroom up to date with one account.
    pub(crate) fn refresh(&mut self, now: Time, members: &Members, account: AccountId) {
        // A group that was made later knows nothing of an account that was gone by then.
        if self.accounts.get(account).is_none() {
            return;
        }
        self.touch(account);
        let left = self.left(now, members, account);
        self.headroom.set(account, now, left.as_ref());
    }

    /// What an account has left; `None`: it is closed, and looked at again when that may be over.
    fn left(&mut self, now: Time, members: &Members, account: AccountId) -> Option<Left> {
        let budget = &self.accounts.get(account)?.budget;
        if self.is_open(now, members, account) {
            let left = Left::of(budget, now);
            self.note_reserve(now, account);
            return Some(left);
        }
        // Where nobody else can serve, it may be probed before it opens.
        let opens_at = self.opens_at(now, members, account);
        let probed_at = self.may_be_probed_at(now, members, account);
        if let Some(at) = opens_at.into_iter().chain(probed_at).min() {
            self.timers.set(at, account);
        }
        None
    }

    /// Brings the index of headroom up to date with all accounts.
    pub(crate) fn refresh_all(&mut self, now: Time, members: &Members) {
        self.refresh_some(now, members, 0..self.accounts.width());
    }

    /// Brings the index of headroom up to date with the accounts of which the indices are in `range`.
    pub(crate) fn refresh_some(&mut self, now: Time, members: &Members, range: Range<usize>) {
        let mut left = Vec::with_capacity(range.len());
        for account in range.map(AccountId::from_index) {
            if self.accounts.get(account).is_some() {
                left.push((account, self.left(now, members, account)));
            }
        }
        self.headroom.set_all(now, &left);
    }

    /// Opens what has become open by the passing of time.
    pub(crate) fn run_timers(&mut self, now: Time, members: &Members) {
        while let Some(due) = self.timers.take_due(now) {
            if let Some(account) = due {
                self.refresh(now, members, account);
            }
        }
    }

    /// What its key was charged with was the provider's fault: close its breaker, but with care.
    pub(crate) fn reprieve(&mut self, now: Time, members: &Members, key: KeyId) {
        if let Some(breaker) = self.breakers.get_mut(key) {
            breaker.reprieve();
        }
        if let Some(account) = members.account_of(key) {
            self.refresh(now, members, account);
        }
    }
}
