//! Decisions about those who wait, until the driver fetches them.

use std::collections::VecDeque;

use keyweir_terms::ids::Ticket;

use crate::ask::{Lease, Refusal};

/// What became of a request that waited.
pub(crate) type Decision = Result<Lease, Refusal>;

/// Tickets given out, and decisions not fetched yet.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    made: VecDeque<(Ticket, Decision)>,
    next_ticket: u64,
}

impl Decisions {
    /// A ticket that nobody has had.
    pub(crate) fn ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }

    pub(crate) fn add(&mut self, ticket: Ticket, decision: Decision) {
        self.made.push_back((ticket, decision));
    }

    pub(crate) fn next(&mut self) -> Option<(Ticket, Decision)> {
        self.made.pop_front()
    }

    /// The decision about one ticket, if it is made.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Decision> {
        let mut made = self.made.iter();
        let at = made.rposition(|(decided, _)| *decided == ticket)?;
        self.made.remove(at).map(|(_, decision)| decision)
    }
}
