//! Admission: a key now, a place in the waiting room, or a refusal with a true time.

use std::cmp::Reverse;

use crate::ask::{Admission, Ask, Refusal, RefusalReason};
use crate::attempts::Attempts;
use crate::grant::account_id;
use crate::group::Waiting;
use crate::models::GroupId;
use crate::pool::Pool;
use keyweir_queue::waiter::Waiter;
use keyweir_queue::waiting_room::WaitingRoom;
use keyweir_quota::budget::Charge;
use keyweir_terms::amount::Need;
use keyweir_terms::ids::{AccountId, Ticket};
use keyweir_terms::time::Time;

/// Newcomers to a room with at most so many waiters are looked at at once: a small one may fit
/// where those before it do not.
const LOOKED_AT_AT_ONCE: usize = super::dispatch::LOOKAHEAD;

impl Pool {
    /// Asks for a place. [`Self::next_decision`] is to be called until `None` afterwards, as after
    /// every call that takes `now`.
    pub fn admit(&mut self, now: Time, mut ask: Ask, attempts: &Attempts) -> Admission {
        let now = self.clock.read(now);
        ask.arrived = self.clock.inward(ask.arrived);
        ask.deadline = self.clock.inward(ask.deadline);
        match self.admit_or_wait(now, ask, attempts) {
            Admission::Refused(refusal) => Admission::Refused(self.told(refusal)),
            admitted => admitted,
        }
    }

    fn admit_or_wait(&mut self, now: Time, ask: Ask, attempts: &Attempts) -> Admission {
        let group = self.models.get(ask.model).group;
        self.run_timers(now, group);
        if let Some(reason) = self.never(&ask) {
            return Admission::Refused(Refusal {
                not_until: None,
                reason,
            });
        }
        let charge = self.charge(&ask);
        let is_first = self.groups[group].room.is_empty() && attempts.not_before <= now;
        if is_first && let Some(lease) = self.grant(now, group, &ask, attempts, &charge, &[]) {
            let cost = self.groups[group].cost_secs(now, &charge);
            if !attempts.is_retry() {
                let weight = self.weight(&ask);
                self.groups[group]
                    .room
                    .passed(ask.tenant, ask.priority, weight, cost);
            }
            return Admission::Granted(lease);
        }
        self.wait(now, group, ask, attempts, charge)
    }

    /// When the same request would be granted, were it to ask now; `None`: never. Changes nothing.
    pub fn would_admit(&self, now: Time, ask: &Ask, attempts: &Attempts) -> Option<Time> {
        let now = self.clock.peek(now);
        if self.never(ask).is_some() {
            return None;
        }
        let group = self.models.get(ask.model).group;
        let turn = self.expected_turn(now, group, ask, attempts, &self.charge(ask))?;
        let turn = turn.max(self.overload.opens_at(now).unwrap_or(now));
        Some(self.clock.outward(turn))
    }

    /// A waiting client left. Tickets that are unknown (or were just decided) are ignored.
    pub fn cancel(&mut self, now: Time, ticket: Ticket) {
        let now = self.clock.read(now);
        for group in 0..self.groups.len() {
            if self.groups[group].room.leave(ticket).is_some() {
                self.dispatch(now, group);
                return;
            }
        }
        // Decided, but not yet fetched: the lease goes back unused.
        if let Some(at) = self
            .decisions
            .iter()
            .position(|(decided, _)| *decided == ticket)
            && let Some((_, Ok(lease))) = self.decisions.remove(at)
        {
            self.give_back(now, lease);
        }
    }

    /// What a request is expected to need.
    pub fn need(&self, ask: &Ask) -> Need {
        let group = self.models.get(ask.model).group;
        self.groups[group].estimates.need(ask.tenant, &ask.size)
    }

    fn charge(&self, ask: &Ask) -> Charge {
        Charge::of(&self.need(ask), ask.size.output_max, self.spec.charging())
    }

    fn weight(&self, ask: &Ask) -> f64 {
        self.spec
            .weights
            .get(ask.tenant.index())
            .copied()
            .unwrap_or(1.0)
    }

    /// Why `ask` can never be granted by this pool.
    fn never(&self, ask: &Ask) -> Option<RefusalReason> {
        if let Some(account) = ask.account {
            let gone = self
                .accounts
                .get(account.index())
                .is_none_or(|it| it.keys.is_empty());
            return gone.then_some(RefusalReason::AccountGone);
        }
        let served_by = self.models.get(ask.model).served_by.as_ref()?;
        (!served_by.contains(&true)).then_some(RefusalReason::NoSuchModel)
    }

    fn wait(
        &mut self,
        now: Time,
        group: GroupId,
        ask: Ask,
        attempts: &Attempts,
        charge: Charge,
    ) -> Admission {
        let Some(turn) = self.expected_turn(now, group, &ask, attempts, &charge) else {
            return Admission::Refused(Refusal {
                not_until: None,
                reason: RefusalReason::Exhausted,
            });
        };
        if turn > ask.deadline || ask.deadline <= now {
            return Admission::Refused(Refusal {
                not_until: Some(turn),
                reason: self.reason(now, group, &ask),
            });
        }
        // A retry had its place and its turn; that others have filled the room since is not its
        // fault. Its number is bounded by what is in flight.
        if !attempts.is_retry() && self.is_full_for(&ask) {
            return Admission::Refused(Refusal {
                not_until: Some(turn),
                reason: RefusalReason::RoomFull,
            });
        }
        let ticket = self.enter(now, group, ask, attempts, charge);
        if self.groups[group].room.len() <= LOOKED_AT_AT_ONCE {
            self.dispatch(now, group);
            return self.decided(ticket);
        }
        Admission::Waiting(ticket)
    }

