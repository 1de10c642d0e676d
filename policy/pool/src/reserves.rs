//! Parts of accounts that are kept for tenants, and that others borrow while they lie idle.
//!
//! How much is in a part is the account's own to know ([`keyweir_quota::reserve`]); here stands whose it is.
//! A part may have several owners: the members of a group share one. Accounts that turn out to be one have
//! the parts of both.

use std::collections::HashMap;

use keyweir_terms::ids::{AccountId, TenantId};

/// Who has a part of which account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reserves {
    /// Of each account, the shares of its parts.
    shares: HashMap<AccountId, Vec<f64>>,
    /// Of each owner, the accounts, and which of their parts.
    parts: HashMap<TenantId, Vec<(AccountId, usize)>>,
    owners: Vec<TenantId>,
}

/// One part.
#[derive(Clone, Debug, PartialEq)]
pub struct ReserveSpec {
    /// Of which account.
    pub account: AccountId,
    /// Of all that the account has, in 0..=1.
    pub share: f64,
    /// Whose it is.
    pub owners: Vec<TenantId>,
}

impl Reserves {
    /// These parts. The shares of one account add up to one at most.
    pub fn new(specs: impl IntoIterator<Item = ReserveSpec>) -> Self {
        let mut reserves = Self::default();
        for spec in specs {
            let shares = reserves.shares.entry(spec.account).or_default();
            shares.push(spec.share);
            let part = (spec.account, shares.len() - 1);
            for owner in spec.owners {
                reserves.parts.entry(owner).or_default().push(part);
            }
        }
        reserves.owners = reserves.parts.keys().copied().collect();
        reserves.owners.sort_unstable();
        reserves
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// The shares of the parts of `account`.
    pub(crate) fn shares(&self, account: AccountId) -> &[f64] {
        self.shares.get(&account).map_or(&[], Vec::as_slice)
    }

    /// The parts that `tenant` has.
    pub(crate) fn of(&self, tenant: TenantId) -> &[(AccountId, usize)] {
        if self.is_empty() {
            return &[];
        }
        self.parts.get(&tenant).map_or(&[], Vec::as_slice)
    }

    /// All who have a part.
    pub(crate) fn owners(&self) -> impl Iterator<Item = TenantId> {
        self.owners.iter().copied()
    }

    /// `account` is `other` under another name: what is kept of it is kept of that.
    pub(crate) fn merge(&mut self, account: AccountId, other: AccountId) {
        let Some(moved) = self.shares.remove(&account) else {
            return;
        };
        let there = self.shares.entry(other).or_default();
        let first = there.len();
        // Each was a share of the one account that both are.
        there.extend(moved);
        let sum: f64 = there.iter().sum();
        if sum > 1.0 {
            there.iter_mut().for_each(|share| *share /= sum);
        }
        #[expect(clippy::iter_over_hash_type, reason = "each by itself")]
        for parts in self.parts.values_mut() {
            for (at, part) in parts {
                if *at == account {
                    (*at, *part) = (other, first + *part);
                }
            }
        }
    }
}
