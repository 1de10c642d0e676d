//! Which accounts of a pool each tenant may use.
//!
//! Most tenants may use all, and cost nothing here. Those that may not share *sets* of accounts: who
//! may use the same accounts is in the same set, so that what keeps one of them waiting is known to
//! keep the others too.
//!
//! Accounts that turn out to be one at the provider are one here too: who may use either may use both,
//! since the pool no longer tells them apart.

use std::collections::HashMap;

use keyweir_terms::ids::{AccountId, TenantId};
use keyweir_terms::table::Table;

/// Who may use which accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    sets: Vec<Accounts>,
    of_tenants: Table<TenantId, Set>,
}

/// One of the sets of accounts, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set(usize);

/// Accounts that are looked at one by one, where no more are allowed: a search among all takes as long
/// as for some dozens.
const FEW: usize = 64;

/// Accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    /// By their ids.
    are_in: Vec<bool>,
    listed: Vec<AccountId>,
}

impl Access {
    /// Of the tenants that may use some accounts only, each with those. Who is not among them may use
    /// all.
    pub fn new(lists: impl Iterator<Item = (TenantId, Vec<AccountId>)>) -> Self {
        let mut known: HashMap<Vec<AccountId>, Set> = HashMap::new();
        let mut access = Self::default();
        for (tenant, mut accounts) in lists {
            accounts.sort_unstable();
            accounts.dedup();
            let sets = &mut access.sets;
            let set = *known.entry(accounts).or_insert_with_key(|accounts| {
                sets.push(Accounts::of(accounts));
                Set(sets.len() - 1)
            });
            access.of_tenants.insert(tenant, set);
        }
        access
    }

    /// Whether every tenant may use every account.
    pub(crate) const fn is_open(&self) -> bool {
        self.sets.is_empty()
    }

    /// The set that `tenant` may use; `None`: all accounts.
    pub(crate) fn set(&self, tenant: TenantId) -> Option<Set> {
        self.of_tenants.get(tenant).copied()
    }

    /// The accounts that `tenant` may use; `None`: all.
    pub(crate) fn of(&self, tenant: TenantId) -> Option<&Accounts> {
        self.set(tenant).map(|Set(place)| &self.sets[place])
    }

    /// Whether `tenant` may use `account`.
    pub(crate) fn allows(&self, tenant: TenantId, account: AccountId) -> bool {
        self.of(tenant).is_none_or(|them| them.include(account))
    }

    /// `account` is `other` under another name.
    pub(crate) fn merge(&mut self, account: AccountId, other: AccountId) {
        for set in &mut self.sets {
            if set.include(account) {
                set.add(other);
            }
        }
    }
}

impl Accounts {
    fn of(accounts: &[AccountId]) -> Self {
        let mut them = Self::default();
        accounts.iter().for_each(|account| them.add(*account));
        them
    }

    fn add(&mut self, account: AccountId) {
        let index = account.index();
        if self.are_in.len() <= index {
            self.are_in.resize(index + 1, false);
        }
        if !std::mem::replace(&mut self.are_in[index], true) {
            self.listed.push(account);
        }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = AccountId> {
        self.listed.iter().copied()
    }

    /// All of them, if they are few.
    pub(crate) fn few(&self) -> Option<&[AccountId]> {
        Some(self.listed.as_slice()).filter(|listed| listed.len() <= FEW)
    }

    /// Whether `account` is one of them.
    pub(crate) fn include(&self, account: AccountId) -> bool {
        self.are_in.get(account.index()) == Some(&true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: TenantId = TenantId(1);
    const NONE: TenantId = TenantId(2);
    const SAME: TenantId = TenantId(3);
    const ALL: TenantId = TenantId(4);

    fn access() -> Access {
        let them = |accounts: &[u32]| accounts.iter().copied().map(AccountId).collect();
        Access::new(
            [
                (FEW, them(&[4, 1])),
                (NONE, them(&[])),
                (SAME, them(&[1, 4, 4])),
            ]
            .into_iter(),
        )
    }

    #[test]
    fn who_has_a_list_may_use_what_is_on_it_and_everybody_else_all() {
        let access = access();
        for (tenant, allowed) in [
            (FEW, [false, true, false, true]),
            (NONE, [false; 4]),
            (ALL, [true; 4]),
        ] {
            let found = [0, 1, 2, 4].map(|account| access.allows(tenant, AccountId(account)));
            assert_eq!(found, allowed, "{tenant:?}");
        }
        assert_eq!(access.set(FEW), access.set(SAME));
        assert_ne!(access.set(FEW), access.set(NONE));
        assert_eq!(access.set(ALL), None);
        assert!(!access.is_open() && Access::default().is_open());
    }

    #[test]
    fn accounts_that_are_one_are_allowed_together() {
        let mut access = access();
        access.merge(AccountId(4), AccountId(9));
        assert!(access.allows(FEW, AccountId(9)) && !access.allows(NONE, AccountId(9)));
    }
}
