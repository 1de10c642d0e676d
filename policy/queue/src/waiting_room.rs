//! The waiting room of one model group: who goes next when there is room again.
//!
//! Inside a class tenants share by cost, not by count. Cost is the share of the group's
//! capacity a request takes, in seconds.
//!
//! Classes are strict, except that every tenth turn belongs to the lowest class that has waited
//! for long, so that it still moves.
//!
//! A retry goes to the front: it has had its turn, and the answer it got was nobody's.
//!
//! The room only orders and counts. Whether a waiter fits is the group's business.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use keyweir_terms::ids::{TenantId, Ticket};
use keyweir_terms::request::Priority;
use keyweir_terms::time::Time;

use crate::class::Class;
use crate::waiter::{Place, Waiter};

/// A class that has waited this long gets every [`AGED_TURN`]th turn.
const AGED_AFTER: Duration = Duration::from_secs(2);
const AGED_TURN: u32 = 10;

/// Bounds on who waits for one provider, over all its quota groups. Each provider has as much for
/// itself, so that those who wait for one that is down leave the others' room alone; what all
/// providers' waiters hold together is bounded by the gateway's own limits on requests in flight and
/// on bodies held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimits {
    /// Requests that wait. Zero: nobody waits.
    pub requests_max: usize,
    /// Requests of one tenant while others may need the places: so many are kept for tenants that
    /// hold fewer. One tenant alone may have all places.
    pub per_tenant_max: usize,
    /// Bytes of body that they hold.
    pub bytes_max: u64,
}

/// Waiting requests, in the order of their turns.
#[derive(Debug)]
pub struct WaitingRoom<W> {
    classes: [Class<W>; 3],
    places: HashMap<Ticket, Place>,
    deadlines: BTreeSet<(Time, Ticket)>,
    bytes: u64,
    turns: u32,
}

impl<W> Default for WaitingRoom<W> {
    fn default() -> Self {
        Self {
            classes: [Class::default(), Class::default(), Class::default()],
            places: HashMap::new(),
            deadlines: BTreeSet::new(),
            bytes: 0,
            turns: 0,
        }
    }
}

