//! What is said between a plan and its driver.

use keyweir_pool::ask::{Lease, Refusal};
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{KeyId, Ticket};
use keyweir_terms::time::Time;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The request stands ready before the present choice.
    Begin,
    /// The present choice cannot be asked: the request cannot be made to name its model, or its tenant's
    /// limits for that model have no room for it.
    Unusable,
    /// The pool has decided about the ticket of the last [`Step::Wait`].
    Decided(Result<Lease, Refusal>),
    /// An attempt failed, and its lease is settled.
    Failed(Failure),
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The key it was made with.
    pub key: KeyId,
    /// How it ended.
    pub fault: Fault,
    /// The status of the provider's answer, if there was one.
    pub status: Option<u16>,
}

impl Failure {
    /// The account does not have the thing that the request names.
    pub(crate) fn is_unknown(&self) -> bool {
        self.status == Some(404) || self.fault == Fault::ReferenceUnknown
    }
}

/// What to do.
#[derive(Debug)]
pub enum Step {
    /// Send the request with the lease's key.
    Send(Lease),
    /// Wait for the pool's decision; then [`Event::Decided`].
    Wait(Ticket),
    /// Reroute the request to the plan's new choice; then [`Event::Begin`] or [`Event::Unusable`].
    Reroute,
    /// Give the client the provider's answer as it is.
    Relay,
    /// Tell the client no.
    Refuse(Why),
}

/// Why a client is told no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The pool refused.
    Pool(Refusal),
    /// The last attempt ended so.
    Fault {
        /// How.
        fault: Fault,
        /// When the same request could be served, were it to come again; `None`: unknown.
        not_until: Option<Time>,
    },
}
