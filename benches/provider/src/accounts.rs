//! The accounts, their keys and their buckets.
//!
//! Every model group of an account has buckets of its own, made when it is first used. Keys only
//! point to their account, so that keys of one account share everything.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use parking_lot::{Mutex, RwLock};

use crate::budget::Budget;
use crate::clock::Micros;
use crate::counters::LiveKey;
use crate::glob;
use crate::lies::{Lie, Lies};
use crate::prompt_cache::PromptCache;
use crate::world::{Account, BudgetHeaders, Limits, ModelGroup, Oversized, World};

/// All accounts, by name and by key.
#[derive(Debug)]
pub(crate) struct Accounts {
    by_name: BTreeMap<String, Arc<AccountState>>,
    by_key: RwLock<HashMap<String, Arc<KeyState>>>,
    groups: Vec<ModelGroup>,
    oversized: Oversized,
}

/// A provider key and what it was used for.
#[derive(Debug)]
pub(crate) struct KeyState {
    pub(crate) key: String,
    pub(crate) account: Arc<AccountState>,
    pub(crate) counters: LiveKey,
}

/// An account and its buckets.
#[derive(Debug)]
pub(crate) struct AccountState {
    pub(crate) name: String,
    pub(crate) organization: String,
    pub(crate) organization_header: HeaderValue,
    pub(crate) workspace_header: Option<HeaderValue>,
    pub(crate) budget_headers: BudgetHeaders,
    pub(crate) extra_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) prompt_cache: Mutex<PromptCache>,
    changing: RwLock<Changing>,
    budgets: RwLock<HashMap<String, Arc<Budget>>>,
}

/// What can be changed while the provider runs.
#[derive(Debug)]
struct Changing {
    limits: Vec<Limits>,
    foreign_share: f64,
    lies: Lies,
    clock_skew_secs: i64,
}

/// What an account's buckets are kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    Model(&'a str),
    CountTokens,
    Batches,
    Files,
    /// Lists of models and the like: never limited.
    Free,
}

/// Groups of one account beyond this many share the last one's buckets: names of models come
/// from clients.
const GROUPS_MAX: usize = 1_000;

impl Accounts {
    pub(crate) fn new(world: &World) -> Self {
        let by_name: BTreeMap<_, _> = world
            .accounts
            .iter()
            .map(|account| (account.name.clone(), Arc::new(AccountState::new(account))))
            .collect();
        let accounts = Self {
            by_name,
            by_key: RwLock::default(),
            groups: world.model_groups.clone(),
            oversized: world.tokens.oversized,
        };
        for account in &world.accounts {
            for key in &account.keys {
                accounts.add_key(&account.name, key);
            }
        }
        accounts
    }

    pub(crate) fn key(&self, key: &str) -> Option<Arc<KeyState>> {
        self.by_key.read().get(key).cloned()
    }

    pub(crate) fn keys(&self) -> Vec<Arc<KeyState>> {
        self.by_key.read().values().cloned().collect()
    }

    pub(crate) fn account(&self, name: &str) -> Option<&Arc<AccountState>> {
        self.by_name.get(name)
    }

    /// Gives an account one more key. False if there is no such account.
    pub(crate) fn add_key(&self, account: &str, key: &str) -> bool {
        let Some(account) = self.by_name.get(account) else {
            return false;
        };
        let state = KeyState {
            key: key.to_owned(),
            account: Arc::clone(account),
            counters: LiveKey::default(),
        };
        self.by_key.write().insert(key.to_owned(), Arc::new(state));
        true
    }

    /// Forgets a key: it is answered with 401 from now on.
    pub(crate) fn remove_key(&self, key: &str) -> bool {
        self.by_key.write().remove(key).is_some()
    }

    /// The buckets that requests for `purpose` take from.
    pub(crate) fn budget(
        &self,
        account: &AccountState,
        purpose: Purpose<'_>,
        now: Micros,
    ) -> Arc<Budget> {
        let group = self.group(purpose);
        if let Some(budget) = account.budgets.read().get(group) {
            return Arc::clone(budget);
        }
        let mut budgets = account.budgets.write();
        let group = if budgets.len() < GROUPS_MAX {
            group
        } else {
            "others"
        };
        let make = || Arc::new(account.new_budget(group, self.oversized, now));
        Arc::clone(budgets.entry(group.to_owned()).or_insert_with(make))
    }

    fn group<'a>(&'a self, purpose: Purpose<'a>) -> &'a str {
        let model = match purpose {
            Purpose::Model(model) => model,
            Purpose::CountTokens => return COUNT_TOKENS,
            Purpose::Batches => return BATCHES,
            Purpose::Files => return FILES,
            Purpose::Free => return FREE,
        };
        let means = |group: &&ModelGroup| group.models.iter().any(|m| glob::matches(m, model));
        self.groups
            .iter()
            .find(means)
            .map_or(model, |group| group.id.as_str())
    }
}

/// Names of the groups that are no models; the slash keeps them apart.
const COUNT_TOKENS: &str = "/count_tokens";
const BATCHES: &str = "/batches";
const FILES: &str = "/files";
const FREE: &str = "/free";

