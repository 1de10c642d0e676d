//! The waiting room's turns: who of those waiting can be granted now, and when to look again.

use keyweir_health::breaker::{Breaker, BreakerState};
use keyweir_queue::hold::Look;
use keyweir_queue::waiter::Position;
use keyweir_quota::budget::Charge;
use keyweir_terms::ids::{AccountId, Ticket};
use keyweir_terms::time::Time;

use super::QuotaGroup;
use crate::access::Set;
use crate::ask::{Refusal, RefusalReason};
use crate::asked::Asked;
use crate::shared::Shared;
use crate::spec::PoolSpec;

/// Waiters that are looked at past one that does not fit yet: with as many, being served out of a
/// full waiting room is measured to take some 10 µs.
pub(crate) const LOOKAHEAD: usize = 16;
/// Times that those are looked past who wait for accounts of their own, so that they hide nobody who
/// could be served elsewhere: each time all are passed over who may use the same accounts.
const PASSES_MAX: usize = 8;

impl QuotaGroup {
    /// Grants whatever can be granted now, in the order of turns, and notes when to look again.
    ///
    /// A waiter that does not fit yet reserves the account it will fit first, so that those behind
    /// it can slip past it on other accounts but never delay it.
    pub(crate) fn dispatch(&mut self, now: Time, shared: &mut Shared) {
        self.run_timers(now, &shared.members);
        self.expire(now, shared);
        while self.dispatch_once(now, shared) {}
    }

    /// When something changes for someone who waits; `None` while nobody does.
    pub(crate) fn next_wake(&self, now: Time, shared: &Shared) -> Option<Time> {
        if self.room.is_empty() {
            return None;
        }
        let moments = [
            self.room.next_deadline(),
            self.room.next_release(&self.look(now, shared)),
            self.fits_at,
            self.timers.next(),
            shared.overload.opens_at(now),
        ];
        moments.into_iter().flatten().min()
    }

    /// What those who wait are looked at with.
    pub(crate) fn look(&self, now: Time, shared: &Shared) -> Look {
        let is_closed = |breaker: &Breaker| breaker.state(now) == BreakerState::Closed;
        Look {
            now,
            served_at: self.served_at,
            broken_last: shared.overload.is_active(now) || !self.breakers.values().any(is_closed),
        }
    }

    fn dispatch_once(&mut self, now: Time, shared: &mut Shared) -> bool {
        self.fits_at = None;
        if self.room.is_empty() || shared.overload.opens_at(now).is_some() {
            return false;
        }
        self.dispatch_reserves(now, shared);
        let mut blocked = Blocked::default();
        let mut granted = false;
        for _ in 0..PASSES_MAX {
            granted |= self.pass(now, shared, &mut blocked);
            let is_over = blocked.is_total || shared.overload.opens_at(now).is_some();
            if granted || is_over || !std::mem::take(&mut blocked.hides_others) {
                break;
            }
        }
        let due = self.next_reserve_turn(now, shared);
        self.fits_at = blocked.fits_at.into_iter().chain(due).min();
        granted
    }

    /// Looks at the first of those who wait; says whether any of them was granted.
    fn pass(&mut self, now: Time, shared: &mut Shared, blocked: &mut Blocked) -> bool {
        let look = self.look(now, shared);
        let access = &shared.access;
        let is_passed = |tenant| {
            access
                .set(tenant)
                .is_some_and(|it| blocked.sets.contains(&it))
        };
        let front = self.room.front(&look, LOOKAHEAD, is_passed);
        let is_full = front.len() >= LOOKAHEAD;
        let sets = blocked.sets.len();
        let mut granted = false;
        for position in front {
            if !blocked.looked_at.contains(&position) {
                granted |= self.try_waiter(now, shared, position, blocked);
            }
            if !shared.access.is_open() {
                blocked.looked_at.push(position);
            }
            if blocked.is_total || shared.overload.opens_at(now).is_some() {
                break;
            }
        }
        blocked.hides_others = is_full && blocked.sets.len() > sets;
        granted
    }

