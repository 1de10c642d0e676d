//! The choice for one request: the account with the most headroom, or the one that holds the
//! conversation's prompt cache where that is worth it, and the least busy of its keys.

use keyweir_health::breaker::{Breaker, BreakerState};
use keyweir_select::affinity::{self, Affinity};
use keyweir_select::headroom::HeadroomIndex;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::table::Table;
use keyweir_terms::time::Time;

use crate::access::Accounts;
use crate::ask::ChosenBy;
use crate::asked::Asked;
use crate::members::Members;
use crate::models::Model;

/// Keys of an account among which the least busy is looked for: the least busy of a few taken anywhere
/// is nearly the least busy of all, and a choice in accounts of 100 keys is measured to cost no more
/// than in accounts of one.
const KEYS_COMPARED: usize = 8;
/// Accounts that have headroom but no usable key for this request, before it is given up for now.
/// There are such only where keys are denied a model, or recover, so a few are many.
const ACCOUNTS_SKIPPED_MAX: usize = 8;

/// An account and one of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) account: AccountId,
    pub(crate) key: KeyId,
    pub(crate) by: ChosenBy,
}

/// What a choice is made from. Making it changes nothing but the draws.
#[derive(Clone, Copy)]
pub(crate) struct Choosing<'a> {
    pub(crate) now: Time,
    pub(crate) asked: &'a Asked<'a>,
    pub(crate) model: &'a Model,
    pub(crate) members: &'a Members,
    /// The accounts that the tenant may use; `None`: all.
    pub(crate) accounts: Option<&'a Accounts>,
    pub(crate) breakers: &'a Table<KeyId, Breaker>,
    pub(crate) headroom: &'a HeadroomIndex,
    pub(crate) affinity: &'a Affinity,
}

