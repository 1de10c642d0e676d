//! The waiting room of one model group: who goes next when there is room again.
//!
//! Inside a class tenants share by cost, not by count: each request is tagged on arrival with the
//! virtual time at which its tenant's turn comes (start-time fair queueing, Goyal, Vin and Cheng
//! 1996), and the lowest tag goes first. A tenant that floods moves its own tags into the future
//! and nobody else's. Cost is the share of the lane's capacity a request takes, in seconds.
//!
//! Classes are strict, except that every tenth turn belongs to the lowest class that has waited
//! for long, so that it still moves.
//!
//! A retry goes to the front: it has had its turn, and the answer it got was nobody's.
//!
//! The room only orders and counts. Whether a waiter fits is the lane's business.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::ids::TenantId;
use crate::pool::{Priority, Ticket};
use crate::units::Time;

/// A class that has waited this long gets every [`AGED_TURN`]th turn.
const AGED_AFTER: Duration = Duration::from_secs(2);
const AGED_TURN: u32 = 10;
/// Virtual nanoseconds per second of capacity.
const TAGS_PER_SEC: f64 = 1e9;

/// Bounds of a provider's waiting rooms, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimits {
    /// Requests in all.
    pub requests_max: usize,
    /// Requests of one tenant.
    pub per_tenant_max: usize,
    /// Bytes of body in all.
    pub bytes_max: u64,
}

/// Where a waiter stands: class, tag, and order of arrival among equal tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    class: usize,
    tag: u64,
    ticket: Ticket,
}

/// Someone who waits; `W` is what the lane keeps with it.
#[derive(Debug)]
pub struct Waiter<W> {
    /// Who.
    pub tenant: TenantId,
    /// When its patience ends.
    pub deadline: Time,
    /// When it came.
    pub arrived: Time,
    /// Not to be sent before this.
    pub not_before: Time,
    /// Bytes of body it holds.
    pub bytes: u64,
    /// Seconds of the lane's capacity it takes.
    pub cost: f64,
    /// The lane's.
    pub what: W,
}

