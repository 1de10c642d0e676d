//! Accounts and keys, whatever the model: which key belongs to whom, and which are out.
//!
//! An account's [*standing*](crate::standing) is open while it is out of money or disabled, a key's
//! while the provider rejects it. Which there are at all stands in `members/roster.rs`,
//! what outlives the process in `members/recall.rs`.

mod recall;
mod roster;

use std::collections::BTreeSet;
use std::iter;

use keyweir_health::breaker::Generation;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{AccountId, KeyId, RequestId};
use keyweir_terms::table::Table;
use keyweir_terms::time::Time;

use crate::attempts::Rejection;
use crate::leases::Grant;
use crate::operator::{Action, Target};
use crate::standing::{Heard, Standing, Word};

/// The accounts and keys of a pool.
#[derive(Debug, Default)]
pub(crate) struct Members {
    accounts: Table<AccountId, Account>,
    keys: Table<KeyId, Key>,
    /// Accounts whose standing, or whose keys' standing, the quota groups have yet to hear of.
    changed: Vec<AccountId>,
    /// Accounts of which the same is to be kept, each once.
    touched: BTreeSet<AccountId>,
}

/// What concerns an account whatever the model.
#[derive(Debug)]
pub(crate) struct Account {
    /// The keys it is asked with.
    pub(crate) keys: Vec<KeyId>,
    pub(crate) standing: Standing,
    /// What responses call it.
    fingerprint: Option<u64>,
    /// The account that it turned out to be, and that has its keys.
    same_as: Option<AccountId>,
}

/// What concerns a key whatever the model.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) account: AccountId,
    /// Its account is asked with it.
    is_listed: bool,
    pub(crate) standing: Standing,
    /// When its secret was replaced, if ever: what was sent before says nothing of the one it has.
    pub(crate) renewed_at: Time,
}

/// Who serves again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Back {
    pub(crate) account: bool,
    pub(crate) key: bool,
}

impl Members {
    /// An account; `None`: it is gone for good.
    pub(crate) fn account(&self, account: AccountId) -> Option<&Account> {
        self.accounts.get(account)
    }