    /// Whether one more would be one too many, for all or for its tenant.
    fn is_full_for(&self, ask: &Ask) -> bool {
        let limits = &self.spec.room;
        let rooms = || {
            self.groups
                .iter()
                .map(|group| &group.room)
                .filter(|room| !room.is_empty())
        };
        let bytes: u64 = rooms().map(WaitingRoom::bytes).sum();
        let of_tenant: usize = rooms().map(|room| room.waiting_of(ask.tenant)).sum();
        // The last places are kept for tenants that hold few; a single tenant may have them all.
        let kept = match self.spec.weights.len() {
            0 | 1 => 0,
            _ => limits.per_tenant_max,
        };
        let (waiting, open) = (self.waiting(), limits.requests_max.saturating_sub(kept));
        waiting >= limits.requests_max
            || (waiting >= open && of_tenant >= kept && kept > 0)
            || bytes.saturating_add(ask.body_bytes) > limits.bytes_max
    }

    fn enter(
        &mut self,
        now: Time,
        group: GroupId,
        ask: Ask,
        attempts: &Attempts,
        charge: Charge,
    ) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let weight = self.weight(&ask);
        let group = &mut self.groups[group];
        if attempts.avoided_until > now {
            group.timers.push(Reverse((attempts.avoided_until, None)));
        }
        let waiter = Waiter {
            tenant: ask.tenant,
            deadline: ask.deadline,
            arrived: ask.arrived,
            not_before: attempts.not_before,
            bytes: ask.body_bytes,
            cost: group.cost_secs(now, &charge),
            what: Waiting {
                charge,
                attempts: attempts.clone(),
                ask,
            },
        };
        let priority = waiter.what.ask.priority;
        group
            .room
            .enter(ticket, priority, weight, attempts.is_retry(), waiter);
        ticket
    }

    /// The answer for a newcomer, if looking at the room has already decided.
    fn decided(&mut self, ticket: Ticket) -> Admission {
        let decision = self
            .decisions
            .iter()
            .rposition(|(decided, _)| *decided == ticket)
            .and_then(|at| self.decisions.remove(at));
        match decision {
            Some((_, Ok(lease))) => Admission::Granted(lease),
            Some((_, Err(refusal))) => Admission::Refused(refusal),
            None => Admission::Waiting(ticket),
        }
    }

    /// When a newcomer would have its turn: an optimistic guess, since a refusal cannot be undone.
    /// `None`: never.
    pub(crate) fn expected_turn(
        &self,
        now: Time,
        group: GroupId,
        ask: &Ask,
        attempts: &Attempts,
        charge: &Charge,
    ) -> Option<Time> {
        let ahead = if attempts.is_retry() {
            now
        } else {
            let weight = self.weight(ask);
            let room = &self.groups[group].room;
            now.after_secs(room.ahead_secs(ask.tenant, ask.priority, weight))
        };
        let fits = match self.earliest_fit(now, group, ask, attempts, charge, &[]) {
            Some((_, at)) => at,
            None => self.next_change(now, group, ask, attempts)?,
        };
        Some(ahead.max(fits))
    }

    /// When a closed account may open again; `now` where that can be any moment.
    fn next_change(
        &self,
        now: Time,
        group: GroupId,
        ask: &Ask,
        attempts: &Attempts,
    ) -> Option<Time> {
        let group_ref = &self.groups[group];
        let could_serve = |account: usize| {
            self.serves(ask, account)
                && !self.accounts[account].keys.is_empty()
                && !group_ref.accounts[account].budget.is_closed()
                && !attempts.too_small.contains(&account_id(account))
        };
        (0..self.accounts.len())
            .filter(|account| could_serve(*account))
            .map(|account| self.opens_at(now, group, account).unwrap_or(now))
            .min()
    }

    pub(crate) fn earliest_fit(
        &self,
        now: Time,
        group: GroupId,
        ask: &Ask,
        attempts: &Attempts,
        charge: &Charge,
        reserved: &[AccountId],
    ) -> Option<(AccountId, Time)> {
        let allowed = |account: usize| {
            let id = account_id(account);
            self.serves(ask, account)
                && !attempts.too_small.contains(&id)
                && !reserved.contains(&id)
        };
        let found = self.groups[group].headroom.earliest(now, charge, allowed);
        found.map(|(account, at)| (account_id(account), at))
    }

    fn reason(&self, now: Time, group: GroupId, ask: &Ask) -> RefusalReason {
        let is_well = |account| self.serves(ask, account) && self.is_well(now, group, account);
        if self.overload.opens_at(now).is_some() {
            RefusalReason::Overloaded
        } else if (0..self.accounts.len()).any(is_well) {
            RefusalReason::Exhausted
        } else {
            RefusalReason::AllOpen
        }
    }
}