impl<W> WaitingRoom<W> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes of body held by those who wait.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many of `tenant` wait for their turn.
    pub fn waiting_of(&self, tenant: TenantId) -> usize {
        self.classes.iter().map(|it| it.waiting_of(tenant)).sum()
    }

    /// A request went through without waiting: its tenant's next turn comes later for it.
    pub fn passed(&mut self, tenant: TenantId, priority: Priority, weight: f64, cost: f64) {
        self.classes[priority as usize].passed(tenant, weight, cost);
    }

    /// Seconds of capacity that will be used before a newcomer of `tenant` has its turn.
    pub fn ahead_secs(&self, tenant: TenantId, priority: Priority, weight: f64) -> f64 {
        let class = priority as usize;
        let before: f64 = self.classes[..class].iter().map(Class::cost).sum();
        before + self.classes[class].ahead_secs(tenant, weight)
    }

    /// Takes a place. A retry (`again`) goes to the front and pays nothing more.
    pub fn enter(
        &mut self,
        ticket: Ticket,
        priority: Priority,
        weight: f64,
        again: bool,
        waiter: Waiter<W>,
    ) {
        let class = priority as usize;
        self.bytes += waiter.bytes;
        self.deadlines.insert((waiter.deadline, ticket));
        let line = self.classes[class].enter(ticket, weight, again, waiter);
        let place = Place {
            class,
            line,
            ticket,
        };
        self.places.insert(ticket, place);
    }

    /// The first `most` places in the order of their turns, those left out that may not go yet.
    pub fn front(&self, now: Time, most: usize) -> Vec<Place> {
        let aged = self.aged_class(now);
        let others = (0..self.classes.len()).filter(|class| Some(*class) != aged);
        let mut places = Vec::with_capacity(most);
        for class in aged.into_iter().chain(others) {
            if places.len() < most {
                self.classes[class].front(class, now, most, &mut places);
            }
        }
        places
    }

    /// The waiter at a place.
    pub fn get(&self, place: Place) -> Option<&Waiter<W>> {
        self.classes[place.class].get(place)
    }

    /// Its turn has come.
    pub fn serve(&mut self, now: Time, place: Place) -> Option<(Ticket, Waiter<W>)> {
        self.turns = if self.aged_class(now) == Some(place.class) {
            0
        } else {
            self.turns.saturating_add(1)
        };
        let cost = self.get(place)?.cost;
        if place.line.is_some() {
            self.classes.iter_mut().for_each(|class| class.used(cost));
        }
        let waiter = self.classes[place.class].serve(place)?;
        self.forget(place.ticket, &waiter);
        Some((place.ticket, waiter))
    }

    /// It goes without having been served, and its tenant does not pay for the turn.
    pub fn leave(&mut self, ticket: Ticket) -> Option<Waiter<W>> {
        let place = *self.places.get(&ticket)?;
        let waiter = self.classes[place.class].leave(place)?;
        self.forget(ticket, &waiter);
        Some(waiter)
    }

    /// The earliest end of anyone's patience.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The earliest moment at which someone who may not go yet may go.
    pub fn next_not_before(&self, now: Time) -> Option<Time> {
        let retries = self.classes.iter().flat_map(Class::retries);
        retries
            .map(|waiter| waiter.not_before)
            .filter(|not_before| *not_before > now)
            .min()
    }

    /// Someone whose patience has ended.
    pub fn next_expired(&self, now: Time) -> Option<Ticket> {
        let (deadline, ticket) = self.deadlines.first()?;
        (*deadline <= now).then_some(*ticket)
    }

    fn forget(&mut self, ticket: Ticket, waiter: &Waiter<W>) {
        self.places.remove(&ticket);
        self.deadlines.remove(&(waiter.deadline, ticket));
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
    }

    fn aged_class(&self, now: Time) -> Option<usize> {
        if self.turns < AGED_TURN {
            return None;
        }
        let lowest = (1..self.classes.len())
            .rev()
            .find(|class| !self.classes[*class].is_empty())?;
        let first = self.classes[lowest].first()?;
        (now.since(first.arrived) >= AGED_AFTER).then_some(lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiter(tenant: u32, cost: f64) -> Waiter<()> {
        Waiter {
            tenant: TenantId(tenant),
            deadline: Time::ZERO + Duration::from_secs(30),
            arrived: Time::ZERO,
            not_before: Time::ZERO,
            bytes: 1,
            cost,
            what: (),
        }
    }

    fn served(room: &mut WaitingRoom<()>, turns: usize) -> Vec<u32> {
        (0..turns)
            .map_while(|_| {
                let place = *room.front(Time::ZERO, 1).first()?;
                room.serve(Time::ZERO, place)
                    .map(|(_, waiter)| waiter.tenant.0)
            })
            .collect()
    }

    #[test]
    fn tenants_share_by_cost_not_by_count() {
        let mut room = WaitingRoom::default();
        for n in 0..40 {
            room.enter(Ticket(n), Priority::Normal, 1.0, false, waiter(1, 0.1));
        }
        for n in 40..50 {
            room.enter(Ticket(n), Priority::Normal, 1.0, false, waiter(2, 0.4));
        }
        let order = served(&mut room, 25);
        let of_two = order.iter().filter(|tenant| **tenant == 2).count();
        assert!((4..=6).contains(&of_two), "{order:?}");
    }

    #[test]
    fn a_flood_delays_only_the_flooder() {
        let mut room = WaitingRoom::default();
        for n in 0..60 {
            room.enter(Ticket(n), Priority::Normal, 1.0, false, waiter(1, 0.1));
        }
        served(&mut room, 5);
        room.enter(Ticket(99), Priority::Normal, 1.0, false, waiter(2, 0.1));
        let order = served(&mut room, 2);
        assert!(order.contains(&2), "{order:?}");
        assert_eq!(
            (room.waiting_of(TenantId(1)), room.waiting_of(TenantId(3))),
            (54, 0)
        );
    }

    #[test]
    fn weights_divide_the_turns() {
        let mut room = WaitingRoom::default();
        for n in 0..50 {
            let tenant = 1 + (n % 2) as u32;
            let weight = if tenant == 1 { 3.0 } else { 1.0 };
            room.enter(
                Ticket(n),
                Priority::Normal,
                weight,
                false,
                waiter(tenant, 0.1),
            );
        }
        let order = served(&mut room, 20);
        let of_one = order.iter().filter(|tenant| **tenant == 1).count();
        assert!((14..=16).contains(&of_one), "{order:?}");
    }

    #[test]
    fn high_goes_first_and_low_still_moves() {
        let mut room = WaitingRoom::default();
        for n in 0..40 {
            room.enter(Ticket(n), Priority::High, 1.0, false, waiter(1, 0.1));
        }
        for n in 40..45 {
            room.enter(Ticket(n), Priority::Low, 1.0, false, waiter(2, 0.1));
        }
        let now = Time::ZERO + AGED_AFTER;
        let order: Vec<_> = (0..33)
            .map(|_| {
                let place = room.front(now, 1)[0];
                room.serve(now, place).unwrap().1.tenant.0
            })
            .collect();
        assert_eq!(order[..10], [1; 10]);
        assert_eq!(order.iter().filter(|tenant| **tenant == 2).count(), 3);
    }

    #[test]
    fn a_retry_goes_to_the_front_once_it_may() {
        let mut room = WaitingRoom::default();
        room.enter(Ticket(1), Priority::Normal, 1.0, false, waiter(1, 0.1));
        let later = Time::ZERO + Duration::from_secs(1);
        let retry = Waiter {
            not_before: later,
            ..waiter(2, 0.1)
        };
        room.enter(Ticket(2), Priority::Normal, 1.0, true, retry);
        let first = |room: &WaitingRoom<()>, now| room.get(room.front(now, 1)[0]).unwrap().tenant.0;
        assert_eq!(first(&room, Time::ZERO), 1);
        assert_eq!(room.next_not_before(Time::ZERO), Some(later));
        assert_eq!(first(&room, later), 2);
    }

    #[test]
    fn a_tenant_does_not_pay_for_turns_it_never_had() {
        let mut room = WaitingRoom::default();
        for n in 0..50 {
            room.enter(Ticket(n), Priority::Normal, 1.0, false, waiter(1, 1.0));
        }
        for n in 0..50 {
            room.leave(Ticket(n));
        }
        room.enter(Ticket(90), Priority::Normal, 1.0, false, waiter(1, 1.0));
        room.enter(Ticket(91), Priority::Normal, 1.0, false, waiter(2, 1.0));
        assert_eq!(served(&mut room, 2), [1, 2]);
    }

    #[test]
    fn who_leaves_frees_the_place_at_once() {
        let mut room = WaitingRoom::default();
        room.enter(Ticket(1), Priority::Normal, 1.0, false, waiter(1, 0.1));
        assert!(room.leave(Ticket(1)).is_some());
        assert!(room.leave(Ticket(1)).is_none());
        assert!(room.is_empty());
        assert_eq!((room.bytes(), room.next_deadline()), (0, None));
        assert_eq!(room.ahead_secs(TenantId(1), Priority::Low, 1.0), 0.0);
    }

    #[test]
    fn a_tenant_whose_waiters_leave_keeps_its_share() {
        let mut room = WaitingRoom::default();
        for n in 0..200 {
            let tenant = 1 + (n % 2) as u32;
            room.enter(Ticket(n), Priority::Normal, 1.0, false, waiter(tenant, 0.1));
        }
        served(&mut room, 10);
        // Half of what one of them had in line gives up, those who came first among them.
        (0..100).filter(|n| n % 2 == 1).for_each(|n| {
            room.leave(Ticket(n));
        });
        let order = served(&mut room, 20);
        assert_eq!(order.iter().filter(|tenant| **tenant == 2).count(), 10);
    }

    #[test]
    fn the_front_is_in_the_order_of_turns() {
        let mut room = WaitingRoom::default();
        for n in 0..30 {
            let tenant = 1 + (n % 3) as u32;
            let cost = f64::from(tenant) * 0.1;
            room.enter(
                Ticket(n),
                Priority::Normal,
                1.0,
                false,
                waiter(tenant, cost),
            );
        }
        let front = room.front(Time::ZERO, 16);
        assert_eq!(front.len(), 16);
        for place in front {
            assert_eq!(room.front(Time::ZERO, 1), [place]);
            room.serve(Time::ZERO, place);
        }
    }

    #[test]
    fn what_lies_ahead_counts_those_whose_turn_comes_before() {
        let mut room = WaitingRoom::default();
        for n in 0..100 {
            room.enter(Ticket(n), Priority::Normal, 1.0, false, waiter(1, 0.1));
        }
        let ahead = |room: &WaitingRoom<()>, tenant| {
            room.ahead_secs(TenantId(tenant), Priority::Normal, 1.0)
        };
        assert!((ahead(&room, 1) - 10.0).abs() < 1e-6);
        assert_eq!(ahead(&room, 2), 0.0);
        for n in 100..120 {
            room.enter(Ticket(n), Priority::Normal, 1.0, false, waiter(2, 0.1));
        }
        assert!((ahead(&room, 1) - 12.0).abs() < 1e-6);
        assert!((ahead(&room, 2) - 4.0).abs() < 1e-6);
    }

    #[test]
    fn who_keeps_coming_is_counted_ahead_of_a_line() {
        let mut room = WaitingRoom::default();
        for n in 0..1000 {
            room.enter(Ticket(n), Priority::Normal, 1.0, false, waiter(1, 0.1));
        }
        // Another comes whenever the first was served, and never waits for long.
        for n in 1000..1100 {
            room.enter(Ticket(n), Priority::Normal, 1.0, false, waiter(2, 0.1));
            served(&mut room, 2);
        }
        let ahead = room.ahead_secs(TenantId(1), Priority::Normal, 1.0);
        assert!((150.0..190.0).contains(&ahead), "{ahead}");
    }
}
