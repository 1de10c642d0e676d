//! Which accounts and keys there are: those that the policy lists, and which accounts turned out to be
//! one.
//!
//! What a policy removed keeps its row while leases are open on it, so that they can be settled, and is
//! chosen no more: an account has no keys then, a key no account that lists it.

use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::table::Id as _;
use keyweir_terms::time::Time;

use super::{Account, Key, Members};
use crate::spec::PoolSpec;
use crate::standing::Standing;

impl Members {
    /// Responses call `account` so. Returns another account that they call the same.
    pub(crate) fn identify(&mut self, account: AccountId, fingerprint: u64) -> Option<AccountId> {
        let known = &mut self.accounts[account].fingerprint;
        if known.replace(fingerprint) == Some(fingerprint) {
            return None;
        }
        let mut others = self.accounts.iter().filter(|(other, _)| *other != account);
        let other =
            others.find(|(_, it)| it.fingerprint == Some(fingerprint) && !it.keys.is_empty());
        other.map(|(other, _)| other)
    }

    /// `account` is `other` under another name: its keys move over.
    pub(crate) fn merge(&mut self, account: AccountId, other: AccountId) {
        let moved = std::mem::take(&mut self.accounts[account].keys);
        for key in &moved {
            self.keys[*key].account = other;
        }
        self.accounts[other].keys.extend(moved);
        self.accounts[account].same_as = Some(other);
        self.changed.extend([account, other]);
    }

    /// The accounts that turned out to be others, with those.
    pub(crate) fn merges(&self) -> impl Iterator<Item = (AccountId, AccountId)> {
        let accounts = self.accounts.iter();
        accounts.filter_map(|(id, account)| Some((id, account.same_as?)))
    }

    /// Takes over the accounts and keys of `spec`. Who was there before stays as it is; what is gone
    /// is chosen no more. Accounts that turned out to be one stay so while both are there.
    pub(crate) fn reconfigure(&mut self, spec: &PoolSpec) {
        for (_, account) in self.accounts.iter_mut() {
            account.keys.clear();
        }
        for (_, key) in self.keys.iter_mut() {
            key.is_listed = false;
        }
        for (id, account) in spec.accounts.iter() {
            if self.accounts.get(id).is_none() {
                self.accounts.insert(id, Account::new());
            }
            let of_spec = |other: &AccountId| spec.accounts.get(*other).is_some();
            let same_as = self.accounts[id].same_as.filter(of_spec);
            self.accounts[id].same_as = same_as;
            for key in &account.keys {
                self.list(*key, same_as.unwrap_or(id));
            }
        }
        self.sweep(spec);
    }

    fn list(&mut self, key: KeyId, account: AccountId) {
        match self.keys.get_mut(key) {
            Some(known) => (known.account, known.is_listed) = (account, true),
            None => {
                let new = Key {
                    account,
                    is_listed: true,
                    standing: Standing::new(),
                    renewed_at: Time::ZERO,
                };
                self.keys.insert(key, new);
            }
        }
        if self.accounts.get(account).is_none() {
            self.accounts.insert(account, Account::new());
        }
        self.accounts[account].keys.push(key);
    }

    /// Drops the rows of what is gone and has no request under way.
    fn sweep(&mut self, spec: &PoolSpec) {
        for index in 0..self.accounts.width() {
            let id = AccountId::from_index(index);
            let is_idle = |account: &Account| account.standing.in_flight() == 0;
            if spec.accounts.get(id).is_none() && self.accounts.get(id).is_some_and(is_idle) {
                self.accounts.remove(id);
            }
        }
        for index in 0..self.keys.width() {
            let id = KeyId::from_index(index);
            let is_over = |key: &Key| !key.is_listed && key.standing.in_flight() == 0;
            if self.keys.get(id).is_some_and(is_over) {
                self.keys.remove(id);
            }
        }
    }
}
