//! One class of the waiting room: its tenants share the turns by cost.
//!
//! Each tenant has a queue of its own and a virtual time at which its next turn comes; the tenant
//! whose turn comes first is served, and its next turn lies further ahead by what it was served,
//! over its weight (start-time fair queueing, Goyal, Vin and Cheng 1996). A tenant that floods
//! makes its own queue longer and nobody else's. Turns belong to queues and not to waiters: a waiter
//! that leaves, or whose patience ends, leaves no gap behind in which its tenant gets nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keyweir_terms::ids::{TenantId, Ticket};

use crate::hold::Look;
use crate::pace::Pace;
use crate::tenant_queue::{Cursor, TURNS_PER_SEC, TenantQueue, WEIGHT_MIN};
use crate::waiter::{Caller, Position, Waiter};

/// Queues that are looked at to say what lies ahead of a new request; beyond them it is told of
/// less. Being refused by a full waiting room of 100 tenants is measured to take 1.5 µs, of the 10 µs
/// it is held to.
const QUEUES_LOOKED_AT_MAX: usize = 256;

/// Whom the front of a class is wanted of.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) look: &'v Look,
    pub(super) most: usize,
    pub(super) passed_over: &'v dyn Fn(TenantId) -> bool,
}

#[derive(Debug)]
pub(super) struct Class<W> {
    /// Those who have had their turn and got nothing for it; they come before everybody.
    retries: BTreeMap<Ticket, Waiter<W>>,
    queues: HashMap<TenantId, TenantQueue<W>>,
    /// Tenants that have someone waiting, by their next turn.
    turns: BTreeSet<(u64, TenantId)>,
    virtual_now: u64,
    pace: Pace,
}

