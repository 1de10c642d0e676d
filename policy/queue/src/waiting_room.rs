//! The waiting room of one quota group: who goes next when there is budget again.
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

use crate::class::{Class, View};
use crate::drain::Drain;
use crate::hold::Look;
use crate::waiter::{Caller, Position, Waiter};

/// A class that has waited this long gets every [`AGED_TURN`]th turn. A tenth keeps "classes" within its
/// bounds; so do a fifth and a twentieth, and half and twice the time.
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

/// Those of one tenant who wait in one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingLine {
    /// The class.
    pub priority: Priority,
    /// The tenant; `None`: retries, whoever's they are.
    pub tenant: Option<TenantId>,
    /// How many.
    pub waiting: usize,
    /// When the first of them came.
    pub since: Time,
}

/// Waiting requests, in the order of their turns.
#[derive(Debug)]
pub struct WaitingRoom<W> {
    classes: [Class<W>; 3],
    positions: HashMap<Ticket, Position>,
    deadlines: BTreeSet<(Time, Ticket)>,
    bytes: u64,
    turns: u32,
    drain: Drain,
}

impl<W> Default for WaitingRoom<W> {
    fn default() -> Self {
        Self {
            classes: [Class::default(), Class::default(), Class::default()],
            positions: HashMap::new(),
            deadlines: BTreeSet::new(),
            bytes: 0,
            turns: 0,
            drain: Drain::default(),
        }
    }
}

impl<W> WaitingRoom<W> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Bytes of body held by those who wait.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many of `tenant` wait for their turn.
    pub fn waiting_of(&self, tenant: TenantId) -> usize {
        self.classes.iter().map(|it| it.waiting_of(tenant)).sum()
    }

    /// Who waits, by class and tenant.
    pub fn lines(&self) -> impl Iterator<Item = WaitingLine> {
        self.classes.iter().flat_map(|class| {
            class.lines().map(|(tenant, waiting, first)| WaitingLine {
                priority: first.caller.priority,
                tenant,
                waiting,
                since: first.arrived,
            })
        })
    }

    /// A request went through without waiting: its tenant's next turn comes later for it.
    pub fn passed(&mut self, caller: &Caller, cost: f64) {
        self.classes[caller.priority as usize].passed(caller, cost);
    }

    /// Seconds until a new request of `caller` has its turn: the capacity that will be used before, as
    /// fast as such capacity was lately used.
    pub fn ahead_secs(&self, caller: &Caller) -> f64 {
        let class = caller.priority as usize;
        let before: f64 = self.classes[..class].iter().map(Class::cost).sum();
        let cost = before + self.classes[class].ahead_secs(caller);
        cost * self.drain.secs_per_cost()
    }

    /// Takes a position. A retry goes to the front and pays nothing more.
    pub fn enter(&mut self, ticket: Ticket, is_retry: bool, waiter: Waiter<W>) {
        let class = waiter.caller.priority as usize;
        self.bytes += waiter.bytes;
        self.deadlines.insert((waiter.deadline, ticket));
        let tenant = self.classes[class].enter(ticket, is_retry, waiter);
        let position = Position {
            class,
            tenant,
            ticket,
        };
        self.positions.insert(ticket, position);
    }

    /// All who wait, by the end of their patience.
    pub fn iter(&self) -> impl Iterator<Item = (Ticket, &Waiter<W>)> {
        let tickets = self.deadlines.iter().map(|(_, ticket)| *ticket);
        tickets.filter_map(|ticket| Some((ticket, self.get(*self.positions.get(&ticket)?)?)))
    }

    /// The first `most` positions in the order of their turns, those left out that may not go yet, and
    /// those of tenants that are `passed_over`.
    pub fn front(
        &self,
        look: &Look,
        most: usize,
        passed_over: impl Fn(TenantId) -> bool,
    ) -> Vec<Position> {
        let view = View {
            look,
            most,
            passed_over: &passed_over,
        };
        let aged = self.aged_class(look.now);
        let others = (0..self.classes.len()).filter(|class| Some(*class) != aged);
        let mut positions = Vec::with_capacity(most);
        for class in aged.into_iter().chain(others) {
            if positions.len() < most {
                self.classes[class].front(class, &view, &mut positions);
            }
        }
        positions
    }

    /// The first position of `tenant` in the highest class in which it has any, retries left aside.
    pub fn first_of(&self, tenant: TenantId) -> Option<Position> {
        self.classes.iter().enumerate().find_map(|(class, of)| {
            let ticket = of.first_of(tenant)?;
            Some(Position {
                class,
                tenant: Some(tenant),
                ticket,
            })
        })
    }

    /// The waiter at a position.
    pub fn get(&self, position: Position) -> Option<&Waiter<W>> {
        self.classes[position.class].get(position)
    }

    /// Its turn has come.
    pub fn serve(&mut self, now: Time, position: Position) -> Option<(Ticket, Waiter<W>)> {
        self.turns = if self.aged_class(now) == Some(position.class) {
            0
        } else {
            self.turns.saturating_add(1)
        };
        let cost = self.get(position)?.cost;
        if position.tenant.is_some() {
            self.classes.iter_mut().for_each(|class| class.used(cost));
        }
        let waiter = self.classes[position.class].serve(position)?;
        self.drain.served(now, cost);
        self.vacate(position.ticket, &waiter);
        Some((position.ticket, waiter))
    }

    /// It goes without having been served, and its tenant does not pay for the turn.
    pub fn leave(&mut self, ticket: Ticket) -> Option<Waiter<W>> {
        let position = *self.positions.get(&ticket)?;
        let waiter = self.classes[position.class].leave(position)?;
        self.vacate(ticket, &waiter);
        Some(waiter)
    }

    /// The earliest end of anyone's patience.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The earliest moment at which someone who is held back may go.
    pub fn next_release(&self, look: &Look) -> Option<Time> {
        let retries = self.classes.iter().flat_map(Class::retries);
        retries
            .map(|waiter| waiter.hold.ends_at(look.served_at))
            .filter(|ends_at| *ends_at > look.now)
            .min()
    }

    /// Someone whose patience has ended.
    pub fn next_expired(&self, now: Time) -> Option<Ticket> {
        let (deadline, ticket) = self.deadlines.first()?;
        (*deadline <= now).then_some(*ticket)
    }

    fn vacate(&mut self, ticket: Ticket, waiter: &Waiter<W>) {
        self.positions.remove(&ticket);
        self.deadlines.remove(&(waiter.deadline, ticket));
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
        if self.is_empty() {
            self.drain.pause();
        }
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
mod tests;
