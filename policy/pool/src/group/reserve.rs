//! Whom a tenant may be served by for the sake of the part that is kept for it, whoever waits.
//!
//! A part is its owner's: what is taken of it delays nobody, since nobody else may have it. So an owner
//! whose part is due does not queue for it. For all that it needs beyond its part it waits like others.

use keyweir_quota::reserve::Draw;
use keyweir_select::headroom;
use keyweir_terms::ids::{AccountId, TenantId};
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::choose::Chosen;
use super::turn::may_serve;
use crate::ask::ChosenBy;
use crate::asked::Asked;
use crate::members::Members;
use crate::reserves::Reserves;
use crate::shared::Shared;

impl QuotaGroup {
    /// The account and key for `asked` out of what is kept for its tenant, if that is due. The overload
    /// gate is left aside.
    pub(crate) fn choose_reserve(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
        draws: &mut fastrand::Rng,
    ) -> Option<Chosen> {
        let parts = shared.reserves.of(asked.ask.tenant);
        if parts.is_empty() {
            return None;
        }
        let choosing = self.choosing(now, shared, asked);
        parts.iter().find_map(|(account, part)| {
            let turn = self.turn_of_part(now, shared, asked, (*account, *part))?;
            let key = choosing.key(draws, *account).filter(|_| turn <= now)?;
            Some(Chosen {
                account: *account,
                key,
                by: ChosenBy::Reserve,
            })
        })
    }

    /// The same, for a grant: none while the provider is overloaded.
    pub(crate) fn choose_due(
        &self,
        now: Time,
        shared: &mut Shared,
        asked: &Asked<'_>,
    ) -> Option<Chosen> {
        if shared.overload.opens_at(now).is_some() {
            return None;
        }
        let mut draws = shared.draws.clone();
        let chosen = self.choose_reserve(now, shared, asked, &mut draws);
        shared.draws = draws;
        chosen
    }

    /// When `asked` may have its turn out of what is kept for its tenant of `account`.
    pub(crate) fn reserve_turn_at(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
        account: AccountId,
    ) -> Option<Time> {
        let parts = shared.reserves.of(asked.ask.tenant).iter();
        let here = parts.filter(|(at, _)| *at == account);
        let turns = here.filter_map(|part| self.turn_of_part(now, shared, asked, *part));
        turns.min()
    }

    /// When `asked` may have its turn out of what is kept for its tenant.
    pub(crate) fn reserve_turn(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
    ) -> Option<Time> {
        let parts = shared.reserves.of(asked.ask.tenant).iter();
        let turns = parts.filter_map(|part| self.turn_of_part(now, shared, asked, *part));
        turns.min()
    }

    fn turn_of_part(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
        (account, part): (AccountId, usize),
    ) -> Option<Time> {
        let is_open = self.is_open(now, &shared.members, account);
        if !is_open || !may_serve(shared, asked, account) {
            return None;
        }
        let budget = &self.accounts.get(account)?.budget;
        let due = budget.due_at(now, part, &asked.charge)?;
        let lines = budget.lines_for(now, Some(part));
        let fits = headroom::fits_at(&lines, now, &asked.charge)?;
        Some(due.max(fits))
    }

    /// What a lease on `chosen` draws on, if anything of that account is kept for the tenant.
    pub(crate) fn draw(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
        chosen: &Chosen,
    ) -> Option<Draw> {
        let is_due = chosen.by == ChosenBy::Reserve;
        let parts = shared.reserves.of(asked.ask.tenant).iter();
        let mut parts = parts.filter(|(account, _)| *account == chosen.account);
        let first = parts.clone().next();
        let due = parts.find(|part| {
            let turn = self.turn_of_part(now, shared, asked, **part);
            is_due && turn.is_some_and(|turn| turn <= now)
        });
        let (_, part) = due.or(first)?;
        Some(Draw {
            part: *part,
            is_due,
        })
    }

    /// Grants those who wait and for whose sake enough is kept, whoever waits before them.
    pub(crate) fn dispatch_reserves(&mut self, now: Time, shared: &mut Shared) {
        let owners: Vec<TenantId> = shared.reserves.owners().collect();
        for owner in owners {
            while let Some(position) = self.room.first_of(owner)
                && let Some(waiter) = self.room.get(position)
                && let Some(chosen) = self.choose_due(now, shared, &waiter.what.asked())
                && let Some((ticket, waiter)) = self.room.serve(now, position)
            {
                let lease = self.take(now, shared, &waiter.what.asked(), chosen);
                shared.decisions.add(ticket, Ok(lease));
            }
        }
    }

    /// When the next of those who wait has its turn out of what is kept for it.
    pub(crate) fn next_reserve_turn(&self, now: Time, shared: &Shared) -> Option<Time> {
        let owners = shared.reserves.owners();
        let first = owners.filter_map(|owner| self.room.get(self.room.first_of(owner)?));
        let turns = first.filter_map(|it| self.reserve_turn(now, shared, &it.what.asked()));
        turns.filter(|turn| *turn > now).min()
    }

    /// Keeps of all accounts what `reserves` says.
    pub(crate) fn reserve(&mut self, now: Time, members: &Members, reserves: &Reserves) {
        let mut is_changed = false;
        for (id, account) in self.accounts.iter_mut() {
            is_changed |= account.budget.reserve(now, reserves.shares(id));
        }
        if is_changed {
            self.refresh_all(now, members);
        }
    }

    /// Keeps of one account what `reserves` says.
    pub(crate) fn reserve_of(&mut self, now: Time, reserves: &Reserves, account: AccountId) {
        if let Some(row) = self.accounts.get_mut(account) {
            row.budget.reserve(now, reserves.shares(account));
        }
    }

    /// Looks at an account again once more of it is left for others, if that is not noted yet.
    pub(super) fn note_reserve(&mut self, now: Time, account: AccountId) {
        let Some(row) = self.accounts.get_mut(account) else {
            return;
        };
        if row.reserve_full_at <= now
            && let Some(full_at) = row.budget.reserve_full_at(now)
        {
            row.reserve_full_at = full_at;
            self.timers.set(full_at, account);
        }
    }
}
