//! One class of the waiting room: its tenants share the turns by cost.
//!
//! Each tenant has a line of its own and a virtual time at which its next turn comes; the tenant
//! whose turn comes first is served, and its next turn lies further ahead by what it was served,
//! over its weight (start-time fair queueing, Goyal, Vin and Cheng 1996). A tenant that floods
//! makes its own line longer and nobody else's. Turns belong to lines and not to waiters: a waiter
//! that leaves, or whose patience ends, leaves no gap behind in which its tenant gets nothing.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, btree_map};

use keyweir_terms::ids::{TenantId, Ticket};
use keyweir_terms::time::Time;

use crate::waiter::{Place, Waiter};

/// Virtual nanoseconds per second of capacity.
const TURNS_PER_SEC: f64 = 1e9;
/// Lines that are looked at to say what lies ahead of a newcomer; beyond them it is told of less.
const LINES_LOOKED_AT_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Class<W> {
    /// Those who have had their turn and got nothing for it; they come before everybody.
    retries: BTreeMap<Ticket, Waiter<W>>,
    lines: HashMap<TenantId, Line<W>>,
    /// Tenants that have someone in line, by their next turn.
    turns: BTreeSet<(u64, TenantId)>,
    virtual_now: u64,
    pace: Pace,
}

/// A tenant's waiters, in the order in which they came.
#[derive(Debug)]
struct Line<W> {
    /// When its next turn comes, in virtual time.
    turn: u64,
    weight: f64,
    cost: f64,
    waiting: BTreeMap<Ticket, Waiter<W>>,
}

impl<W> Default for Class<W> {
    fn default() -> Self {
        Self {
            retries: BTreeMap::new(),
            lines: HashMap::new(),
            turns: BTreeSet::new(),
            virtual_now: 0,
            pace: Pace::default(),
        }
    }
}

impl<W> Class<W> {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty() && self.retries.is_empty()
    }

    /// How many of `tenant` stand in line.
    pub(super) fn waiting_of(&self, tenant: TenantId) -> usize {
        self.lines.get(&tenant).map_or(0, |line| line.waiting.len())
    }

    /// Seconds of capacity that all in line will take.
    pub(super) fn cost(&self) -> f64 {
        let lines = self.turns.iter().take(LINES_LOOKED_AT_MAX);
        lines.map(|(_, tenant)| self.lines[tenant].cost).sum()
    }

    /// A request of `tenant` went through without waiting.
    pub(super) fn passed(&mut self, tenant: TenantId, weight: f64, cost: f64) {
        let now = self.virtual_now;
        let line = self.lines.entry(tenant).or_insert_with(Line::empty);
        line.weight = weight;
        let turn = line.turn.max(now);
        line.turn = turn.saturating_add(line.span(cost));
        self.virtual_now = turn;
    }

    pub(super) fn enter(
        &mut self,
        ticket: Ticket,
        weight: f64,
        again: bool,
        waiter: Waiter<W>,
    ) -> Option<TenantId> {
        if again {
            self.retries.insert(ticket, waiter);
            return None;
        }
        let tenant = waiter.tenant;
        let line = self.lines.entry(tenant).or_insert_with(Line::empty);
        if line.waiting.is_empty() {
            line.turn = line.turn.max(self.virtual_now);
            line.weight = weight;
            self.turns.insert((line.turn, tenant));
        }
        line.cost += waiter.cost;
        line.waiting.insert(ticket, waiter);
        Some(tenant)
    }

    /// Seconds of capacity that will be used in this class before a newcomer of `tenant` has its
    /// turn.
    pub(super) fn ahead_secs(&self, tenant: TenantId, weight: f64) -> f64 {
        let own = self.lines.get(&tenant);
        let (turn, own_cost) = own.map_or((0, 0.0), |line| (line.turn, line.cost));
        let lead = turn.saturating_sub(self.virtual_now) as f64 / TURNS_PER_SEC;
        let turn = lead + own_cost / weight.max(1e-6);
        let others: f64 = self
            .turns
            .iter()
            .take(LINES_LOOKED_AT_MAX)
            .filter(|(_, other)| *other != tenant)
            .map(|(next, other)| {
                let other = &self.lines[other];
                let next = next.saturating_sub(self.virtual_now) as f64 / TURNS_PER_SEC;
                other.cost.min((turn - next).max(0.0) * other.weight)
            })
            .sum();
        (own_cost + others).max(turn * self.pace.cost_per_progress())
    }

    /// The first `most` places in the order of their turns, those left out that may not go yet.
    pub(super) fn front(&self, class: usize, now: Time, most: usize, into: &mut Vec<Place>) {
        let retries = self.retries.iter().filter(|(_, it)| it.not_before <= now);
        into.extend(retries.take(most).map(|(ticket, _)| Place {
            class,
            line: None,
            ticket: *ticket,
        }));
        let mut later = self.turns.iter().peekable();
        let mut cursors: Vec<Cursor<'_, W>> = Vec::new();
        while into.len() < most {
            let first = cursors.iter().map(|cursor| cursor.turn).min();
            if let Some((turn, tenant)) = later.peek()
                && first.is_none_or(|first| *turn <= first)
            {
                cursors.extend(Cursor::at(*turn, *tenant, &self.lines[tenant]));
                later.next();
                continue;
            }
            let Some(cursor) = cursors.iter_mut().min_by(|a, b| a.order(b)) else {
                return;
            };
            let place = Place {
                class,
                line: Some(cursor.tenant),
                ticket: cursor.ticket,
            };
            into.push(place);
            if !cursor.step() {
                let tenant = cursor.tenant;
                cursors.retain(|cursor| cursor.tenant != tenant);
            }
        }
    }

    /// Who has come first of those whose turn is next.
    pub(super) fn first(&self) -> Option<&Waiter<W>> {
        let line = || {
            let (_, tenant) = self.turns.first()?;
            self.lines[tenant].waiting.first_key_value()
        };
        let first = self.retries.first_key_value().or_else(line);
        first.map(|(_, waiter)| waiter)
    }

    pub(super) fn retries(&self) -> impl Iterator<Item = &Waiter<W>> {
        self.retries.values()
    }

    pub(super) fn get(&self, place: Place) -> Option<&Waiter<W>> {
        match place.line {
            None => self.retries.get(&place.ticket),
            Some(tenant) => self.lines.get(&tenant)?.waiting.get(&place.ticket),
        }
    }

    /// Takes someone out who was served: its tenant's next turn comes later for it.
    pub(super) fn serve(&mut self, place: Place) -> Option<Waiter<W>> {
        let Some(tenant) = place.line else {
            return self.retries.remove(&place.ticket);
        };
        let line = self.lines.get_mut(&tenant)?;
        let waiter = line.waiting.remove(&place.ticket)?;
        self.turns.remove(&(line.turn, tenant));
        let progress = line.turn.saturating_sub(self.virtual_now);
        self.pace.progressed(progress as f64 / TURNS_PER_SEC);
        self.virtual_now = self.virtual_now.max(line.turn);
        line.turn = line.turn.saturating_add(line.span(waiter.cost));
        self.has_left(tenant, waiter.cost);
        Some(waiter)
    }

    /// Takes someone out who was not served.
    pub(super) fn leave(&mut self, place: Place) -> Option<Waiter<W>> {
        let Some(tenant) = place.line else {
            return self.retries.remove(&place.ticket);
        };
        let line = self.lines.get_mut(&tenant)?;
        let waiter = line.waiting.remove(&place.ticket)?;
        self.turns.remove(&(line.turn, tenant));
        self.has_left(tenant, waiter.cost);
        Some(waiter)
    }

    /// Capacity was used for someone, of this class or another.
    pub(super) fn used(&mut self, cost: f64) {
        if !self.turns.is_empty() {
            self.pace.used(cost);
        }
    }

    fn has_left(&mut self, tenant: TenantId, cost: f64) {
        let Some(line) = self.lines.get_mut(&tenant) else {
            return;
        };
        if line.waiting.is_empty() {
            line.cost = 0.0;
        } else {
            line.cost = (line.cost - cost).max(0.0);
            self.turns.insert((line.turn, tenant));
        }
        if self.turns.is_empty() {
            self.pace = Pace::default();
            self.forget_idle_tenants();
        }
    }

    /// Tenants whose next turn is in the past start at the present when they come again, which is
    /// what a tenant that is not in the map does.
    fn forget_idle_tenants(&mut self) {
        let present = self.virtual_now;
        self.lines.retain(|_, line| line.turn > present);
    }
}

