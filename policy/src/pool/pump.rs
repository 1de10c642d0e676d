//! The waiting room's turns: who of those waiting can be granted now, and when to look again.

use crate::budget::Charge;
use crate::ids::AccountId;
use crate::pool::Pool;
use crate::pool::ask::{Ask, Refusal, RefusalReason};
use crate::pool::lane::Waiting;
use crate::pool::models::LaneId;
use crate::units::Time;
use crate::waiting::Place;

/// Waiters that are looked at past one that does not fit yet.
pub(super) const LOOKAHEAD: usize = 16;

impl Pool {
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
        let places = self.lanes[lane].room.front(now, LOOKAHEAD);
        let mut blocked = Blocked::default();
        let mut granted = false;
        for place in places {
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
