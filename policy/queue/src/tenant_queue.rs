//! The waiters of one tenant in one class, and the virtual time at which its next turn comes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};

use keyweir_terms::ids::{TenantId, Ticket};

use crate::waiter::Waiter;

/// Virtual nanoseconds per second of capacity: whole numbers, so that turns can be ordered.
pub(crate) const TURNS_PER_SEC: f64 = 1e9;
/// Keeps a weight of nothing from being divided by; the policy file's least is 1.
pub(crate) const WEIGHT_MIN: f64 = 1e-6;

/// A tenant's waiters, in the order in which they came.
#[derive(Debug)]
pub(crate) struct TenantQueue<W> {
    /// When its next turn comes, in virtual time.
    pub(crate) turn: u64,
    pub(crate) weight: f64,
    pub(crate) cost: f64,
    pub(crate) waiting: BTreeMap<Ticket, Waiter<W>>,
}

impl<W> TenantQueue<W> {
    pub(crate) const fn empty() -> Self {
        Self {
            turn: 0,
            weight: 1.0,
            cost: 0.0,
            waiting: BTreeMap::new(),
        }
    }

    /// Virtual time that `cost` takes.
    pub(crate) fn span(&self, cost: f64) -> u64 {
        (cost / self.weight.max(WEIGHT_MIN) * TURNS_PER_SEC) as u64
    }
}

/// A position in a queue, and when its turn will come if all before it are served.
pub(crate) struct Cursor<'a, W> {
    pub(crate) turn: u64,
    pub(crate) tenant: TenantId,
    pub(crate) ticket: Ticket,
    queue: &'a TenantQueue<W>,
    pub(crate) cost: f64,
    rest: btree_map::Iter<'a, Ticket, Waiter<W>>,
}

impl<'a, W> Cursor<'a, W> {
    pub(crate) fn at(turn: u64, tenant: TenantId, queue: &'a TenantQueue<W>) -> Option<Self> {
        let mut rest = queue.waiting.iter();
        let (ticket, waiter) = rest.next()?;
        Some(Self {
            turn,
            tenant,
            ticket: *ticket,
            queue,
            cost: waiter.cost,
            rest,
        })
    }

    pub(crate) fn step(&mut self) -> bool {
        let Some((ticket, waiter)) = self.rest.next() else {
            return false;
        };
        self.turn = self.turn.saturating_add(self.queue.span(self.cost));
        (self.ticket, self.cost) = (*ticket, waiter.cost);
        true
    }

    pub(crate) fn order(&self, other: &Self) -> Ordering {
        (self.turn, self.tenant).cmp(&(other.turn, other.tenant))
    }
}
