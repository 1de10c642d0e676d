//! The waiting room's turns: who of those waiting can be granted now, and when to look again.

use crate::ask::{Ask, Refusal, RefusalReason};
use crate::group::Waiting;
use crate::models::GroupId;
use crate::pool::Pool;
use keyweir_queue::waiter::Place;
use keyweir_quota::budget::Charge;
use keyweir_terms::ids::AccountId;
use keyweir_terms::time::Time;

/// Waiters that are looked at past one that does not fit yet.
pub(crate) const LOOKAHEAD: usize = 16;

impl Pool {
    /// Grants whatever can be granted now, in the order of turns, and notes when to look again.
    ///
    /// A waiter that does not fit yet reserves the account it will fit first, so that those behind
    /// it can slip past it on other accounts but never delay it.
    pub(crate) fn dispatch(&mut self, now: Time, group: GroupId) {
        self.run_timers(now, group);
        self.expire(now, group);
        while self.dispatch_once(now, group) {}
    }

    fn dispatch_once(&mut self, now: Time, group: GroupId) -> bool {
        self.groups[group].fits_at = None;
        if self.groups[group].room.is_empty() || self.overload.opens_at(now).is_some() {
            return false;
        }
        let places = self.groups[group].room.front(now, LOOKAHEAD);
        let mut blocked = Blocked::default();
        let mut granted = false;
        for place in places {
            granted |= self.try_waiter(now, group, place, &mut blocked);
            if blocked.is_total || self.overload.opens_at(now).is_some() {
                break;
            }
        }
        self.groups[group].fits_at = blocked.fits_at;
        granted
    }

    fn try_waiter(
        &mut self,
        now: Time,
        group: GroupId,
        place: Place,
        blocked: &mut Blocked,
    ) -> bool {
        let Some(waiter) = self.groups[group].room.get(place) else {
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
        match self.grant(now, group, &ask, &attempts, &charge, &blocked.reserved) {
            Some(lease) => {
                if let Some((ticket, _)) = self.groups[group].room.serve(now, place) {
                    self.decisions.push_back((ticket, Ok(lease)));
                }
                true
            }
            None => {
                let earliest =
                    self.earliest_fit(now, group, &ask, &attempts, &charge, &blocked.reserved);
                blocked.add(&ask, &charge, earliest);
                false
            }
        }
    }

    /// Refuses those whose patience has ended.
    fn expire(&mut self, now: Time, group: GroupId) {
        while let Some(ticket) = self.groups[group].room.next_expired(now) {
            let Some(waiter) = self.groups[group].room.leave(ticket) else {
                return;
            };
            let Waiting {
                ask,
                attempts,
                charge,
            } = waiter.what;
            let refusal = Refusal {
                not_until: self.expected_turn(now, group, &ask, &attempts, &charge),
                reason: match self.overload.is_active() {
                    true => RefusalReason::Overloaded,
                    false => RefusalReason::PatienceOver,
                },
            };
            self.decisions.push_back((ticket, Err(refusal)));
        }
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
