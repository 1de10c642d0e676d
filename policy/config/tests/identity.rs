//! Ids over reloads: the same name has the same id, wherever it stands in whatever policy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::SystemTime;

use keyweir_config::file::{Gone, Identity, Policy, parse_after};
use keyweir_terms::ids::{AccountId, ProviderId, TenantId};
use proptest::prelude::*;

/// A policy by its names, in file order.
#[derive(Clone, Debug)]
struct Written {
    /// Providers.
    providers: Vec<String>,
    /// Accounts: provider, name, keys.
    accounts: Vec<(String, String, Vec<String>)>,
    tenants: Vec<String>,
}

fn text(written: &Written) -> String {
    let mut text = String::new();
    for id in &written.providers {
        let _ = writeln!(
            text,
            "[[provider]]\nid = \"{id}\"\ndialect = \"generic\"\nbase_url = \"https://{id}.example\""
        );
    }
    for (provider, id, keys) in &written.accounts {
        let _ = writeln!(
            text,
            "[[account]]\nid = \"{id}\"\nprovider = \"{provider}\""
        );
        for key in keys {
            let variable = key.replace('-', "_").to_uppercase();
            let _ = writeln!(
                text,
                "[[account.key]]\nid = \"{key}\"\nsecret = {{ env = \"{variable}\" }}"
            );
        }
    }
    for id in &written.tenants {
        let _ = writeln!(text, "[[tenant]]\nid = \"{id}\"");
    }
    text
}

fn parsed(written: &Written, identity: &Identity) -> Policy {
    let text = text(written);
    parse_after(&[("keys.toml", &text)], SystemTime::UNIX_EPOCH, identity)
        .unwrap_or_else(|report| panic!("{report}\n{text}"))
        .0
}

/// Every id of a policy, by what has it: its kind, the provider it is within, and its name.
fn ids(policy: &Policy) -> BTreeMap<(&'static str, String, String), u32> {
    let mut ids = BTreeMap::new();
    let mut put = |kind, within: &str, name: &str, id| {
        ids.insert((kind, within.to_owned(), name.to_owned()), id);
    };
    for (id, provider) in policy.providers.iter() {
        put("provider", "", &provider.id, id.0);
        for (id, account) in provider.accounts.iter() {
            put("account", &provider.id, &account.id, id.0);
        }
        for (id, key) in provider.keys.iter() {
            put("key", &provider.id, &key.id, id.0);
        }
    }
    for (id, tenant) in policy.tenants.iter() {
        put("tenant", "", &tenant.id, id.0);
    }
    ids
}

/// Some of these names in some order; never none.
fn some_of(names: Vec<String>) -> impl Strategy<Value = Vec<String>> {
    let count = names.len();
    prop::sample::subsequence(names, 1..=count).prop_shuffle()
}

fn names(kind: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("{kind}{at}")).collect()
}