/// Waiting requests, in the order of their turns.
#[derive(Debug)]
pub struct WaitingRoom<W> {
    classes: [BTreeMap<(u64, Ticket), Waiter<W>>; 3],
    places: HashMap<Ticket, Place>,
    deadlines: BTreeSet<(Time, Ticket)>,
    tenants: HashMap<TenantId, Line>,
    virtual_now: u64,
    bytes: u64,
    cost: [f64; 3],
    /// Sum of the weights of tenants that have someone waiting.
    weights: f64,
    turns: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Line {
    finish: u64,
    waiting: usize,
    weight: f64,
}

impl<W> Default for WaitingRoom<W> {
    fn default() -> Self {
        Self {
            classes: [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()],
            places: HashMap::new(),
            deadlines: BTreeSet::new(),
            tenants: HashMap::new(),
            virtual_now: 0,
            bytes: 0,
            cost: [0.0; 3],
            weights: 0.0,
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

    /// How many of `tenant` wait.
    pub fn waiting_of(&self, tenant: TenantId) -> usize {
        self.tenants.get(&tenant).map_or(0, |line| line.waiting)
    }

    /// A request went through without waiting: its tenant's next turn comes later for it.
    pub fn passed(&mut self, tenant: TenantId, weight: f64, cost: f64) {
        let tag = self.tag(tenant, weight, cost);
        self.virtual_now = self.virtual_now.max(tag);
    }

    /// Seconds of capacity that will be used before a newcomer of `tenant` has its turn.
    pub fn ahead_secs(&self, tenant: TenantId, priority: Priority, weight: f64) -> f64 {
        let class = priority as usize;
        let before: f64 = self.cost[..class].iter().sum();
        let own = self.tenants.get(&tenant);
        let lead = own
            .map_or(0, |line| line.finish)
            .saturating_sub(self.virtual_now) as f64;
        let weights = match own {
            Some(line) if line.waiting > 0 => self.weights,
            _ => self.weights + weight,
        };
        before + self.cost[class].min(lead / TAGS_PER_SEC * weights)
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
        let tag = if again {
            0
        } else {
            self.tag(waiter.tenant, weight, waiter.cost)
        };
        let class = priority as usize;
        let place = Place { class, tag, ticket };
        let line = self.tenants.entry(waiter.tenant).or_default();
        if line.waiting == 0 {
            line.weight = weight;
            self.weights += weight;
        }
        line.waiting += 1;
        self.bytes += waiter.bytes;
        self.cost[class] += waiter.cost;
        self.deadlines.insert((waiter.deadline, ticket));
        self.places.insert(ticket, place);
        self.classes[class].insert((tag, ticket), waiter);
    }

    /// The first `most` waiters in the order of their turns, those left out that may not go yet.
    pub fn front(&self, now: Time, most: usize) -> impl Iterator<Item = (Place, &Waiter<W>)> {
        let aged = self.aged_class(now);
        let order = aged
            .into_iter()
            .chain((0..self.classes.len()).filter(move |class| Some(*class) != aged));
        order
            .flat_map(move |class| {
                self.classes[class]
                    .iter()
                    .map(move |(&(tag, ticket), waiter)| (Place { class, tag, ticket }, waiter))
            })
            .filter(move |(_, waiter)| waiter.not_before <= now)
            .take(most)
    }

    /// The waiter at a place.
    pub fn get(&self, place: Place) -> Option<&Waiter<W>> {
        self.classes[place.class].get(&(place.tag, place.ticket))
    }

    /// Its turn has come.
    pub fn serve(&mut self, now: Time, place: Place) -> Option<(Ticket, Waiter<W>)> {
        self.turns = if self.aged_class(now) == Some(place.class) {
            0
        } else {
            self.turns.saturating_add(1)
        };
        self.virtual_now = self.virtual_now.max(place.tag);
        self.remove(place.ticket)
            .map(|waiter| (place.ticket, waiter))
    }

    /// It goes without having been served, and its tenant does not pay for the turn.
    pub fn leave(&mut self, ticket: Ticket) -> Option<Waiter<W>> {
        let is_retry = self.places.get(&ticket)?.tag == 0;
        let waiter = self.remove(ticket)?;
        if !is_retry && let Some(line) = self.tenants.get_mut(&waiter.tenant) {
            let paid = (waiter.cost / line.weight.max(1e-6) * TAGS_PER_SEC) as u64;
            line.finish = line.finish.saturating_sub(paid);
        }
        Some(waiter)
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Waiter<W>> {
        let place = self.places.remove(&ticket)?;
        let waiter = self.classes[place.class].remove(&(place.tag, ticket))?;
        self.deadlines.remove(&(waiter.deadline, ticket));
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
        self.cost[place.class] = if self.classes[place.class].is_empty() {
            0.0
        } else {
            (self.cost[place.class] - waiter.cost).max(0.0)
        };
        if let Some(line) = self.tenants.get_mut(&waiter.tenant) {
            line.waiting -= 1;
            if line.waiting == 0 {
                self.weights -= line.weight;
            }
        }
        if self.places.is_empty() {
            self.weights = 0.0;
            self.forget_idle_tenants();
        }
        Some(waiter)
    }

    /// The earliest end of anyone's patience.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The earliest moment at which someone who may not go yet may go.
    pub fn next_not_before(&self, now: Time) -> Option<Time> {
        // Only retries have one, and they stand at the front.
        self.classes
            .iter()
            .flat_map(|class| class.iter().take_while(|((tag, _), _)| *tag == 0))
            .map(|(_, waiter)| waiter.not_before)
            .filter(|not_before| *not_before > now)
            .min()
    }

    /// Someone whose patience has ended.
    pub fn next_expired(&self, now: Time) -> Option<Ticket> {
        let (deadline, ticket) = self.deadlines.first()?;
        (*deadline <= now).then_some(*ticket)
    }

    fn tag(&mut self, tenant: TenantId, weight: f64, cost: f64) -> u64 {
        let line = self.tenants.entry(tenant).or_default();
        let start = line.finish.max(self.virtual_now).max(1);
        line.finish = start.saturating_add((cost / weight.max(1e-6) * TAGS_PER_SEC) as u64);
        start
    }

    fn aged_class(&self, now: Time) -> Option<usize> {
        if self.turns < AGED_TURN {
            return None;
        }
        let lowest = (1..self.classes.len())
            .rev()
            .find(|class| !self.classes[*class].is_empty())?;
        let (_, head) = self.classes[lowest].first_key_value()?;
        (now.since(head.arrived) >= AGED_AFTER).then_some(lowest)
    }

    /// Tenants whose last turn is in the past start at the present when they come again, which is
    /// what a tenant that is not in the map does.
    fn forget_idle_tenants(&mut self) {
        let present = self.virtual_now;
        self.tenants
            .retain(|_, line| line.waiting > 0 || line.finish > present);
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
                let place = room.front(Time::ZERO, 1).next()?.0;
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
                let place = room.front(now, 1).next().unwrap().0;
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
        let first = |room: &WaitingRoom<()>, now| room.front(now, 1).next().unwrap().1.tenant.0;
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
        assert_eq!(room.cost, [0.0; 3]);
    }
}