    /// All accounts there are or were, with their ids.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.accounts.iter()
    }

    /// All keys there are or were, with their ids.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (KeyId, &Key)> {
        self.keys.iter()
    }

    /// How many accounts can be asked.
    pub(crate) fn account_count(&self) -> usize {
        let asked = self.accounts.values().filter(|it| !it.keys.is_empty());
        asked.count()
    }

    /// The keys that an account is asked with; none if it is gone or was merged.
    pub(crate) fn keys_of(&self, account: AccountId) -> &[KeyId] {
        let account = self.accounts.get(account);
        account.map_or(&[], |account| &account.keys)
    }

    /// The account that a key belongs to.
    pub(crate) fn account_of(&self, key: KeyId) -> Option<AccountId> {
        self.keys.get(key).map(|key| key.account)
    }

    /// The account that has the keys of `account`: itself, unless it turned out to be another.
    pub(crate) fn merged(&self, account: AccountId) -> AccountId {
        let same_as = self.accounts.get(account).and_then(|it| it.same_as);
        same_as.unwrap_or(account)
    }

    /// Whether an account may serve again without an operator: it has a key, and neither that nor the
    /// account is held.
    pub(crate) fn may_come_back(&self, account: AccountId) -> bool {
        let account = self.accounts.get(account);
        account.is_some_and(|account| {
            let mut keys = account.keys.iter();
            !account.standing.is_held() && keys.any(|key| !self.keys[*key].standing.is_held())
        })
    }

    /// Does as an operator wants; `draw` in 0..1 is the jitter. `false`: there is no such account or
    /// key.
    pub(crate) fn operate(&mut self, now: Time, target: Target, action: Action, draw: f64) -> bool {
        let (account, standing) = match target {
            Target::Account(id) => match self.accounts.get_mut(id) {
                Some(account) => (id, &mut account.standing),
                None => return false,
            },
            Target::Key(id) => match self.keys.get_mut(id) {
                Some(key) if key.is_listed => (key.account, &mut key.standing),
                _ => return false,
            },
        };
        match action {
            Action::Drain => standing.hold(true),
            Action::Resume => standing.hold(false),
            Action::Trip => standing.trip(now, draw),
            Action::Reset => standing.reset(),
        }
        self.changed.push(account);
        true
    }

    /// The secret of a key was replaced; returns whether anything spoke against the old one.
    pub(crate) fn renew(&mut self, now: Time, key: KeyId) -> bool {
        let Some(key) = self.keys.get_mut(key) else {
            return false;
        };
        let was_doubted = key.standing.is_doubted();
        key.renewed_at = now;
        key.standing.renew();
        self.changed.push(key.account);
        was_doubted
    }

    /// Whether what a request granted at `granted` is told of a key is of a secret that it has no more.
    pub(crate) fn is_of_old_secret(&self, key: KeyId, granted: Time) -> bool {
        let key = self.keys.get(key);
        key.is_some_and(|key| granted < key.renewed_at)
    }

    /// A key; `None`: it is gone for good.
    pub(crate) fn known_key(&self, key: KeyId) -> Option<&Key> {
        self.keys.get(key)
    }

    /// A key that an account lists.
    pub(crate) fn key(&self, key: KeyId) -> &Key {
        &self.keys[key]
    }

    /// Whether a key is one that some account is asked with.
    pub(crate) fn lists(&self, key: KeyId) -> bool {
        self.keys.get(key).is_some_and(|key| key.is_listed)
    }

    /// How many keys may be used as far as their standing goes; two stands for more.
    pub(crate) fn keys_in_service(&self, now: Time) -> usize {
        let is_in = |key: &&Key| key.is_listed && key.standing.admits(now);
        self.keys.values().filter(is_in).take(2).count()
    }

    /// Whether a key of another account than that of `grant` (`beyond_account`), or another key, may
    /// be used as far as standing goes.
    pub(crate) fn is_another_in_service(
        &self,
        now: Time,
        grant: &Grant,
        beyond_account: bool,
    ) -> bool {
        self.keys.iter().any(|(id, key)| {
            let account = &self.accounts[key.account];
            id != grant.key
                && !(beyond_account && key.account == grant.account)
                && key.is_listed
                && key.standing.admits(now)
                && account.standing.admits(now)
        })
    }

    /// A request is granted on `account` and `key`; returns the generations of both.
    pub(crate) fn grant(&mut self, account: AccountId, key: KeyId) -> (Generation, Generation) {
        let of_account = &mut self.accounts[account].standing;
        let of_key = &mut self.keys[key].standing;
        let generations = (of_account.grant(), of_key.grant());
        if of_account.is_recovering() || of_key.is_recovering() {
            self.changed.push(account);
        }
        generations
    }

    /// A request ended and says nothing about account and key whatever the model.
    pub(crate) fn passed(&mut self, now: Time, grant: &Grant) {
        self.end(grant, |account, key| {
            account.passed(now, grant.generations.account);
            key.passed(now, grant.generations.key);
        });
    }

    /// A request succeeded.
    pub(crate) fn succeeded(&mut self, now: Time, grant: &Grant) -> Back {
        let is_old = self.is_of_old_secret(grant.key, grant.at);
        self.end(grant, |account, key| Back {
            account: account.succeeded(now, grant.at, grant.generations.account),
            key: match is_old {
                true => {
                    key.passed(now, grant.generations.key);
                    false
                }
                false => key.succeeded(now, grant.at, grant.generations.key),
            },
        })
    }

    /// A good answer has begun.
    pub(crate) fn begun(&mut self, now: Time, grant: &mut Grant) -> Back {
        if self.is_of_old_secret(grant.key, grant.at) {
            return Back::default();
        }
        let mut generations = grant.generations;
        let back = self.end(grant, |account, key| Back {
            account: account.begun(now, grant.at, &mut generations.account),
            key: key.begun(now, grant.at, &mut generations.key),
        });
        grant.generations = generations;
        back
    }

    fn end<R>(
        &mut self,
        grant: &Grant,
        outcome: impl FnOnce(&mut Standing, &mut Standing) -> R,
    ) -> R {
        let account = &mut self.accounts[grant.account].standing;
        let key = &mut self.keys[grant.key];
        if account.is_recovering() || key.standing.is_recovering() {
            self.changed.push(grant.account);
            if key.account != grant.account {
                self.changed.push(key.account);
            }
        }
        outcome(account, &mut key.standing)
    }

    /// A request was told that the provider rejects a key.
    pub(crate) fn reject(&mut self, now: Time, key: KeyId, word: &Word) -> Heard {
        let key = &mut self.keys[key];
        self.changed.push(key.account);
        key.standing.hear(now, word)
    }

    /// A request was told that an account is out of money or disabled.
    pub(crate) fn close(&mut self, now: Time, account: AccountId, word: &Word) -> Heard {
        self.changed.push(account);
        self.accounts[account].standing.hear(now, word)
    }

    /// What keeps an account from serving, whatever the model, where it is the same of all its keys.
    pub(crate) fn out_by(&self, account: AccountId) -> Option<Fault> {
        let account = self.accounts.get(account)?;
        if let Some(fault) = account.standing.out_by() {
            return Some(fault);
        }
        let mut keys = account.keys.iter();
        let mut out_by = || Some(self.keys[*keys.next()?].standing.out_by());
        let first = out_by()??;
        iter::from_fn(out_by)
            .all(|it| it == Some(first))
            .then_some(first)
    }

    /// Another gateway took a key out at the first of these moments, until the second.
    pub(crate) fn hear_key_out(&mut self, now: Time, key: KeyId, (since, until): (Time, Time)) {
        // They may have the old secret yet.
        if self.is_of_old_secret(key, since) {
            return;
        }
        let Some(key) = self.keys.get_mut(key) else {
            return;
        };
        if key.standing.hear_out(now, since, until) {
            self.changed.push(key.account);
        }
    }

    /// The same of an account.
    pub(crate) fn hear_account_out(
        &mut self,
        now: Time,
        account: AccountId,
        (since, until): (Time, Time),
    ) {
        let of_pool = self.accounts.get_mut(account);
        if of_pool.is_some_and(|it| it.standing.hear_out(now, since, until)) {
            self.changed.push(account);
        }
    }

    /// What `request` was told with `key` it is told with others too, and it alone (`it_alone`).
    pub(crate) fn doubt(&mut self, now: Time, key: KeyId, request: RequestId, it_alone: bool) {
        let Some(key) = self.keys.get_mut(key) else {
            return;
        };
        key.standing.doubt(now, request, it_alone);
        if let Some(account) = self.accounts.get_mut(key.account) {
            account.standing.doubt(now, request, it_alone);
        }
        self.changed.push(key.account);
    }

    /// A request that was rejected was served by another key; returns whether the key, or its account,
    /// is out as of now.
    pub(crate) fn confirm(&mut self, now: Time, rejection: &Rejection, draw: f64) -> bool {
        let Some(key) = self.keys.get_mut(rejection.key) else {
            return false;
        };
        if !rejection.is_account && rejection.sent < key.renewed_at {
            return false;
        }
        self.changed.push(key.account);
        match self.accounts.get_mut(key.account) {
            Some(account) if rejection.is_account => {
                account.standing.confirm(now, rejection.at, draw)
            }
            _ => key.standing.confirm(now, rejection.at, draw),
        }
    }

    /// An account whose standing, or whose keys' standing, has changed since this was asked last:
    /// every quota group has to hear of it.
    pub(crate) fn next_changed(&mut self) -> Option<AccountId> {
        let account = self.changed.pop()?;
        self.touched.insert(account);
        Some(account)
    }

    /// The same, for who keeps it over restarts.
    pub(crate) fn next_touched(&mut self) -> Option<AccountId> {
        self.touched.pop_first()
    }
}

impl Account {
    fn new() -> Self {
        Self {
            keys: Vec::new(),
            standing: Standing::new(),
            fingerprint: None,
            same_as: None,
        }
    }
}