impl<W> Default for Class<W> {
    fn default() -> Self {
        Self {
            retries: BTreeMap::new(),
            queues: HashMap::new(),
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

    /// How many of `tenant` stand in queue.
    pub(super) fn waiting_of(&self, tenant: TenantId) -> usize {
        self.queues
            .get(&tenant)
            .map_or(0, |queue| queue.waiting.len())
    }

    /// The first of `tenant` in queue.
    pub(super) fn first_of(&self, tenant: TenantId) -> Option<Ticket> {
        let (ticket, _) = self.queues.get(&tenant)?.waiting.first_key_value()?;
        Some(*ticket)
    }

    /// Seconds of capacity that all who wait will take.
    pub(super) fn cost(&self) -> f64 {
        let queues = self.turns.iter().take(QUEUES_LOOKED_AT_MAX);
        queues.map(|(_, tenant)| self.queues[tenant].cost).sum()
    }

    /// A request of `tenant` went through without waiting.
    pub(super) fn passed(&mut self, caller: &Caller, cost: f64) {
        let now = self.virtual_now;
        let queue = self
            .queues
            .entry(caller.tenant)
            .or_insert_with(TenantQueue::empty);
        queue.weight = caller.weight;
        let turn = queue.turn.max(now);
        queue.turn = turn.saturating_add(queue.span(cost));
        self.virtual_now = turn;
    }

    pub(super) fn enter(
        &mut self,
        ticket: Ticket,
        is_retry: bool,
        waiter: Waiter<W>,
    ) -> Option<TenantId> {
        if is_retry {
            self.retries.insert(ticket, waiter);
            return None;
        }
        let Caller { tenant, weight, .. } = waiter.caller;
        let queue = self.queues.entry(tenant).or_insert_with(TenantQueue::empty);
        if queue.waiting.is_empty() {
            queue.turn = queue.turn.max(self.virtual_now);
            queue.weight = weight;
            self.turns.insert((queue.turn, tenant));
        }
        queue.cost += waiter.cost;
        queue.waiting.insert(ticket, waiter);
        Some(tenant)
    }

    /// Seconds of capacity that will be used in this class before a new request has its turn.
    pub(super) fn ahead_secs(&self, caller: &Caller) -> f64 {
        let Caller { tenant, weight, .. } = *caller;
        let own = self.queues.get(&tenant);
        let (turn, own_cost) = own.map_or((0, 0.0), |queue| (queue.turn, queue.cost));
        let lead = turn.saturating_sub(self.virtual_now) as f64 / TURNS_PER_SEC;
        let turn = lead + own_cost / weight.max(WEIGHT_MIN);
        let others: f64 = self
            .turns
            .iter()
            .take(QUEUES_LOOKED_AT_MAX)
            .filter(|(_, other)| *other != tenant)
            .map(|(next, other)| {
                let other = &self.queues[other];
                let next = next.saturating_sub(self.virtual_now) as f64 / TURNS_PER_SEC;
                other.cost.min((turn - next).max(0.0) * other.weight)
            })
            .sum();
        (own_cost + others).max(turn * self.pace.cost_per_progress())
    }

    /// The first `most` positions in the order of their turns, those left out that may not go yet.
    pub(super) fn front(&self, class: usize, view: &View<'_>, into: &mut Vec<Position>) {
        self.retries_in_front(class, view, false, into);
        self.queues_in_front(class, view, into);
        self.retries_in_front(class, view, true, into);
    }

    /// The retries that come before all queues, or (`last`) after them.
    fn retries_in_front(
        &self,
        class: usize,
        view: &View<'_>,
        last: bool,
        into: &mut Vec<Position>,
    ) {
        let look = view.look;
        let comes = |it: &Waiter<W>| {
            (look.broken_last && it.broke_down) == last
                && it.hold.allows(look)
                && !(view.passed_over)(it.caller.tenant)
        };
        let retries = self.retries.iter().filter(|(_, it)| comes(it));
        let left = view.most.saturating_sub(into.len());
        into.extend(retries.take(left).map(|(ticket, _)| Position {
            class,
            tenant: None,
            ticket: *ticket,
        }));
    }

    fn queues_in_front(&self, class: usize, view: &View<'_>, into: &mut Vec<Position>) {
        let turns = self.turns.iter();
        let mut later = turns.filter(|(_, it)| !(view.passed_over)(*it)).peekable();
        let mut cursors: Vec<Cursor<'_, W>> = Vec::new();
        while into.len() < view.most {
            let first = cursors.iter().map(|cursor| cursor.turn).min();
            if let Some((turn, tenant)) = later.peek()
                && first.is_none_or(|first| *turn <= first)
            {
                cursors.extend(Cursor::at(*turn, *tenant, &self.queues[tenant]));
                later.next();
                continue;
            }
            let Some(cursor) = cursors.iter_mut().min_by(|a, b| a.order(b)) else {
                return;
            };
            let position = Position {
                class,
                tenant: Some(cursor.tenant),
                ticket: cursor.ticket,
            };
            into.push(position);
            if !cursor.step() {
                let tenant = cursor.tenant;
                cursors.retain(|cursor| cursor.tenant != tenant);
            }
        }
    }

    /// Who has come first of those whose turn is next.
    pub(super) fn first(&self) -> Option<&Waiter<W>> {
        let queue = || {
            let (_, tenant) = self.turns.first()?;
            self.queues[tenant].waiting.first_key_value()
        };
        let first = self.retries.first_key_value().or_else(queue);
        first.map(|(_, waiter)| waiter)
    }

    /// Each queue that has someone waiting: whose it is (`None`: retries, which come before all), how
    /// many, and who came first.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Option<TenantId>, usize, &Waiter<W>)> {
        let retries = self.retries.first_key_value();
        let retries = retries.map(|(_, first)| (None, self.retries.len(), first));
        let queues = self.turns.iter().filter_map(|(_, tenant)| {
            let waiting = &self.queues.get(tenant)?.waiting;
            let (_, first) = waiting.first_key_value()?;
            Some((Some(*tenant), waiting.len(), first))
        });
        retries.into_iter().chain(queues)
    }

    pub(super) fn retries(&self) -> impl Iterator<Item = &Waiter<W>> {
        self.retries.values()
    }

    pub(super) fn get(&self, position: Position) -> Option<&Waiter<W>> {
        match position.tenant {
            None => self.retries.get(&position.ticket),
            Some(tenant) => self.queues.get(&tenant)?.waiting.get(&position.ticket),
        }
    }

    /// Takes someone out who was served: its tenant's next turn comes later for it.
    pub(super) fn serve(&mut self, position: Position) -> Option<Waiter<W>> {
        let Some(tenant) = position.tenant else {
            return self.retries.remove(&position.ticket);
        };
        let queue = self.queues.get_mut(&tenant)?;
        let waiter = queue.waiting.remove(&position.ticket)?;
        self.turns.remove(&(queue.turn, tenant));
        let progress = queue.turn.saturating_sub(self.virtual_now);
        self.pace.progressed(progress as f64 / TURNS_PER_SEC);
        self.virtual_now = self.virtual_now.max(queue.turn);
        queue.turn = queue.turn.saturating_add(queue.span(waiter.cost));
        self.has_left(tenant, waiter.cost);
        Some(waiter)
    }

    /// Takes someone out who was not served.
    pub(super) fn leave(&mut self, position: Position) -> Option<Waiter<W>> {
        let Some(tenant) = position.tenant else {
            return self.retries.remove(&position.ticket);
        };
        let queue = self.queues.get_mut(&tenant)?;
        let waiter = queue.waiting.remove(&position.ticket)?;
        self.turns.remove(&(queue.turn, tenant));
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
        let Some(queue) = self.queues.get_mut(&tenant) else {
            return;
        };
        if queue.waiting.is_empty() {
            queue.cost = 0.0;
        } else {
            queue.cost = (queue.cost - cost).max(0.0);
            self.turns.insert((queue.turn, tenant));
        }
        if self.turns.is_empty() {
            self.pace = Pace::default();
            self.evict_idle_tenants();
        }
    }

    /// Tenants whose next turn is in the past start at the present when they come again, which is
    /// what a tenant that is not in the map does.
    fn evict_idle_tenants(&mut self) {
        let present = self.virtual_now;
        self.queues.retain(|_, queue| queue.turn > present);
    }
}
