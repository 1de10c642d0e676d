//! Admission: a key now, a ticket for the waiting room, or a refusal with a true time.

use keyweir_queue::waiter::Waiter;
use keyweir_quota::budget::Charge;
use keyweir_terms::amount::Dimension;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{AccountId, Ticket};
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::dispatch::LOOKAHEAD;
use super::turn::may_serve;
use crate::ask::{Admission, Lease, Refusal, RefusalReason};
use crate::asked::Asked;
use crate::shared::Shared;

impl QuotaGroup {
    /// A lease at once, where nobody waits and an account has enough, or where enough is kept for the tenant.
    pub(crate) fn grant_at_once(
        &mut self,
        now: Time,
        shared: &mut Shared,
        asked: &Asked<'_>,
    ) -> Option<Lease> {
        if !asked.attempts.hold.allows(&self.look(now, shared)) {
            return None;
        }
        let chosen = match self.room.is_empty() {
            true => self.choose(now, shared, asked, &[])?,
            false => self.choose_due(now, shared, asked)?,
        };
        let lease = self.take(now, shared, asked, chosen);
        if !asked.is_retry() {
            let cost = self.cost_secs(now, shared, &asked.charge);
            self.room.passed(&asked.caller(), cost);
        }
        Some(lease)
    }

    /// When `asked` will have its turn, if that is within its patience.
    pub(crate) fn turn_in_time(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
    ) -> Result<Time, Refusal> {
        let Some(turn) = self.expected_turn(now, shared, asked) else {
            return Err(Refusal {
                not_until: None,
                reason: self.why_never(shared, asked),
            });
        };
        let deadline = asked.ask.deadline;
        if turn > deadline || deadline <= now {
            return Err(Refusal {
                not_until: Some(turn),
                reason: self.reason(now, shared, asked),
            });
        }
        Ok(turn)
    }

    /// Lets it wait. In a room with few waiters all are looked at at once: a small request may fit
    /// where those before it do not.
    pub(crate) fn wait(&mut self, now: Time, shared: &mut Shared, asked: &Asked<'_>) -> Admission {
        let ticket = self.enter(now, shared, asked);
        // Who waits for accounts of its own may hide that there is room on others.
        let has_part = !shared.reserves.of(asked.ask.tenant).is_empty();
        if self.room.len() > LOOKAHEAD && shared.access.is_open() && !has_part {
            self.note_waiting(now, shared, asked);
            return Admission::Waiting(ticket);
        }
        self.dispatch(now, shared);
        match shared.decisions.take(ticket) {
            Some(Ok(lease)) => Admission::Granted(lease),
            Some(Err(refusal)) => Admission::Refused(refusal),
            None => {
                self.note_waiting(now, shared, asked);
                Admission::Waiting(ticket)
            }
        }
    }

    fn enter(&mut self, now: Time, shared: &mut Shared, asked: &Asked<'_>) -> Ticket {
        let ticket = shared.decisions.ticket();
        self.enter_as(ticket, now, shared, asked);
        ticket
    }

    /// Takes a place in the room under a ticket that it has already.
    pub(crate) fn enter_as(
        &mut self,
        ticket: Ticket,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
    ) {
        if asked.attempts.avoided_until > now {
            self.timers.set_for_waiter(asked.attempts.avoided_until);
        }
        let waiter = Waiter {
            caller: asked.caller(),
            deadline: asked.ask.deadline,
            arrived: asked.ask.arrived,
            hold: asked.attempts.hold,
            broke_down: asked.attempts.has_broken_down(),
            bytes: asked.ask.body_bytes,
            cost: self.cost_secs(now, shared, &asked.charge),
            what: asked.keep(),
        };
        // Those who have yet to show that they are served go first where it may be the request.
        let goes_first = asked.is_retry() && !self.lone.is_suspected(asked.sender());
        self.room.enter(ticket, goes_first, waiter);
    }

    /// Seconds of the whole group's refill that `charge` takes.
    fn cost_secs(&mut self, now: Time, shared: &Shared, charge: &Charge) -> f64 {
        if self.capacity.is_old(now) {
            let mut per_sec = [0.0; Dimension::COUNT];
            for (id, account) in self.accounts.iter() {
                if shared.members.keys_of(id).is_empty() {
                    continue;
                }
                // Who serves without telling its limit may add any capacity.
                let is_well = self.is_well(now, &shared.members, id);
                for (sum, dimension) in per_sec.iter_mut().zip(Dimension::ALL) {
                    let bucket = account.budget.bucket(dimension);
                    *sum += match bucket.is_known() {
                        false if is_well => f64::INFINITY,
                        _ => bucket.refill_own(),
                    };
                }
            }
            self.capacity.set(now, per_sec);
        }
        self.capacity.cost_secs(charge)
    }

    fn reason(&self, now: Time, shared: &Shared, asked: &Asked<'_>) -> RefusalReason {
        let is_well = |account| {
            may_serve(shared, asked, account) && self.is_well(now, &shared.members, account)
        };
        if shared.overload.opens_at(now).is_some() {
            RefusalReason::Overloaded
        } else if self.accounts.ids().any(is_well) {
            RefusalReason::Exhausted
        } else {
            why_out(
                shared,
                self.accounts
                    .ids()
                    .filter(|id| may_serve(shared, asked, *id)),
            )
        }
    }
}

/// Why none of `accounts` serves, where that is the same of all.
fn why_out(shared: &Shared, accounts: impl Iterator<Item = AccountId>) -> RefusalReason {
    let reason = |account| match shared.members.out_by(account) {
        Some(Fault::KeyRejected) => RefusalReason::KeysRejected,
        Some(Fault::OutOfMoney { .. } | Fault::AccountDisabled) => RefusalReason::AccountsOut,
        _ => RefusalReason::AllOpen,
    };
    let same = |one, other| {
        if one == other {
            one
        } else {
            RefusalReason::AllOpen
        }
    };
    accounts
        .map(reason)
        .reduce(same)
        .unwrap_or(RefusalReason::AllOpen)
}
