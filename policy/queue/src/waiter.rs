//! Who waits, and where.

use keyweir_terms::ids::{TenantId, Ticket};
use keyweir_terms::time::Time;

/// Where a waiter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) class: usize,
    /// Whose line it stands in; `None`: it comes before all lines.
    pub(crate) line: Option<TenantId>,
    pub(crate) ticket: Ticket,
}

/// Someone who waits; `W` is what the group keeps with it.
#[derive(Debug)]
pub struct Waiter<W> {
    /// Who.
    pub tenant: TenantId,
    /// When its patience ends.
    pub deadline: Time,
    /// When it came.
    pub arrived: Time,
    /// Not to be sent before this. Only retries are told to wait so.
    pub not_before: Time,
    /// Bytes of body it holds.
    pub bytes: u64,
    /// Seconds of the group's capacity it takes.
    pub cost: f64,
    /// The group's.
    pub what: W,
}
