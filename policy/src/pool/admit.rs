//! Admission: a key now, a place in the waiting room, or a refusal with a true time.

use std::cmp::Reverse;

use crate::affinity;
use crate::budget::Charge;
use crate::ids::{AccountId, KeyId};
use crate::pool::Pool;
use crate::pool::ask::{Admission, Ask, Lease, Refusal, RefusalReason, Ticket};
use crate::pool::lane::Waiting;
use crate::pool::leases::{Generations, Open};
use crate::pool::models::LaneId;
use crate::retry::Attempts;
use crate::units::{Need, Time};
use crate::waiting::{Place, Waiter, WaitingRoom};

/// Waiters that are looked at past one that does not fit yet.
const LOOKAHEAD: usize = 16;
/// Keys of an account among which the least busy is looked for.
const KEYS_COMPARED: usize = 8;

impl Pool {
    /// Asks for a place. [`Self::next_decision`] is to be called until `None` afterwards, as after
    /// every call that takes `now`.
    pub fn admit(&mut self, now: Time, ask: Ask, attempts: &Attempts) -> Admission {
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
                self.lanes[lane].room.passed(ask.tenant, weight, cost);
            }
            return Admission::Granted(lease);
        }
        self.wait(now, lane, ask, attempts, charge)
    }

    /// A waiting client left. Tickets that are unknown (or were just decided) are ignored.
    pub fn cancel(&mut self, now: Time, ticket: Ticket) {
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
        if self.lanes[lane].room.len() <= LOOKAHEAD {
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
        self.waiting() >= limits.requests_max
            || of_tenant >= limits.per_tenant_max
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

    /// Grants whatever can be granted now, in the order of turns, and notes when to look again.
    ///
    /// A waiter that does not fit yet reserves the account it will fit first, so that those behind
    /// it can slip past it on other accounts but never delay it.
    pub(super) fn pump(&mut self, now: Time, lane: LaneId) {
        self.run_timers(now, lane);
        self.expire(now, lane);
        while self.pump_once(now, lane) {}
    }

    fn pump_once(&mut self, now: Time, lane: LaneId) -> bool {
        self.lanes[lane].fits_at = None;
        if self.lanes[lane].room.is_empty() || self.storm.opens_at(now).is_some() {
            return false;
        }
        let mut places = [None; LOOKAHEAD];
        for (slot, (place, _)) in places
            .iter_mut()
            .zip(self.lanes[lane].room.front(now, LOOKAHEAD))
        {
            *slot = Some(place);
        }
        let mut blocked = Blocked::default();
        let mut granted = false;
        for place in places.into_iter().flatten() {
            granted |= self.try_waiter(now, lane, place, &mut blocked);
            if blocked.is_total || self.storm.opens_at(now).is_some() {
                break;
            }
        }
        self.lanes[lane].fits_at = blocked.fits_at;
        granted
    }

    fn try_waiter(&mut self, now: Time, lane: LaneId, place: Place, blocked: &mut Blocked) -> bool {
        let Some(waiter) = self.lanes[lane].room.get(place) else {
            return false;
        };
        let Waiting {
            ask,
            charge,
            attempts,
        } = &waiter.what;
        if blocked.includes(ask, charge) {
            return false;
        }
        let (ask, charge, attempts) = (ask.clone(), *charge, attempts.clone());
        match self.grant(now, lane, &ask, &attempts, &charge, &blocked.reserved) {
            Some(lease) => {
                if let Some((ticket, _)) = self.lanes[lane].room.serve(now, place) {
                    self.decisions.push_back((ticket, Ok(lease)));
                }
                true
            }
            None => {
                let earliest =
                    self.earliest_fit(now, lane, &ask, &attempts, &charge, &blocked.reserved);
                blocked.add(&ask, &charge, earliest);
                false
            }
        }
    }

    /// Refuses those whose patience has ended.
    fn expire(&mut self, now: Time, lane: LaneId) {
        while let Some(ticket) = self.lanes[lane].room.next_expired(now) {
            let Some(waiter) = self.lanes[lane].room.leave(ticket) else {
                return;
            };
            let Waiting {
                ask,
                attempts,
                charge,
            } = waiter.what;
            let refusal = Refusal {
                not_until: self.expected_turn(now, lane, &ask, &attempts, &charge),
                reason: match self.storm.is_raging() {
                    true => RefusalReason::Overloaded,
                    false => RefusalReason::PatienceOver,
                },
            };
            self.decisions.push_back((ticket, Err(refusal)));
        }
    }

    /// When a newcomer would have its turn: an optimistic guess, since a refusal cannot be undone.
    /// `None`: never.
    fn expected_turn(
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

    fn earliest_fit(
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

    fn serves(&self, ask: &Ask, account: usize) -> bool {
        match ask.account {
            Some(only) => only.index() == account,
            None => {
                let served_by = &self.models.get(ask.model).served_by;
                served_by.as_ref().is_none_or(|serves| serves[account])
            }
        }
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

    /// The account with the most room that is not `reserved`, and its least busy key.
    fn grant(
        &mut self,
        now: Time,
        lane: LaneId,
        ask: &Ask,
        attempts: &Attempts,
        charge: &Charge,
        reserved: &[AccountId],
    ) -> Option<Lease> {
        if self.storm.opens_at(now).is_some() {
            return None;
        }
        let mut skipped: Vec<AccountId> = Vec::new();
        while skipped.len() <= KEYS_COMPARED {
            let is_out = |account: &AccountId| {
                reserved.contains(account)
                    || skipped.contains(account)
                    || attempts.too_small.contains(account)
            };
            let account = self.choose(now, lane, ask, charge, is_out)?;
            if let Some(key) = self.pick_key(now, lane, ask, attempts, account) {
                return Some(self.take(now, lane, ask, charge, account, key));
            }
            skipped.push(account);
        }
        None
    }

    fn choose(
        &mut self,
        now: Time,
        lane: LaneId,
        ask: &Ask,
        charge: &Charge,
        is_out: impl Fn(&AccountId) -> bool,
    ) -> Option<AccountId> {
        let draw = self.draws.u64(..);
        let allowed = |account: usize| self.serves(ask, account) && !is_out(&account_id(account));
        let headrooms = &self.lanes[lane].headrooms;
        let best = match ask.account {
            Some(only) => {
                let fits = headrooms.headroom(only.index(), now, charge).is_some();
                return (fits && allowed(only.index())).then_some(only);
            }
            None => headrooms.best(now, charge, draw, allowed)?,
        };
        let preferred = ask
            .affinity
            .and_then(|conversation| self.lanes[lane].affinity.get(now, conversation))
            .filter(|account| allowed(account.index()))
            .filter(|account| {
                headrooms
                    .headroom(account.index(), now, charge)
                    .is_some_and(|headroom| affinity::is_worth_it(headroom, best.headroom))
            });
        Some(preferred.unwrap_or(account_id(best.index)))
    }

    /// The least busy of a few keys of `account` that may be used, starting anywhere.
    fn pick_key(
        &mut self,
        now: Time,
        lane: LaneId,
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
            .filter(|key| self.is_usable(now, lane, *key))
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
        lane_id: LaneId,
        ask: &Ask,
        charge: &Charge,
        account: AccountId,
        key: KeyId,
    ) -> Lease {
        let lane = &mut self.lanes[lane_id];
        let generations = Generations {
            account: self.accounts[account.index()].standing.grant(),
            key: self.keys[key.index()].standing.grant(),
            key_model: lane.breakers[key.index()].grant(),
        };
        let marks = lane.accounts[account.index()].budget.take(now, charge);
        self.storm.grant(now);
        let slot = self.leases.open(Open {
            tenant: ask.tenant,
            model: ask.model,
            lane: lane_id,
            account,
            key,
            size: ask.size,
            affinity: ask.affinity,
            charge: *charge,
            marks,
            granted: now,
            generations,
            produced: 0.0,
            foreseen: charge.pending[crate::units::Dimension::OutputTokens.index()],
            first_output: None,
            is_paced: false,
            answered: false,
        });
        self.refresh(now, lane_id, account.index());
        Lease { slot, key, account }
    }
}

/// Those found not to fit in one pass over the room.
#[derive(Default)]
struct Blocked {
    reserved: Vec<AccountId>,
    smallest: Vec<Charge>,
    /// Someone found no account left to wait for: nor will those behind.
    is_total: bool,
    fits_at: Option<Time>,
}

impl Blocked {
    /// Whether one that needs no more was already found not to fit.
    fn includes(&self, ask: &Ask, charge: &Charge) -> bool {
        ask.account.is_none()
            && self.smallest.iter().any(|blocked| {
                (0..charge.prompt.len()).all(|d| {
                    blocked.prompt[d] <= charge.prompt[d] && blocked.pending[d] <= charge.pending[d]
                })
            })
    }

    fn add(&mut self, ask: &Ask, charge: &Charge, earliest: Option<(AccountId, Time)>) {
        if ask.account.is_none() {
            self.smallest.push(*charge);
        }
        match earliest {
            Some((account, at)) => {
                self.reserved.push(account);
                self.fits_at = Some(self.fits_at.map_or(at, |sooner| sooner.min(at)));
            }
            None => self.is_total |= ask.account.is_none(),
        }
    }
}

fn account_id(index: usize) -> AccountId {
    AccountId(u32::try_from(index).expect("accounts are bounded"))
}
