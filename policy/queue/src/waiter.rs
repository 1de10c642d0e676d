//! Who waits, and where.

use crate::hold::Hold;
use keyweir_terms::ids::{TenantId, Ticket};
use keyweir_terms::request::Priority;
use keyweir_terms::time::Time;

/// On whose behalf a request asks, as far as it matters for its turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caller {
    /// Who.
    pub tenant: TenantId,
    /// The class it waits in.
    pub priority: Priority,
    /// Its tenant's share of the turns, beside other tenants'.
    pub weight: f64,
}

/// Someone who waits; `W` is what the group keeps with it.
#[derive(Debug)]
pub struct Waiter<W> {
    /// On whose behalf.
    pub caller: Caller,
    /// When its patience ends.
    pub deadline: Time,
    /// When it came.
    pub arrived: Time,
    /// How long it is held back. Only retries are.
    pub hold: Hold,
    /// It has been tried, and broke down.
    pub broke_down: bool,
    /// Bytes of body it holds.
    pub bytes: u64,
    /// Seconds of the group's capacity it takes.
    pub cost: f64,
    /// The group's.
    pub what: W,
}

/// Where a waiter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub(crate) class: usize,
    /// Whose queue it stands in; `None`: it comes before all queues.
    pub(crate) tenant: Option<TenantId>,
    pub(crate) ticket: Ticket,
}
