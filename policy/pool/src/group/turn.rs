//! When a request would have its turn.

use keyweir_select::headroom;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

use super::QuotaGroup;
use crate::access::Accounts;
use crate::ask::RefusalReason;
use crate::asked::Asked;
use crate::shared::Shared;

/// Whether the policy and the request itself allow `account` to serve it.
pub(crate) fn may_serve(shared: &Shared, asked: &Asked<'_>, account: AccountId) -> bool {
    let is_asked_for = match asked.ask.account {
        Some(only) => only == account,
        None => shared.models.get(asked.ask.model).is_served_by(account),
    };
    let members = &shared.members;
    let is_ruled_out = |key: &KeyId| {
        let renewed_at = members.key(*key).renewed_at;
        asked.attempts.rules_out_key(*key, renewed_at)
    };
    let keys = || members.keys_of(account).iter();
    is_asked_for
        && shared.access.allows(asked.ask.tenant, account)
        && !asked.attempts.rules_out(account)
        && !(asked.is_retry() && keys().all(is_ruled_out))
}

impl QuotaGroup {
    /// Why a request would never have its turn: those who could serve it are held, or it is too large
    /// for all of them.
    pub(crate) fn why_never(&self, shared: &Shared, asked: &Asked<'_>) -> RefusalReason {
        let members = &shared.members;
        let is_held = |account: AccountId| {
            may_serve(shared, asked, account)
                && !members.keys_of(account).is_empty()
                && !members.may_come_back(account)
        };
        if self.accounts.ids().any(is_held) {
            RefusalReason::AllOpen
        } else {
            RefusalReason::Exhausted
        }
    }

    /// When a new request would have its turn: an optimistic guess, since a refusal cannot be undone.
    /// `None`: never. The overload gate is left aside.
    pub(crate) fn expected_turn(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
    ) -> Option<Time> {
        // Where nobody waits nothing is ahead, whatever its tenant has had before.
        let ahead = if asked.is_retry() || self.room.is_empty() {
            now
        } else {
            now.after_secs(self.room.ahead_secs(&asked.caller()))
        };
        let indexed = self.earliest_fit(now, shared, asked, &[]);
        let fits = indexed.map(|(_, at)| at);
        let due = self.earliest_due(now, shared, asked);
        let fits = match fits.into_iter().chain(due).min() {
            Some(at) if at <= asked.ask.deadline => at,
            // Who is closed now may still be sooner.
            Some(at) => {
                let change = self.next_change(now, shared, asked);
                change.map_or(at, |change| change.min(at))
            }
            None if self.choose_at_last(now, shared, asked, &[]).is_some() => now,
            None => match self.next_change(now, shared, asked) {
                Some(change) => change,
                None => return self.reserve_turn(now, shared, asked),
            },
        };
        let turn = ahead.max(fits);
        let due = self.reserve_turn(now, shared, asked);
        Some(due.map_or(turn, |due| due.min(turn)))
    }

    /// The account that `asked` will fit first of those that are open and not `reserved`.
    pub(crate) fn earliest_fit(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
        reserved: &[AccountId],
    ) -> Option<(AccountId, Time)> {
        let choosing = self.choosing(now, shared, asked);
        let minds_denials = choosing.minds_denials();
        // Only what is denied, or what a retry may not use, keeps it from a key of an open account.
        let minds_keys = minds_denials || asked.is_retry();
        let allowed = |account: AccountId| {
            may_serve(shared, asked, account)
                && !reserved.contains(&account)
                && (!minds_keys || choosing.has_key(account, minds_denials))
        };
        match choosing.accounts.and_then(Accounts::few) {
            Some(few) => {
                let allowed = few.iter().copied().filter(|account| allowed(*account));
                self.headroom.earliest_among(now, &asked.charge, allowed)
            }
            None => self.headroom.earliest(now, &asked.charge, allowed),
        }
    }

    /// The same for accounts that have opened by the passing of time and are not in the index yet.
    fn earliest_due(&self, now: Time, shared: &Shared, asked: &Asked<'_>) -> Option<Time> {
        self.timers
            .due(now)
            .filter(|account| may_serve(shared, asked, *account))
            .filter(|account| self.is_open(now, &shared.members, *account))
            .filter_map(|account| {
                let lines = self.accounts[account].budget.lines(now);
                headroom::fits_at(&lines, now, &asked.charge)
            })
            .min()
    }

    /// When a closed account may open again; `now` where that can be any moment.
    fn next_change(&self, now: Time, shared: &Shared, asked: &Asked<'_>) -> Option<Time> {
        let members = &shared.members;
        let is_last = !self.is_any_up(now, shared, asked);
        let opens_at = |account: AccountId| {
            let at = self.opens_at(now, members, account).unwrap_or(now);
            let probed_at = is_last.then(|| self.may_be_probed_at(now, members, account));
            probed_at
                .flatten()
                .map_or(at, |probed_at| at.min(probed_at))
        };
        self.accounts
            .iter()
            .filter(|(account, in_group)| {
                may_serve(shared, asked, *account)
                    && members.may_come_back(*account)
                    && !in_group.budget.is_closed()
                    && !self.is_open(now, members, *account)
            })
            .map(|(account, _)| opens_at(account))
            .min()
    }
}
