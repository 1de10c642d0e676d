//! What the organizations that providers name say of the accounts that the policy declares: accounts
//! of one organization share its budget, and keys of one account are of one.

use std::collections::{BTreeMap, BTreeSet};

use keyweir_policy::config::file::{Policy, Provider};
use keyweir_policy::terms::ids::{AccountId, ProviderId};
use keyweir_policy::wire::Organization;

use super::finding::Found;
use super::report::{plain, shown};

/// What is probably not declared as it is: a line for each.
pub(super) fn doubts(policy: &Policy, found: &Found) -> Vec<String> {
    let mut doubts = Vec::new();
    for (id, provider) in policy.providers_in_order() {
        let owners = owners(id, provider, found);
        doubts.extend(shared(provider, &owners));
        doubts.extend(mixed(id, provider, found));
    }
    doubts
}

/// Which accounts' keys are of which organization.
fn owners(
    id: ProviderId,
    provider: &Provider,
    found: &Found,
) -> BTreeMap<String, BTreeSet<(AccountId, Option<String>)>> {
    let mut owners: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (key, declared) in provider.keys.iter() {
        let finding = found.get(&(id, key));
        if let Some(owner) = finding.and_then(|it| it.organization.as_ref()) {
            let part = (declared.account, owner.part.clone());
            owners.entry(owner.id.clone()).or_default().insert(part);
        }
    }
    owners
}

/// Accounts of one organization.
fn shared(
    provider: &Provider,
    owners: &BTreeMap<String, BTreeSet<(AccountId, Option<String>)>>,
) -> Vec<String> {
    let several = owners.iter().filter_map(|(organization, parts)| {
        let accounts: BTreeSet<AccountId> = parts.iter().map(|(account, _)| *account).collect();
        if accounts.len() < 2 {
            return None;
        }
        let names = accounts
            .iter()
            .map(|it| format!("\"{}\"", provider.accounts[*it].id));
        let names: Vec<String> = names.collect();
        let parts: BTreeSet<&Option<String>> = parts.iter().map(|(_, part)| part).collect();
        let advice = if parts.len() > 1 {
            "of different workspaces or projects: what limits the organization limits them together"
        } else {
            "so they share its budget: put their keys under one [[account]]"
        };
        Some(format!(
            "the accounts {} are of one organization ({}), {advice}",
            names.join(" and "),
            plain(organization)
        ))
    });
    several.collect()
}

/// Accounts whose keys are of several organizations, or of several parts of one.
fn mixed(id: ProviderId, provider: &Provider, found: &Found) -> Vec<String> {
    let mut mixed = Vec::new();
    for (account, declared) in provider.accounts.iter() {
        let mut owners: BTreeMap<&Organization, Vec<&str>> = BTreeMap::new();
        for (key, of_account) in provider.keys.iter() {
            let finding = found
                .get(&(id, key))
                .filter(|_| of_account.account == account);
            if let Some(owner) = finding.and_then(|it| it.organization.as_ref()) {
                owners.entry(owner).or_default().push(&of_account.id);
            }
        }
        if owners.len() < 2 {
            continue;
        }
        let told = owners
            .iter()
            .map(|(owner, keys)| format!("{} of {}", keys.join(", "), shown(owner)));
        let told: Vec<String> = told.collect();
        mixed.push(format!(
            "the keys of account \"{}\" do not share one budget ({}): give each organization, or \
             workspace with limits of its own, its own [[account]]",
            declared.id,
            told.join("; ")
        ));
    }
    mixed
}
