//! What has changed of tenants and their client keys.

use std::time::Duration;

use keyweir_terms::request::Priority;

use super::aliases::{listed, show_all};
use super::allowances::{self, Bounded};
use super::change::{Changes, Subject};
use super::fallbacks::{Step, show_steps, steps};
use super::pairs::pair;
use super::show::{self, or_none};
use crate::file::{Policy, SecretRef, Tenant};
use crate::secret::ClientKeyHash;

/// Characters of a hash that are shown, `sha256:` included: enough to find it in a file, and of no
/// use to whoever would guess the key.
const HASH_SHOWN: usize = 15;

pub(super) fn compare(before: &Policy, after: &Policy, changes: &mut Changes) {
    let pairs = pair(by_name(before), by_name(after));
    for (name, _) in pairs.removed {
        changes.removed(Subject::Tenant(name.to_owned()));
    }
    for (name, tenant) in pairs.added {
        let keys = tenant.client_keys.len() + tenant.client_key_refs.len();
        let plural = if keys == 1 { "" } else { "s" };
        let words = format!("{keys} client key{plural}");
        changes.added(Subject::Tenant(name.to_owned()), words);
    }
    for (_, tenant, other) in pairs.kept {
        let fallbacks = (
            steps(before, &tenant.fallbacks),
            steps(after, &other.fallbacks),
        );
        compare_one(tenant, other, fallbacks, changes);
        let subject = Subject::Tenant(tenant.id.clone());
        let aliases = (
            listed(before, &tenant.aliases),
            listed(after, &other.aliases),
        );
        changes.field(&subject, "alias", (&*aliases.0, &*aliases.1), show_all);
        compare_client_keys(tenant, other, changes);
        let sides = (
            Bounded::of_tenant(before, tenant),
            Bounded::of_tenant(after, other),
        );
        allowances::compare_one(&Subject::Tenant(tenant.id.clone()), sides, changes);
    }
}

fn by_name(policy: &Policy) -> impl Iterator<Item = (&str, &Tenant)> {
    let tenants = policy.tenants.values();
    tenants.map(|tenant| (tenant.id.as_str(), tenant))
}

fn compare_one(
    before: &Tenant,
    after: &Tenant,
    fallbacks: (Vec<Step>, Vec<Step>),
    changes: &mut Changes,
) {
    let Tenant {
        id,
        // Compared one by one.
        client_keys: _,
        client_keys_expire: _,
        client_key_refs,
        models,
        priority,
        weight,
        patience,
        expires,
        shares,
        whole_answers,
        // Compared with those of groups.
        accounts: _,
        usable: _,
        reserves: _,
        allowance: _,
        group: _,
        // Compared by name.
        fallbacks: _,
        aliases: _,
    } = before;
    let subject = Subject::Tenant(id.clone());
    let elsewhere = (&**client_key_refs, &*after.client_key_refs);
    let hashes = after.client_keys.len();
    let all = |refs: &[SecretRef]| match (hashes, refs) {
        (0, refs) => show::secrets(refs),
        (_, []) => count_hashes(hashes),
        (_, refs) => format!("{}, {}", count_hashes(hashes), show::secrets(refs)),
    };
    // Hashes that come and go are told one by one.
    match changes.tells_all() {
        true => changes.field(&subject, "client_keys", elsewhere, all),
        false => changes.field(&subject, "client_keys", elsewhere, show::secrets),
    }
    changes.field(&subject, "models", (models, &after.models), show::models);
    let class = |priority: &Priority| priority.as_str().to_owned();
    changes.field(&subject, "priority", (priority, &after.priority), class);
    changes.field(&subject, "weight", (weight, &after.weight), show::count);
    let usual = |patience: &Option<Duration>| {
        let shown = patience.as_ref().map(show::duration);
        shown.unwrap_or_else(|| "as usual".to_owned())
    };
    changes.field(&subject, "patience", (patience, &after.patience), usual);
    let expiry = (expires, &after.expires);
    changes.field(&subject, "expires", expiry, or_none(show::moment));
    let circle = or_none(|name: &String| show::text(name));
    changes.field(&subject, "shares", (shares, &after.shares), circle);
    let whole = (whole_answers, &after.whole_answers);
    changes.field(&subject, "whole_answers", whole, bool::to_string);
    let (before, after) = fallbacks;
    changes.field(&subject, "fallbacks", (&*before, &*after), show_steps);
}

fn count_hashes(count: usize) -> String {
    let plural = if count == 1 { "hash" } else { "hashes" };
    format!("{count} {plural}")
}

fn compare_client_keys(before: &Tenant, after: &Tenant, changes: &mut Changes) {
    let subject = |hash: &ClientKeyHash| Subject::ClientKey {
        tenant: before.id.clone(),
        hash: format!("{:.HASH_SHOWN$}…", hash.to_string()),
    };
    let expiry = |tenant: &Tenant, hash: &ClientKeyHash| {
        let mut all = tenant.client_keys_expire.iter();
        all.find(|(other, _)| other == hash)
            .map(|(_, expires)| *expires)
    };
    let is_in = |tenant: &Tenant, hash| tenant.client_keys.contains(hash);
    for hash in before.client_keys.iter().filter(|it| !is_in(after, it)) {
        changes.removed(subject(hash));
    }
    for hash in before.client_keys.iter().filter(|it| is_in(after, it)) {
        let sides = (&expiry(before, hash), &expiry(after, hash));
        changes.field(&subject(hash), "expires", sides, or_none(show::moment));
    }
    for hash in after.client_keys.iter().filter(|it| !is_in(before, it)) {
        changes.added(subject(hash), "");
    }
}
