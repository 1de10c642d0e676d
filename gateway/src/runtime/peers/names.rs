//! What gateways call providers, accounts, keys and tenants among each other: hashes of their names in the
//! policy. Ids are a process's own, and names are nobody's business who reads the store.

use std::collections::HashMap;

use keyweir_policy::config::file::Policy;
use keyweir_policy::terms::fingerprint::Fingerprint;
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId, TenantId};
use keyweir_policy::terms::table::{Id, Table};

/// All of a policy.
#[derive(Default)]
pub(super) struct Names {
    pub(super) providers: Both<ProviderId>,
    pub(super) tenants: Both<TenantId>,
    of_provider: Table<ProviderId, OfProvider>,
}

/// Those of a provider.
#[derive(Default)]
pub(super) struct OfProvider {
    pub(super) accounts: Both<AccountId>,
    pub(super) keys: Both<KeyId>,
}

/// Ids by hashes, and hashes by ids.
pub(super) struct Both<I: Id> {
    ids: HashMap<u64, I>,
    pub(super) hashes: Table<I, u64>,
}

impl Names {
    pub(super) fn of(policy: &Policy) -> Self {
        let mut names = Self::default();
        for (id, provider) in policy.providers.iter() {
            names.providers.add(id, &provider.id);
            let mut of_provider = OfProvider::default();
            for (id, account) in provider.accounts.iter() {
                of_provider.accounts.add(id, &account.id);
            }
            for (id, key) in provider.keys.iter() {
                of_provider.keys.add(id, &key.id);
            }
            names.of_provider.insert(id, of_provider);
        }
        for (id, tenant) in policy.tenants.iter() {
            names.tenants.add(id, &tenant.id);
        }
        names
    }

    pub(super) fn of_provider(&self, provider: ProviderId) -> Option<&OfProvider> {
        self.of_provider.get(provider)
    }
}

impl<I: Id + Copy> Both<I> {
    fn add(&mut self, id: I, name: &str) {
        let mut hash = Fingerprint::default();
        hash.mix(name.as_bytes());
        let hash = hash.finish().unwrap_or_default();
        self.ids.insert(hash, id);
        self.hashes.insert(id, hash);
    }

    /// What is called so.
    pub(super) fn id(&self, hash: u64) -> Option<I> {
        self.ids.get(&hash).copied()
    }

    /// What it is called.
    pub(super) fn hash(&self, id: I) -> Option<u64> {
        self.hashes.get(id).copied()
    }
}

impl<I: Id> Default for Both<I> {
    fn default() -> Self {
        Self {
            ids: HashMap::new(),
            hashes: Table::default(),
        }
    }
}