impl<W> Line<W> {
    const fn empty() -> Self {
        Self {
            turn: 0,
            weight: 1.0,
            cost: 0.0,
            waiting: BTreeMap::new(),
        }
    }

    /// Virtual time that `cost` takes.
    fn span(&self, cost: f64) -> u64 {
        (cost / self.weight.max(1e-6) * TURNS_PER_SEC) as u64
    }
}

/// A place in a line, and when its turn will come if all before it are served.
struct Cursor<'a, W> {
    turn: u64,
    tenant: TenantId,
    ticket: Ticket,
    line: &'a Line<W>,
    cost: f64,
    rest: btree_map::Iter<'a, Ticket, Waiter<W>>,
}

impl<'a, W> Cursor<'a, W> {
    fn at(turn: u64, tenant: TenantId, line: &'a Line<W>) -> Option<Self> {
        let mut rest = line.waiting.iter();
        let (ticket, waiter) = rest.next()?;
        Some(Self {
            turn,
            tenant,
            ticket: *ticket,
            line,
            cost: waiter.cost,
            rest,
        })
    }

    fn step(&mut self) -> bool {
        let Some((ticket, waiter)) = self.rest.next() else {
            return false;
        };
        self.turn = self.turn.saturating_add(self.line.span(self.cost));
        (self.ticket, self.cost) = (*ticket, waiter.cost);
        true
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.turn, self.tenant).cmp(&(other.turn, other.tenant))
    }
}

/// How much capacity was lately used for each step of the virtual time. Tenants that come and go
/// use some of what those in line seem to be due; how much shows only here.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    used: f64,
    progress: f64,
}

impl Pace {
    /// Seconds of capacity after which what was used counts for less than half.
    const MEMORY_SECS: f64 = 10.0;
    /// Capacity used before a pace can be told.
    const USED_MIN_SECS: f64 = 2.0;
    /// Others may come less often: the pace counts for a little more than it was.
    const HOPE: f64 = 0.9;

    fn used(&mut self, cost: f64) {
        let kept = (-cost / Self::MEMORY_SECS).exp();
        self.used = self.used * kept + cost;
        self.progress *= kept;
    }

    fn progressed(&mut self, progress: f64) {
        self.progress += progress;
    }

    fn cost_per_progress(self) -> f64 {
        if self.used < Self::USED_MIN_SECS || self.progress <= 0.0 {
            return 0.0;
        }
        Self::HOPE * self.used / self.progress
    }
}