impl AccountState {
    fn new(account: &Account) -> Self {
        let organization = if account.organization.is_empty() {
            organization_of(&account.name)
        } else {
            account.organization.clone()
        };
        let header = |text: &str| {
            HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
        };
        let mut limits = account.limits.clone();
        let endpoints = [
            (COUNT_TOKENS, account.count_tokens_per_minute),
            (BATCHES, account.batches_per_minute),
            (FILES, account.files_per_minute),
            (FREE, None),
        ];
        limits.extend(endpoints.map(|(group, requests_per_minute)| Limits {
            group: Some(group.to_owned()),
            requests_per_minute,
            ..Limits::default()
        }));
        Self {
            name: account.name.clone(),
            organization_header: header(&organization),
            organization,
            workspace_header: account.workspace.as_deref().map(header),
            budget_headers: account.budget_headers,
            extra_headers: account
                .extra_headers
                .iter()
                .filter_map(parse_header)
                .collect(),
            prompt_cache: Mutex::default(),
            changing: RwLock::new(Changing {
                limits,
                foreign_share: account.foreign_share,
                lies: Lies::from(account.lies.as_slice()),
                clock_skew_secs: account.clock_skew_secs,
            }),
            budgets: RwLock::default(),
        }
    }

    pub(crate) fn lies(&self) -> Lies {
        self.changing.read().lies
    }

    pub(crate) fn clock_skew_secs(&self) -> i64 {
        self.changing.read().clock_skew_secs
    }

    pub(crate) fn set_lies(&self, lies: &[Lie]) {
        self.changing.write().lies = Lies::from(lies);
    }

    pub(crate) fn set_clock_skew_secs(&self, secs: i64) {
        self.changing.write().clock_skew_secs = secs;
    }

    pub(crate) fn set_foreign_share(&self, share: f64, now: Micros) {
        self.changing.write().foreign_share = share;
        for budget in self.budgets.read().values() {
            budget.set_foreign_share(share, now);
        }
    }

    /// Sets the limits of one group (or of all without their own); levels stay as far as they
    /// fit.
    pub(crate) fn set_limits(&self, limits: Limits, now: Micros) {
        let mut changing = self.changing.write();
        changing.limits.retain(|old| old.group != limits.group);
        changing.limits.push(limits);
        for (group, budget) in self.budgets.read().iter() {
            let minute_scale = changing.lies.tells(Lie::MinuteScale);
            let limits = limits_of(&changing.limits, group);
            budget.resize(&limits, changing.foreign_share, minute_scale, now);
        }
    }

    /// The buckets of each group that was used, by the group's name.
    pub(crate) fn budgets(&self) -> Vec<(String, Arc<Budget>)> {
        let budgets = self.budgets.read();
        let named = |(name, budget): (&String, &Arc<Budget>)| (name.clone(), Arc::clone(budget));
        budgets.iter().map(named).collect()
    }

    fn new_budget(&self, group: &str, oversized: Oversized, now: Micros) -> Budget {
        let changing = self.changing.read();
        let minute_scale = changing.lies.tells(Lie::MinuteScale);
        let limits = limits_of(&changing.limits, group);
        Budget::new(
            &limits,
            oversized,
            changing.foreign_share,
            minute_scale,
            now,
        )
    }
}

/// A header out of the world, if it can be one.
fn parse_header((name, value): &(String, String)) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, value.parse().ok()?))
}

/// The limits of a group: its own, or those of all that have none.
fn limits_of(limits: &[Limits], group: &str) -> Limits {
    let own = limits.iter().find(|l| l.group.as_deref() == Some(group));
    let others = || limits.iter().find(|l| l.group.is_none());
    own.or_else(others).cloned().unwrap_or_default()
}

/// An organization's identifier that looks like one and follows from the account's name.
fn organization_of(name: &str) -> String {
    let hash = |salt: u64| {
        name.bytes().fold(salt, |hash, byte| {
            (hash ^ u64::from(byte))
                .wrapping_mul(0x0100_0000_01b3)
                .rotate_left(5)
        })
    };
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World {
            model_groups: vec![ModelGroup {
                id: "opus-4".into(),
                models: vec!["claude-opus-4*".into()],
            }],
            ..World::new(vec![
                Account::new("a", ["k1", "k2"])
                    .with(Limits::three(600, 60_000, 60_000))
                    .with(Limits::three(60, 6_000, 6_000).for_group("opus-4")),
            ])
        }
    }

    #[test]
    fn keys_of_an_account_share_its_buckets() {
        let accounts = Accounts::new(&world());
        let (one, two) = (accounts.key("k1"), accounts.key("k2"));
        let (one, two) = (one.expect("exists"), two.expect("exists"));
        let model = Purpose::Model("claude-x");
        let first = accounts.budget(&one.account, model, 0);
        let second = accounts.budget(&two.account, model, 0);
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn models_of_a_group_share_and_others_do_not() {
        let accounts = Accounts::new(&world());
        let account = &accounts.key("k1").expect("exists").account;
        let budget = |purpose| accounts.budget(account, purpose, 0);
        let opus = budget(Purpose::Model("claude-opus-4-1"));
        assert!(Arc::ptr_eq(
            &opus,
            &budget(Purpose::Model("claude-opus-4-5"))
        ));
        assert!(!Arc::ptr_eq(
            &opus,
            &budget(Purpose::Model("claude-opus-5"))
        ));
        assert_eq!(opus.readings(0)[0].expect("limited").limit, 60);
        assert_eq!(budget(Purpose::Files).readings(0), [None; 4]);
    }

    #[test]
    fn limits_change_while_running() {
        let accounts = Accounts::new(&world());
        let account = &accounts.key("k1").expect("exists").account;
        let budget = accounts.budget(account, Purpose::Model("claude-x"), 0);
        account.set_limits(Limits::three(60, 6_000, 6_000), 0);
        let requests = budget.readings(0)[0].expect("limited");
        assert_eq!((requests.limit, requests.remaining), (60, 3.0));
    }
}