impl Choosing<'_> {
    /// The choice among the accounts that are not `reserved`.
    pub(crate) fn choose(
        &self,
        draws: &mut fastrand::Rng,
        reserved: &[AccountId],
    ) -> Option<Chosen> {
        let mut skipped: Vec<AccountId> = Vec::new();
        while skipped.len() <= ACCOUNTS_SKIPPED_MAX {
            let is_out =
                |account: &AccountId| reserved.contains(account) || skipped.contains(account);
            let (account, by) = self.account(draws.u64(..), is_out)?;
            if let Some(key) = self.key(draws, account) {
                return Some(Chosen { account, key, by });
            }
            skipped.push(account);
        }
        None
    }

    fn account(
        &self,
        draw: u64,
        is_out: impl Fn(&AccountId) -> bool,
    ) -> Option<(AccountId, ChosenBy)> {
        let (now, asked, charge) = (self.now, self.asked, &self.asked.charge);
        let is_in = |account: AccountId| {
            !is_out(&account) && self.is_allowed(account) && !asked.attempts.rules_out(account)
        };
        if let Some(only) = asked.ask.account {
            let fits = self.headroom.headroom(only, now, charge).is_some();
            return (fits && is_in(only)).then_some((only, ChosenBy::Only));
        }
        let allowed = |account: AccountId| self.model.is_served_by(account) && is_in(account);
        if !asked.attempts.is_choosy() {
            return self.best(draw, allowed);
        }
        self.best(draw, |account| {
            allowed(account) && self.is_for_retries(account)
        })
        .or_else(|| self.best(draw, allowed))
    }

    /// Whether the tenant may use `account`.
    pub(crate) fn is_allowed(&self, account: AccountId) -> bool {
        self.accounts.is_none_or(|them| them.include(account))
    }

    /// Whether `account` has not refused the request, and can tell more of it than of itself: a probe
    /// is for another request than one that broke down.
    fn is_for_retries(&self, account: AccountId) -> bool {
        let attempts = self.asked.attempts;
        let is_closed = |key: &KeyId| self.breakers[*key].state(self.now) == BreakerState::Closed;
        !attempts.was_refused_by(account)
            && (!attempts.has_broken_down() || self.members.keys_of(account).iter().any(is_closed))
    }

    fn best(
        &self,
        draw: u64,
        allowed: impl Fn(AccountId) -> bool,
    ) -> Option<(AccountId, ChosenBy)> {
        let (now, asked, charge) = (self.now, self.asked, &self.asked.charge);
        let best = match self.accounts.and_then(Accounts::few) {
            Some(few) => {
                // Ties go to the first, which is anyone.
                let start = usize::try_from(draw % few.len().max(1) as u64).unwrap_or_default();
                let (before, after) = few.split_at(start);
                let in_turn = after.iter().chain(before).copied();
                let allowed = in_turn.filter(|account| allowed(*account));
                self.headroom.best_among(now, charge, allowed)?
            }
            None => self.headroom.best(now, charge, draw, &allowed)?,
        };
        let is_worth_it = |account: &AccountId| {
            let headroom = self.headroom.headroom(*account, now, charge);
            headroom.is_some_and(|headroom| affinity::is_worth_it(headroom, best.headroom))
        };
        let preferred = asked
            .ask
            .affinity
            .and_then(|conversation| self.affinity.get(now, conversation))
            .filter(|account| allowed(*account))
            .filter(is_worth_it);
        Some(match preferred {
            Some(account) => (account, ChosenBy::Conversation),
            None => (best.account, ChosenBy::Headroom),
        })
    }

    /// The least busy of a few keys of `account` that may be used, starting anywhere.
    pub(crate) fn key(&self, draws: &mut fastrand::Rng, account: AccountId) -> Option<KeyId> {
        let of_pool = self.members.account(account)?;
        let keys = &of_pool.keys;
        let start = draws.usize(..keys.len().max(1));
        if !of_pool.standing.admits(self.now) {
            return None;
        }
        let minds_denials = self.minds_denials();
        let attempts = self.asked.attempts;
        let is_probe = |key: KeyId| self.breakers[key].state(self.now) != BreakerState::Closed;
        let is_for_others = |key: KeyId| attempts.has_broken_down() && is_probe(key);
        keys[start..]
            .iter()
            .chain(&keys[..start])
            .copied()
            .filter(|key| self.may_use(*key, minds_denials))
            .filter(|key| !attempts.avoids(self.now, *key))
            .take(KEYS_COMPARED)
            .min_by_key(|key| {
                let in_flight = self.members.key(*key).standing.in_flight();
                (is_for_others(*key), in_flight)
            })
    }

    /// Whether `account` has a key that the request may use, be it avoided for now.
    pub(crate) fn has_key(&self, account: AccountId, minds_denials: bool) -> bool {
        let of_pool = self.members.account(account);
        of_pool.is_some_and(|it| {
            let mut keys = it.keys.iter();
            it.standing.admits(self.now) && keys.any(|key| self.may_use(*key, minds_denials))
        })
    }

    fn may_use(&self, key: KeyId, minds_denials: bool) -> bool {
        self.is_usable(key)
            && !self.is_ruled_out(key)
            && !(minds_denials && self.model.denials.includes(self.now, key))
    }

    fn is_ruled_out(&self, key: KeyId) -> bool {
        let renewed_at = self.members.key(key).renewed_at;
        self.asked.attempts.rules_out_key(key, renewed_at)
    }

    fn is_usable(&self, key: KeyId) -> bool {
        self.members.key(key).standing.admits(self.now) && self.breakers[key].admits(self.now)
    }

    /// Whether keys that are denied the model are left out: where every key is that may be used, the
    /// provider's own word is better than ours.
    pub(crate) fn minds_denials(&self) -> bool {
        let denials = &self.model.denials;
        !denials.is_empty()
            && self
                .members
                .accounts()
                .filter(|(account, it)| {
                    let is_asked_for = match self.asked.ask.account {
                        Some(only) => only == *account,
                        None => self.model.is_served_by(*account),
                    };
                    is_asked_for && self.is_allowed(*account) && it.standing.admits(self.now)
                })
                .flat_map(|(_, account)| &account.keys)
                .any(|key| self.is_usable(*key) && !denials.includes(self.now, *key))
    }
}
