//! What may be there once, and how many of anything there may be.

use std::collections::HashMap;
use std::hash::Hash;

use crate::file::check::Check;
use crate::file::policy::SecretRef;
use crate::file::problems::{At, Spot};
use crate::file::read::bounds::{ACCOUNTS_MAX, KEYS_MAX, TENANTS_MAX};

impl Check<'_> {
    /// Bounds on what several files hold together.
    pub(super) fn counts(&self) {
        let keys = self
            .raw
            .accounts
            .iter()
            .map(|account| account.keys.len())
            .sum();
        for (count, max, what) in [
            (self.raw.accounts.len(), ACCOUNTS_MAX, "accounts"),
            (keys, KEYS_MAX, "provider keys"),
            (self.raw.tenants.len(), TENANTS_MAX, "tenants"),
            (self.raw.groups.len(), TENANTS_MAX, "groups of tenants"),
        ] {
            if count > max {
                self.error(
                    &self.whole_policy(),
                    format!("has {count} {what}; at most {max} fit"),
                );
            }
        }
    }

    /// Names, client keys' hashes and secrets.
    pub(super) fn unique(&self) {
        let raw = self.raw;
        self.unique_ids(raw.providers.iter().map(|provider| &provider.id));
        self.unique_ids(raw.accounts.iter().map(|account| &account.id));
        self.unique_ids(raw.tenants.iter().map(|tenant| &tenant.id));
        self.unique_ids(raw.groups.iter().map(|group| &group.id));
        // Across accounts too: logs and metrics know a provider key by this alone.
        self.unique_ids(
            raw.accounts
                .iter()
                .flat_map(|account| &account.keys)
                .map(|key| &key.id),
        );
        for provider in &raw.providers {
            self.unique_ids(provider.groups.iter().map(|group| &group.id));
        }
        self.unique_client_keys();
        self.unique_secrets();
    }

    fn unique_ids<'r>(&self, ids: impl Iterator<Item = &'r Option<At<String>>>) {
        let ids = ids.flatten().map(|id| (id.value.as_str(), &id.spot));
        self.unique_by(ids, |other| {
            (format!("{other} is the same"), "give each its own")
        });
    }

    fn unique_client_keys(&self) {
        let hashes = self
            .raw
            .tenants
            .iter()
            .flat_map(|tenant| &tenant.client_keys);
        self.unique_by(hashes.map(|hash| (hash.value, &hash.spot)), |other| {
            (
                format!("{other} is the same client key"),
                "a client key belongs to one tenant, once",
            )
        });
    }

    fn unique_secrets(&self) {
        // Of one provider: vendors that speak several dialects take one key for all of them.
        let secrets = self.raw.accounts.iter().flat_map(|account| {
            let provider = account.provider.as_ref().map(|name| name.value.as_str());
            let secrets = account.keys.iter().filter_map(|key| key.secret.as_ref());
            let found = secrets.filter_map(|secret| Some((identity(&secret.value)?, &secret.spot)));
            found.map(move |(identity, spot)| ((provider, identity), spot))
        });
        self.unique_by(secrets, |other| {
            (
                format!("{other} is the same credential"),
                "two keys with one credential add nothing: remove one of them",
            )
        });
    }

    fn unique_by<'r, K: Eq + Hash>(
        &self,
        things: impl Iterator<Item = (K, &'r Spot)>,
        words: impl Fn(String) -> (String, &'static str),
    ) {
        let mut first: HashMap<K, &Spot> = HashMap::new();
        for (thing, spot) in things {
            if let Some(other) = first.get(&thing) {
                let (message, hint) = words(self.other(other, spot));
                self.error_with_hint(spot, message, hint);
            } else {
                first.insert(thing, spot);
            }
        }
    }
}

/// Two secrets with one identity are one credential. A command may print another each time.
fn identity(secret: &SecretRef) -> Option<(u8, &[u8])> {
    match secret {
        SecretRef::Env(name) => Some((0, name.as_bytes())),
        SecretRef::File(path) => Some((1, path.as_os_str().as_encoded_bytes())),
        SecretRef::Literal(secret) => Some((2, secret.expose().as_bytes())),
        SecretRef::Command(_) => None,
    }
}