    fn try_waiter(
        &mut self,
        now: Time,
        shared: &mut Shared,
        position: Position,
        blocked: &mut Blocked,
    ) -> bool {
        let Some(waiter) = self.room.get(position) else {
            return false;
        };
        let asked = waiter.what.asked();
        let set = shared.access.set(asked.ask.tenant);
        if blocked.includes(&asked, set) {
            return false;
        }
        let Some(chosen) = self.choose(now, shared, &asked, &blocked.reserved) else {
            let earliest = self.earliest_fit(now, shared, &asked, &blocked.reserved);
            // Where it fits now and was not chosen, it is its own avoiding that keeps it, and a timer
            // tells when that ends.
            let earliest = earliest.filter(|(_, at)| *at > now || !asked.is_retry());
            blocked.add((&asked, set), earliest);
            return false;
        };
        let Some((ticket, waiter)) = self.room.serve(now, position) else {
            return false;
        };
        let lease = self.take(now, shared, &waiter.what.asked(), chosen);
        shared.decisions.add(ticket, Ok(lease));
        true
    }

    /// Refuses those whose patience has ended.
    fn expire(&mut self, now: Time, shared: &mut Shared) {
        while let Some(ticket) = self.room.next_expired(now) {
            let Some(waiter) = self.room.leave(ticket) else {
                return;
            };
            let asked = waiter.what.asked();
            let reason = match shared.overload.is_active(now) {
                true => RefusalReason::Overloaded,
                false => RefusalReason::PatienceOver,
            };
            self.note_refused(now, shared, &asked, reason);
            let not_until = self.expected_turn(now, shared, &asked);
            let refusal = Refusal { not_until, reason };
            shared.decisions.add(ticket, Err(refusal));
        }
    }

    /// Refuses those who can never be served any more under the policy `spec`, whatever time brings.
    pub(crate) fn refuse_unservable(&mut self, now: Time, shared: &mut Shared, spec: &PoolSpec) {
        let why_never = |asked: &Asked<'_>| match shared.never(asked.ask) {
            _ if spec.is_gone(asked.ask.tenant) => Some(RefusalReason::TenantGone),
            Some(reason) => Some(reason),
            None if self.expected_turn(now, shared, asked).is_none() => {
                Some(self.why_never(shared, asked))
            }
            None => None,
        };
        let waiting = self.room.iter();
        let refused: Vec<(Ticket, RefusalReason)> = waiting
            .filter_map(|(ticket, waiter)| Some((ticket, why_never(&waiter.what.asked())?)))
            .collect();
        for (ticket, reason) in refused {
            self.room.leave(ticket);
            let not_until = None;
            let refusal = Refusal { not_until, reason };
            shared.decisions.add(ticket, Err(refusal));
        }
    }
}

/// Whether what keeps it waiting keeps those behind it too: it may go wherever any may.
fn is_like_any(asked: &Asked<'_>, set: Option<Set>) -> bool {
    set.is_none() && asked.ask.account.is_none() && !asked.attempts.is_choosy()
}

/// Those found not to fit in one pass over the room.
#[derive(Default)]
struct Blocked {
    reserved: Vec<AccountId>,
    smallest: Vec<Charge>,
    /// Someone found no account left to wait for: nor will those behind.
    is_total: bool,
    fits_at: Option<Time>,
    /// Of those who may not use every account, who was found waiting.
    sets: Vec<Set>,
    looked_at: Vec<Position>,
    /// They were as many as are looked at, so that nobody behind them was seen.
    hides_others: bool,
}

impl Blocked {
    /// Whether one that needs no more was already found not to fit.
    fn includes(&self, asked: &Asked<'_>, set: Option<Set>) -> bool {
        let charge = &asked.charge;
        is_like_any(asked, set)
            && self.smallest.iter().any(|blocked| {
                (0..charge.prompt.len()).all(|d| {
                    blocked.prompt[d] <= charge.prompt[d] && blocked.pending[d] <= charge.pending[d]
                })
            })
    }

    fn add(
        &mut self,
        (asked, set): (&Asked<'_>, Option<Set>),
        earliest: Option<(AccountId, Time)>,
    ) {
        let is_free = is_like_any(asked, set);
        if let Some(set) = set.filter(|set| !self.sets.contains(set)) {
            self.sets.push(set);
        }
        if is_free {
            self.smallest.push(asked.charge);
        }
        match earliest {
            Some((account, at)) => {
                self.reserved.push(account);
                self.fits_at = Some(self.fits_at.map_or(at, |sooner| sooner.min(at)));
            }
            None => self.is_total |= is_free,
        }
    }
}
