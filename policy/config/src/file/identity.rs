//! Which ids things have from policy to policy.
//!
//! What is learned of an account, a lease that is open, a counter: all of them refer to things by
//! id, and outlive the policy that they began with. So a name keeps its id when the files are read
//! anew, wherever it stands in them: a provider by its name, an account and a key by theirs within
//! their provider, a tenant by its. What disappears keeps its id for a while, since what was taken
//! out in a hurry comes back. Positions instead would make an account inherit the budgets of the
//! one that stood in its place before.
//!
//! Bounded: of each kind, at most [`GONE_MAX`] names that are gone are remembered, beside those
//! whose ids are still in use. Only the caller knows what is.

mod names;

use keyweir_terms::ids::{AccountId, KeyId, ProviderId, TenantId};
use keyweir_terms::table::Table;

use self::names::Names;
use crate::file::policy::{Policy, Provider};

/// Names of one kind that are remembered after they are gone. A policy that is replaced as a whole
/// and brought back finds everything as it was up to as many things as a policy may have providers;
/// a name costs some hundred bytes, and its id a row in each table beside the policy.
pub const GONE_MAX: usize = 1_000;

/// The ids of all that the policies in force so far have named.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    policies: u64,
    providers: Names<ProviderId>,
    within: Table<ProviderId, Within>,
    tenants: Names<TenantId>,
}

/// What has its name within a provider.
#[derive(Clone, Debug, Default)]
struct Within {
    accounts: Names<AccountId>,
    keys: Names<KeyId>,
}

/// Something that is in the policy no longer, by the id it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// A provider, with all that is its.
    Provider(ProviderId),
    /// An account of a provider.
    Account(ProviderId, AccountId),
    /// A key of a provider.
    Key(ProviderId, KeyId),
    /// A tenant.
    Tenant(TenantId),
}

impl Identity {
    /// `policy`, which [`parse_after`](crate::file::parse_after) made with these ids, is in force.
    ///
    /// `is_free` says whether nothing refers to an id any more (no open lease, no request that began
    /// under an older policy), so that another name may have it. It is only asked of what has been
    /// gone for longest, once more is gone than is remembered.
    pub fn adopt(&mut self, policy: &Policy, mut is_free: impl FnMut(Gone) -> bool) {
        self.policies += 1;
        let providers = policy.providers.iter();
        let names = providers.map(|(id, provider)| (provider.id.as_str(), id));
        self.providers.adopt(self.policies, names);
        for id in policy.providers.ids() {
            if self.within.get(id).is_none() {
                self.within.insert(id, Within::default());
            }
        }
        for (id, within) in self.within.iter_mut() {
            within.adopt(self.policies, policy.providers.get(id));
            let accounts = &mut within.accounts;
            accounts.evict(GONE_MAX, |account| is_free(Gone::Account(id, account)));
            let keys = &mut within.keys;
            keys.evict(GONE_MAX, |key| is_free(Gone::Key(id, key)));
        }
        let evicted = self
            .providers
            .evict(GONE_MAX, |id| is_free(Gone::Provider(id)));
        for id in evicted {
            self.within.remove(id);
        }
        let tenants = policy.tenants.iter();
        let names = tenants.map(|(id, tenant)| (tenant.id.as_str(), id));
        self.tenants.adopt(self.policies, names);
        self.tenants.evict(GONE_MAX, |id| is_free(Gone::Tenant(id)));
    }

    /// The ids of providers called `names`, in their order.
    pub(super) fn providers<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<ProviderId> {
        self.providers.ids(names)
    }

    /// The ids of tenants called `names`, in their order.
    pub(super) fn tenants<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<TenantId> {
        self.tenants.ids(names)
    }

    /// The ids of accounts of `provider` called `names`, in their order.
    pub(super) fn accounts<'n>(
        &self,
        provider: ProviderId,
        names: impl Iterator<Item = &'n str>,
    ) -> Vec<AccountId> {
        match self.within.get(provider) {
            Some(within) => within.accounts.ids(names),
            None => Names::default().ids(names),
        }
    }

    /// The ids of keys of `provider` called `names`, in their order.
    pub(super) fn keys<'n>(
        &self,
        provider: ProviderId,
        names: impl Iterator<Item = &'n str>,
    ) -> Vec<KeyId> {
        match self.within.get(provider) {
            Some(within) => within.keys.ids(names),
            None => Names::default().ids(names),
        }
    }
}

impl Within {
    /// The provider has these; `None`: it is gone itself.
    fn adopt(&mut self, policy: u64, provider: Option<&Provider>) {
        let accounts = provider.into_iter().flat_map(|it| it.accounts.iter());
        let names = accounts.map(|(id, account)| (account.id.as_str(), id));
        self.accounts.adopt(policy, names);
        let keys = provider.into_iter().flat_map(|it| it.keys.iter());
        let names = keys.map(|(id, key)| (key.id.as_str(), id));
        self.keys.adopt(policy, names);
    }
}
