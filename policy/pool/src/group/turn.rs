//! When a request would have its turn.

use keyweir_select::headroom;
use keyweir_terms::ids::AccountId;
use keyweir_terms::time::Time;

use super::QuotaGroup;
use crate::asked::Asked;
use crate::shared::Shared;

/// Whether the policy and the request itself allow `account` to serve it.
pub(crate) fn may_serve(shared: &Shared, asked: &Asked<'_>, account: AccountId) -> bool {
    let is_asked_for = match asked.ask.account {
        Some(only) => only == account,
        None => shared.models.get(asked.ask.model).is_served_by(account),
    };
    is_asked_for && !asked.attempts.too_small.contains(&account)
}

impl QuotaGroup {
    /// When a new request would have its turn: an optimistic guess, since a refusal cannot be undone.
    /// `None`: never. The overload gate is left aside.
    pub(crate) fn expected_turn(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
    ) -> Option<Time> {
        let ahead = if asked.is_retry() {
            now
        } else {
            now.after_secs(self.room.ahead_secs(&asked.caller()))
        };
        let indexed = self.earliest_fit(now, shared, asked, &[]);
        let fits = indexed.map(|(_, at)| at);
        let due = self.earliest_due(now, shared, asked);
        let fits = match fits.into_iter().chain(due).min() {
            Some(at) => at,
            None => self.next_change(now, shared, asked)?,
        };
        Some(ahead.max(fits))
    }

    /// The account that `asked` will fit first of those that are open and not `reserved`.
    pub(crate) fn earliest_fit(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
        reserved: &[AccountId],
    ) -> Option<(AccountId, Time)> {
        let allowed =
            |account: AccountId| may_serve(shared, asked, account) && !reserved.contains(&account);
        self.headroom.earliest(now, &asked.charge, allowed)
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
        self.accounts
            .iter()
            .filter(|(account, in_group)| {
                may_serve(shared, asked, *account)
                    && !members.keys_of(*account).is_empty()
                    && !in_group.budget.is_closed()
            })
            .map(|(account, _)| self.opens_at(now, members, account).unwrap_or(now))
            .min()
    }
}
