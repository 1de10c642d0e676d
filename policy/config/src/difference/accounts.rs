//! What has changed of accounts and their keys.
//!
//! Names are unique over all providers, so one that has moved to another provider or account is told
//! as moved.

use std::collections::{HashMap, HashSet};

use super::change::{Changes, Subject};
use super::limits;
use super::pairs::pair;
use super::show;
use crate::file::{Account, Key, Policy, Provider};

/// An account with its provider.
type Placed<'a> = (&'a Provider, &'a Account);

pub(super) fn compare(before: &Policy, after: &Policy, changes: &mut Changes) {
    let pairs = pair(accounts(before), accounts(after));
    for (name, _) in &pairs.removed {
        changes.removed(Subject::Account((*name).to_owned()));
    }
    let keys = keys_by_account(after);
    for (name, (provider, _)) in &pairs.added {
        let keys = keys.get(name).copied().unwrap_or_default();
        let plural = if keys == 1 { "" } else { "s" };
        let words = format!("at {}, {keys} key{plural}", provider.id);
        changes.added(Subject::Account((*name).to_owned()), words);
    }
    for (_, before, after) in &pairs.kept {
        compare_one(*before, *after, changes);
    }
    let removed = pairs.removed.iter().map(|(name, _)| *name).collect();
    let added = pairs.added.iter().map(|(name, _)| *name).collect();
    compare_keys((before, &removed), (after, &added), changes);
}

fn accounts(policy: &Policy) -> impl Iterator<Item = (&str, Placed<'_>)> {
    policy.providers_in_order().flat_map(|(_, provider)| {
        let accounts = provider.accounts.values();
        accounts.map(move |account| (account.id.as_str(), (provider, account)))
    })
}

fn compare_one(
    (provider_before, before): Placed<'_>,
    (provider_after, after): Placed<'_>,
    changes: &mut Changes,
) {
    let Account {
        id,
        models,
        // Compared one by one.
        limits: _,
    } = before;
    let subject = Subject::Account(id.clone());
    let providers = (&provider_before.id, &provider_after.id);
    changes.field(&subject, "provider", providers, String::clone);
    changes.field(&subject, "models", (models, &after.models), show::models);
    limits::compare(
        &subject,
        (provider_before, before),
        (provider_after, after),
        changes,
    );
}

/// A key with the name of its account.
type Held<'a> = (&'a str, &'a Key);

fn keys(policy: &Policy) -> impl Iterator<Item = (&str, Held<'_>)> {
    policy.providers_in_order().flat_map(|(_, provider)| {
        let keys = provider.keys.values();
        keys.map(|key| {
            let account = provider.accounts[key.account].id.as_str();
            (key.id.as_str(), (account, key))
        })
    })
}

fn keys_by_account(policy: &Policy) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for (_, (account, _)) in keys(policy) {
        *counts.entry(account).or_insert(0) += 1;
    }
    counts
}

/// Keys that came or went with their account are told with it.
fn compare_keys(
    (before, accounts_removed): (&Policy, &HashSet<&str>),
    (after, accounts_added): (&Policy, &HashSet<&str>),
    changes: &mut Changes,
) {
    let pairs = pair(keys(before), keys(after));
    for (name, (account, _)) in pairs.removed {
        if !accounts_removed.contains(account) {
            changes.removed(Subject::Key(name.to_owned()));
        }
    }
    for (name, (account, key)) in pairs.added {
        if !accounts_added.contains(account) {
            let words = format!("of account {account}, {}", show::secret(&key.secret));
            changes.added(Subject::Key(name.to_owned()), words);
        }
    }
    for (name, (account_before, before), (account_after, after)) in pairs.kept {
        let Key {
            id: _,
            // By name: the same account may have another id, and another the same.
            account: _,
            secret,
        } = before;
        let subject = Subject::Key(name.to_owned());
        let accounts = (account_before, account_after);
        changes.field(&subject, "account", accounts, str::to_owned);
        let secrets = (secret, &after.secret);
        changes.field(&subject, "secret", secrets, show::secret);
    }
}
