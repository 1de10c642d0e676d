//! Admission: a key now, a place in the waiting room, or a refusal with a true time.

use std::cmp::Reverse;

use crate::budget::Charge;
use crate::ids::AccountId;
use crate::pool::Pool;
use crate::pool::ask::{Admission, Ask, Refusal, RefusalReason, Ticket};
use crate::pool::grant::account_id;
use crate::pool::lane::Waiting;
use crate::pool::models::LaneId;
use crate::retry::Attempts;
use crate::units::{Need, Time};
use crate::waiting::{Waiter, WaitingRoom};

/// Newcomers to a room with at most so many waiters are looked at at once: a small one may fit
/// where those before it do not.
const LOOKED_AT_AT_ONCE: usize = super::pump::LOOKAHEAD;

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
        let lane = self.models.get(ask.model).lane;
        self.run_timers(now, lane);
        if let Some(reason) = self.never(&ask) {
            return Admission::Refused(Refusal {
                not_until: None,
                reason,
            });
        }
        let charge = self.charge(&ask);
        let is_first = self.lanes[lane].room.is_empty() && attempts.not_before <= now;
        if is_first && let Some(lease) = self.grant(now, lane, &ask, attempts, &charge, &[]) {
            let cost = self.lanes[lane].cost_secs(now, &charge);
            if !attempts.is_retry() {
                let weight = self.weight(&ask);
                self.lanes[lane]
                    .room
                    .passed(ask.tenant, ask.priority, weight, cost);
            }
            return Admission::Granted(lease);
        }
        self.wait(now, lane, ask, attempts, charge)
    }

    /// A waiting client left. Tickets that are unknown (or were just decided) are ignored.
    pub fn cancel(&mut self, now: Time, ticket: Ticket) {
        let now = self.clock.read(now);
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].room.leave(ticket).is_some() {
                self.pump(now, lane);
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
        let lane = self.models.get(ask.model).lane;
        self.lanes[lane].estimates.need(ask.tenant, &ask.size)
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
        lane: LaneId,
        ask: Ask,
        attempts: &Attempts,
        charge: Charge,
    ) -> Admission {
        let Some(turn) = self.expected_turn(now, lane, &ask, attempts, &charge) else {
            return Admission::Refused(Refusal {
                not_until: None,
                reason: RefusalReason::Exhausted,
            });
        };
        if turn > ask.deadline || ask.deadline <= now {
            return Admission::Refused(Refusal {
                not_until: Some(turn),
                reason: self.reason(now, lane, &ask),
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
        let ticket = self.enter(now, lane, ask, attempts, charge);
        if self.lanes[lane].room.len() <= LOOKED_AT_AT_ONCE {
            self.pump(now, lane);
            return self.decided(ticket);
        }
        Admission::Waiting(ticket)
    }

    /// Whether one more would be one too many, for all or for its tenant.
    fn is_full_for(&self, ask: &Ask) -> bool {
        let limits = &self.spec.room;
        let rooms = || {
            self.lanes
                .iter()
                .map(|lane| &lane.room)
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
        lane: LaneId,
        ask: Ask,
        attempts: &Attempts,
        charge: Charge,
    ) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let weight = self.weight(&ask);
        let lane = &mut self.lanes[lane];
        if attempts.avoided_until > now {
            lane.timers.push(Reverse((attempts.avoided_until, None)));
        }
        let waiter = Waiter {
            tenant: ask.tenant,
            deadline: ask.deadline,
            arrived: ask.arrived,
            not_before: attempts.not_before,
            bytes: ask.body_bytes,
            cost: lane.cost_secs(now, &charge),
            what: Waiting {
                charge,
                attempts: attempts.clone(),
                ask,
            },
        };
        let priority = waiter.what.ask.priority;
        lane.room
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
    pub(super) fn expected_turn(
        &mut self,
        now: Time,
        lane: LaneId,
        ask: &Ask,
        attempts: &Attempts,
        charge: &Charge,
    ) -> Option<Time> {
        let ahead = if attempts.is_retry() {
            now
        } else {
            let weight = self.weight(ask);
            let room = &self.lanes[lane].room;
            now.after_secs(room.ahead_secs(ask.tenant, ask.priority, weight))
        };
        let fits = match self.earliest_fit(now, lane, ask, attempts, charge, &[]) {
            Some((_, at)) => at,
            None => self.next_change(now, lane, ask, attempts)?,
        };
        Some(ahead.max(fits))
    }

    /// When a closed account may open again; `now` where that can be any moment.
    fn next_change(&self, now: Time, lane: LaneId, ask: &Ask, attempts: &Attempts) -> Option<Time> {
        let lane_ref = &self.lanes[lane];
        let could_serve = |account: usize| {
            self.serves(ask, account)
                && !self.accounts[account].keys.is_empty()
                && !lane_ref.accounts[account].budget.is_closed()
                && !attempts.too_small.contains(&account_id(account))
        };
        (0..self.accounts.len())
            .filter(|account| could_serve(*account))
            .map(|account| self.opens_at(now, lane, account).unwrap_or(now))
            .min()
    }

    pub(super) fn earliest_fit(
        &self,
        now: Time,
        lane: LaneId,
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
        let found = self.lanes[lane].headrooms.earliest(now, charge, allowed);
        found.map(|(account, at)| (account_id(account), at))
    }

    fn reason(&self, now: Time, lane: LaneId, ask: &Ask) -> RefusalReason {
        let is_well = |account| self.serves(ask, account) && self.is_well(now, lane, account);
        if self.storm.opens_at(now).is_some() {
            RefusalReason::Overloaded
        } else if (0..self.accounts.len()).any(is_well) {
            RefusalReason::Exhausted
        } else {
            RefusalReason::AllOpen
        }
    }
}
