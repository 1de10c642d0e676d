//! A grant: the account with the most room, its least busy key, and the lease on both.

use crate::ask::{Ask, Lease};
use crate::attempts::Attempts;
use crate::leases::{Generations, Open};
use crate::models::GroupId;
use crate::pool::Pool;
use keyweir_quota::budget::Charge;
use keyweir_select::affinity;
use keyweir_terms::amount::Dimension;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

/// Keys of an account among which the least busy is looked for.
const KEYS_COMPARED: usize = 8;
/// Accounts that have room but no usable key for this request, before it is given up for now.
const ACCOUNTS_SKIPPED_MAX: usize = 8;

impl Pool {
    pub(crate) fn serves(&self, ask: &Ask, account: usize) -> bool {
        match ask.account {
            Some(only) => only.index() == account,
            None => {
                let served_by = &self.models.get(ask.model).served_by;
                served_by.as_ref().is_none_or(|serves| serves[account])
            }
        }
    }

    /// The account with the most room that is not `reserved`, and its least busy key.
    pub(crate) fn grant(
        &mut self,
        now: Time,
        group: GroupId,
        ask: &Ask,
        attempts: &Attempts,
        charge: &Charge,
        reserved: &[AccountId],
    ) -> Option<Lease> {
        if self.overload.opens_at(now).is_some() {
            return None;
        }
        let mut skipped: Vec<AccountId> = Vec::new();
        while skipped.len() <= ACCOUNTS_SKIPPED_MAX {
            let is_out = |account: &AccountId| {
                reserved.contains(account)
                    || skipped.contains(account)
                    || attempts.too_small.contains(account)
            };
            let account = self.choose(now, group, ask, charge, is_out)?;
            if let Some(key) = self.pick_key(now, group, ask, attempts, account) {
                return Some(self.take(now, group, ask, charge, account, key));
            }
            skipped.push(account);
        }
        None
    }

    fn choose(
        &mut self,
        now: Time,
        group: GroupId,
        ask: &Ask,
        charge: &Charge,
        is_out: impl Fn(&AccountId) -> bool,
    ) -> Option<AccountId> {
        let draw = self.draws.u64(..);
        let allowed = |account: usize| self.serves(ask, account) && !is_out(&account_id(account));
        let headroom = &self.groups[group].headroom;
        let best = match ask.account {
            Some(only) => {
                let fits = headroom.headroom(only.index(), now, charge).is_some();
                return (fits && allowed(only.index())).then_some(only);
            }
            None => headroom.best(now, charge, draw, allowed)?,
        };
        let preferred = ask
            .affinity
            .and_then(|conversation| self.groups[group].affinity.get(now, conversation))
            .filter(|account| allowed(account.index()))
            .filter(|account| {
                headroom
                    .headroom(account.index(), now, charge)
                    .is_some_and(|headroom| affinity::is_worth_it(headroom, best.headroom))
            });
        Some(preferred.unwrap_or(account_id(best.index)))
    }

    /// The least busy of a few keys of `account` that may be used, starting anywhere.
    fn pick_key(
        &mut self,
        now: Time,
        group: GroupId,
        ask: &Ask,
        attempts: &Attempts,
        account: AccountId,
    ) -> Option<KeyId> {
        let keys = &self.accounts[account.index()].keys;
        let start = self.draws.usize(..keys.len().max(1));
        let model = self.models.get(ask.model);
        let minds_denials = model.has_denied() && self.has_undenied_key(now, ask);
        let avoids = now < attempts.avoided_until;
        keys[start..]
            .iter()
            .chain(&keys[..start])
            .copied()
            .filter(|key| self.is_usable(now, group, *key))
            .filter(|key| !(avoids && attempts.avoided.contains(key)))
            .filter(|key| !(minds_denials && model.is_denied(now, *key)))
            .take(KEYS_COMPARED)
            .min_by_key(|key| self.keys[key.index()].standing.in_flight())
    }

    /// Where every key is denied a model, the provider's own word is better than ours.
    fn has_undenied_key(&self, now: Time, ask: &Ask) -> bool {
        let model = self.models.get(ask.model);
        self.accounts
            .iter()
            .enumerate()
            .filter(|(account, _)| self.serves(ask, *account))
            .flat_map(|(_, account)| &account.keys)
            .any(|key| !model.is_denied(now, *key))
    }

    fn take(
        &mut self,
        now: Time,
        group_id: GroupId,
        ask: &Ask,
        charge: &Charge,
        account: AccountId,
        key: KeyId,
    ) -> Lease {
        let group = &mut self.groups[group_id];
        let generations = Generations {
            account: self.accounts[account.index()].standing.grant(),
            key: self.keys[key.index()].standing.grant(),
            key_model: group.breakers[key.index()].grant(),
        };
        let marks = group.accounts[account.index()].budget.take(now, charge);
        self.overload.grant(now);
        let slot = self.leases.open(Open {
            tenant: ask.tenant,
            model: ask.model,
            group: group_id,
            account,
            key,
            size: ask.size,
            affinity: ask.affinity,
            charge: *charge,
            marks,
            granted: now,
            generations,
            produced: 0.0,
            foreseen: charge.pending[Dimension::OutputTokens.index()],
            first_output: None,
            is_paced: false,
            answered: false,
        });
        self.refresh(now, group_id, account.index());
        Lease { slot, key, account }
    }
}

pub(crate) fn account_id(index: usize) -> AccountId {
    AccountId(u32::try_from(index).expect("accounts are bounded"))
}
