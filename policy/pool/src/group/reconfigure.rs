//! A quota group under a new policy: who stays keeps budgets, breakers, cooldowns and open leases.

use keyweir_terms::amount::Dimension;
use keyweir_terms::ids::{AccountId, KeyId, Ticket};
use keyweir_terms::replicas::Replicas;
use keyweir_terms::table::Id as _;
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::account::declared;
use crate::asked::Waiting;
use crate::members::Members;
use crate::models::Models;
use crate::spec::PoolSpec;

impl QuotaGroup {
    /// Goes over from the policy `before` to `after`; `members` has done so.
    pub(crate) fn reconfigure(
        &mut self,
        now: Time,
        members: &Members,
        (before, after): (&PoolSpec, &PoolSpec),
    ) {
        self.redeclare(now, before, after);
        self.sweep(now, members, after);
        self.capacity.forget();
        self.add_members(now, after, members);
    }

    /// From now on so many gateways draw on its accounts.
    pub(crate) fn share_among(&mut self, now: Time, members: &Members, replicas: Replicas) {
        for (_, account) in self.accounts.iter_mut() {
            account.budget.share_among(now, replicas);
        }
        self.capacity.forget();
        self.refresh_all(now, members);
    }

    /// Lets those go who wait here and whose model belongs to another group.
    pub(crate) fn let_go_of_moved(&mut self, models: &Models) -> Vec<(Ticket, Waiting)> {
        let waiting = self.room.iter();
        let moved = waiting.filter(|(_, waiter)| {
            let ask = waiter.what.asked().ask;
            models.get(ask.model).group != self.id
        });
        let moved: Vec<Ticket> = moved.map(|(ticket, _)| ticket).collect();
        let mut leave = |ticket| Some((ticket, self.room.leave(ticket)?.what));
        moved.into_iter().filter_map(&mut leave).collect()
    }

    fn redeclare(&mut self, now: Time, before: &PoolSpec, after: &PoolSpec) {
        for (id, account) in self.accounts.iter_mut() {
            let Some(new) = after.accounts.get(id) else {
                continue;
            };
            let new = declared(after, new, &self.name);
            let old = before.accounts.get(id);
            let old = old.map(|old| declared(before, old, &self.name));
            for dimension in Dimension::ALL {
                let new = new[dimension.index()];
                if old.is_none_or(|old| old[dimension.index()] != new) {
                    account.budget.redeclare(now, dimension, new);
                }
            }
        }
    }

    /// Drops the rows of what is gone and has no request under way.
    fn sweep(&mut self, now: Time, members: &Members, spec: &PoolSpec) {
        for index in 0..self.accounts.width() {
            let id = AccountId::from_index(index);
            let account = self.accounts.get(id);
            let is_idle = account.is_some_and(|account| account.budget.in_flight() == 0);
            if is_idle && spec.accounts.get(id).is_none() {
                self.accounts.remove(id);
                self.headroom.set(id, now, None);
            }
        }
        for index in 0..self.breakers.width() {
            let id = KeyId::from_index(index);
            let breaker = self.breakers.get(id);
            let is_idle = breaker.is_some_and(|breaker| breaker.in_flight() == 0);
            if is_idle && !members.lists(id) {
                self.breakers.remove(id);
                self.trips.remove(&id);
            }
        }
    }
}
