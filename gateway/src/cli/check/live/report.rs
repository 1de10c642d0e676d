//! What was found, for people: provider by provider, account by account, key by key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use keyweir_policy::config::file::{Policy, Provider};
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId};
use keyweir_policy::wire::Organization;

use super::finding::{Finding, Found};
use crate::telemetry::escape::push_json;

/// As much of a name that a provider gave as is shown.
const NAME_BYTES_MAX: usize = 120;
/// Models that are named; more are counted.
const MODELS_MAX: usize = 40;

/// What was found, for people.
pub(super) struct Report<'a> {
    policy: &'a Policy,
    found: &'a Found,
}

impl<'a> Report<'a> {
    pub(super) const fn of(policy: &'a Policy, found: &'a Found) -> Self {
        Self { policy, found }
    }

    fn provider(
        &self,
        f: &mut fmt::Formatter<'_>,
        (id, provider): (ProviderId, &Provider),
    ) -> fmt::Result {
        let scheme = provider.base_url.scheme.as_str();
        let authority = provider.base_url.authority();
        let path = &provider.base_url.path_prefix;
        writeln!(
            f,
            "provider \"{}\" ({scheme}://{authority}{path})",
            provider.id
        )?;
        let mut of_accounts: BTreeMap<AccountId, Vec<(KeyId, &Finding)>> = BTreeMap::new();
        for (key, declared) in provider.keys.iter() {
            if let Some(finding) = self.found.get(&(id, key)) {
                of_accounts
                    .entry(declared.account)
                    .or_default()
                    .push((key, finding));
            }
        }
        for (account, keys) in &of_accounts {
            writeln!(f, "  account \"{}\"", provider.accounts[*account].id)?;
            for (key, finding) in keys {
                let declared = &provider.keys[*key];
                write!(f, "    {}: {}", declared.id, finding.standing)?;
                if let Some(words) = &finding.words {
                    write!(f, ": \"{}\"", plain(words))?;
                }
                if let Some(place) = declared.secret.shown()
                    && finding.standing.is_refused()
                {
                    write!(f, "; its secret is from {place}")?;
                }
                if let Some(models) = &finding.models {
                    write!(f, "; models: {}", models.len())?;
                }
                if let Some(owner) = &finding.organization {
                    write!(f, "; {}", shown(owner))?;
                }
                writeln!(f)?;
            }
        }
        self.models(f, provider, &of_accounts)
    }

    /// Which models are served, and which only by some of the keys that were shown any.
    fn models(
        &self,
        f: &mut fmt::Formatter<'_>,
        provider: &Provider,
        of_accounts: &BTreeMap<AccountId, Vec<(KeyId, &Finding)>>,
    ) -> fmt::Result {
        let mut keys_of: BTreeMap<&str, BTreeSet<KeyId>> = BTreeMap::new();
        let mut shown_any = BTreeSet::new();
        for (key, finding) in of_accounts.values().flatten() {
            let Some(models) = &finding.models else {
                continue;
            };
            shown_any.insert(*key);
            for model in models {
                keys_of.entry(model).or_default().insert(*key);
            }
        }
        let all: Vec<&str> = keys_of.keys().copied().collect();
        if !all.is_empty() {
            writeln!(f, "  models: {}", listed(&all))?;
        }
        let mut partly: BTreeMap<Vec<KeyId>, Vec<&str>> = BTreeMap::new();
        for (model, keys) in &keys_of {
            if keys.len() < shown_any.len() {
                let without = shown_any.difference(keys).copied().collect();
                partly.entry(without).or_default().push(model);
            }
        }
        for (without, models) in &partly {
            let keys: Vec<&str> = without
                .iter()
                .map(|key| provider.keys[*key].id.as_str())
                .collect();
            writeln!(f, "  not by {}: {}", keys.join(", "), listed(models))?;
        }
        Ok(())
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for provider in self.policy.providers_in_order() {
            self.provider(f, provider)?;
        }
        Ok(())
    }
}

fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(MODELS_MAX).map(|name| plain(name));
    let mut list = shown.collect::<Vec<_>>().join(", ");
    if names.len() > MODELS_MAX {
        list.push_str(&format!(" and {} more", names.len() - MODELS_MAX));
    }
    list
}

/// An organization, as people are told of it.
pub(super) fn shown(owner: &Organization) -> String {
    let id = plain(&owner.id);
    match &owner.part {
        Some(part) => format!("organization {id}, {}", plain(part)),
        None => format!("organization {id}"),
    }
}

/// A provider's text, made safe to be read on a terminal.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::new();
    push_json(&mut plain, text, NAME_BYTES_MAX);
    plain
}