/// Any policy of few names. Accounts and keys are at home with any provider and account, and so move
/// from one to another.
fn any_policy() -> impl Strategy<Value = Written> {
    let homes = prop::collection::vec(any::<prop::sample::Index>(), 24);
    (
        some_of(names("p", 4)),
        some_of(names("a", 8)),
        some_of(names("k", 16)),
        some_of(names("t", 4)),
        homes,
    )
        .prop_map(|(providers, accounts, keys, tenants, homes)| {
            let mut accounts: Vec<(String, String, Vec<String>)> = accounts
                .into_iter()
                .zip(&homes)
                .map(|(id, home)| (home.get(&providers).clone(), id, Vec::new()))
                .collect();
            for (key, home) in keys.into_iter().zip(&homes[8..]) {
                let count = accounts.len();
                accounts[home.index(count)].2.push(key);
            }
            Written {
                providers,
                accounts,
                tenants,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A name that ever had an id has it in every policy, and no two that ever had one share it.
    #[test]
    fn names_keep_their_ids_over_any_policies(policies in prop::collection::vec(any_policy(), 1..8)) {
        let mut identity = Identity::default();
        let mut known = BTreeMap::new();
        for written in &policies {
            let policy = parsed(written, &identity);
            identity.adopt(&policy, |_| false);
            for (thing, id) in ids(&policy) {
                prop_assert_eq!(*known.entry(thing.clone()).or_insert(id), id, "{:?}", thing);
            }
        }
        let taken: BTreeSet<_> = known.iter().map(|((kind, within, _), id)| (*kind, within, *id)).collect();
        prop_assert_eq!(taken.len(), known.len());
    }

    /// The order of things in the file changes no id, and is kept where it means something.
    #[test]
    fn order_in_the_file_changes_no_id(written in any_policy()) {
        let first = parsed(&written, &Identity::default());
        let mut identity = Identity::default();
        identity.adopt(&first, |_| true);
        let mut reversed = written.clone();
        reversed.providers.reverse();
        reversed.accounts.reverse();
        reversed.accounts.iter_mut().for_each(|(_, _, keys)| keys.reverse());
        reversed.tenants.reverse();

        let second = parsed(&reversed, &identity);

        prop_assert_eq!(ids(&first), ids(&second));
        prop_assert_eq!(&first.providers, &second.providers);
        prop_assert_eq!(&first.tenants, &second.tenants);
        let order = |policy: &Policy| policy.provider_order.clone();
        prop_assert!(order(&first).iter().eq(order(&second).iter().rev()));
    }
}

fn written(accounts: &[&str], tenants: &[String]) -> Written {
    let account = |id: &&str| ("p".to_owned(), (*id).to_owned(), vec![format!("{id}-key")]);
    Written {
        providers: vec!["p".to_owned()],
        accounts: accounts.iter().map(account).collect(),
        tenants: tenants.to_vec(),
    }
}

#[test]
fn new_account_takes_the_place_of_none_that_is_gone() {
    let mut identity = Identity::default();
    let account = |policy: &Policy, name: &str| {
        let mut accounts = policy.provider(ProviderId(0)).accounts.iter();
        accounts.find(|(_, it)| it.id == name).map(|(id, _)| id)
    };
    identity.adopt(&parsed(&written(&["a", "b"], &[]), &identity), |_| true);
    let without_a = parsed(&written(&["c", "b"], &[]), &identity);
    identity.adopt(&without_a, |_| true);
    assert_eq!(account(&without_a, "b"), Some(AccountId(1)));
    assert_eq!(account(&without_a, "c"), Some(AccountId(2)));
    let back = parsed(&written(&["b", "a"], &[]), &identity);
    assert_eq!(account(&back, "a"), Some(AccountId(0)));
}

#[test]
fn refused_policy_leaves_no_trace() {
    let mut identity = Identity::default();
    identity.adopt(&parsed(&written(&["a"], &[]), &identity), |_| true);
    let refused = parsed(&written(&["x", "a"], &[]), &identity);
    let next = parsed(&written(&["y", "a"], &[]), &identity);
    let second = |policy: &Policy| {
        policy.provider(ProviderId(0)).accounts[AccountId(1)]
            .id
            .clone()
    };
    assert_eq!([second(&refused), second(&next)], ["x", "y"]);
}

/// Without a bound, a policy that is made anew by a program every minute would fill memory.
#[test]
fn names_that_are_long_gone_are_evicted_and_only_free_ids_are_given_anew() {
    let mut identity = Identity::default();
    let mut highest = TenantId(0);
    let in_use = TenantId(7);
    for round in 0..5 {
        let tenants: Vec<String> = (0..1_000).map(|at| format!("t{round}-{at}")).collect();
        let policy = parsed(&written(&["a"], &tenants), &identity);
        if round > 0 {
            assert_eq!(policy.tenants.get(in_use), None);
        }
        highest = policy.tenants.ids().max().max(Some(highest)).expect("some");
        identity.adopt(&policy, |gone| gone != Gone::Tenant(in_use));
    }
    // A thousand in force, a thousand that are remembered, a thousand new ones; and the one in use.
    assert!(highest <= TenantId(3_000), "{highest:?}");
}
