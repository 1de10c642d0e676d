//! The policy's providers, as the choice among them sees them.

use std::collections::BTreeSet;

use keyweir_exchange::directory::{Directory, Listed};
use keyweir_exchange::seek::Holder;
use keyweir_terms::ids::{AccountId, ProviderId, TenantId};

use crate::file::Policy;

/// The providers and accounts that a tenant may use.
#[derive(Clone, Debug)]
pub struct Allowed<'p> {
    policy: &'p Policy,
    /// `None`: all.
    accounts: Option<&'p BTreeSet<Holder>>,
}

impl<'p> Allowed<'p> {
    /// Those of `tenant`; all, if the policy has no such tenant.
    pub fn new(policy: &'p Policy, tenant: TenantId) -> Self {
        let tenant = policy.tenants.get(tenant);
        Self {
            policy,
            accounts: tenant.and_then(|tenant| tenant.usable.as_ref()),
        }
    }

    /// Whether an account of its provider may be used.
    pub fn account(&self, holder: Holder) -> bool {
        self.accounts
            .is_none_or(|accounts| accounts.contains(&holder))
    }

    /// Whether a provider has an account that may be used.
    pub fn provider(&self, provider: ProviderId) -> bool {
        let first = (provider, AccountId(0));
        self.accounts.is_none_or(|accounts| {
            let next = accounts.range(first..).next();
            next.is_some_and(|(next, _)| *next == provider)
        })
    }
}

impl Directory for Allowed<'_> {
    fn providers(&self) -> impl Iterator<Item = Listed<'_>> {
        Directory::providers(self.policy).filter(|it| self.provider(it.id))
    }

    fn accounts(&self, provider: ProviderId) -> impl Iterator<Item = AccountId> {
        let accounts = Directory::accounts(self.policy, provider);
        accounts.filter(move |account| self.account((provider, *account)))
    }
}

impl Directory for Policy {
    fn providers(&self) -> impl Iterator<Item = Listed<'_>> {
        self.providers_in_order().map(|(id, provider)| Listed {
            id,
            name: &provider.id,
            dialect: provider.dialect,
            models: &provider.models,
        })
    }

    fn accounts(&self, provider: ProviderId) -> impl Iterator<Item = AccountId> {
        self.provider(provider).accounts.ids()
    }
}
