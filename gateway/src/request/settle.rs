//! A lease that cannot be forgotten: settled exactly once, also when the request is cancelled or
//! panics.
//!
//! What is learned of the attempt on the way (that it was sent, what the headers said, what was
//! charged) is gathered here, so that whatever ends the request settles with all that is known.

use std::sync::Arc;

use keyweir_policy::fault::Fault;
use keyweir_policy::ids::{AccountId, KeyId};
use keyweir_policy::pool::{Lease, Settlement, Usage};
use keyweir_policy::snapshot::Snapshot;

use crate::pool::{SharedPool, unused};

/// Tokens of output between two reports of a stream's progress: small beside any budget, and few
/// enough that a stream's chunks do not fight over the pool's lock.
const PROGRESS_STEP: u64 = 256;

/// A lease on its way.
#[derive(Debug)]
pub(crate) struct Held {
    pool: Arc<SharedPool>,
    lease: Option<Lease>,
    settlement: Settlement,
    reported: u64,
}

impl Held {
    pub(crate) fn new(pool: &Arc<SharedPool>, lease: Lease) -> Self {
        Self {
            pool: Arc::clone(pool),
            lease: Some(lease),
            settlement: unused(),
            reported: 0,
        }
    }

    pub(crate) fn key(&self) -> KeyId {
        self.lease().key
    }

    pub(crate) fn account(&self) -> AccountId {
        self.lease().account
    }

    /// Something of the request goes to the provider from now on.
    pub(crate) fn sent(&mut self) {
        self.settlement.sent = true;
    }

    /// The head of a good answer arrived: its budgets count from now on.
    pub(crate) fn answered(&mut self, snapshot: &Snapshot) {
        self.pool.answered(self.lease(), snapshot);
    }

    /// The head of a refusal arrived: its budgets count when it is settled, beside its fault.
    pub(crate) fn refused(&mut self, snapshot: Snapshot) {
        self.settlement.snapshot = snapshot;
    }

    /// The stream has produced `output` tokens so far.
    pub(crate) fn progressed(&mut self, output: u64) {
        if output >= self.reported.saturating_add(PROGRESS_STEP) {
            self.reported = output;
            self.pool.progressed(self.lease(), output);
        }
    }

    /// What the provider says it charged.
    pub(crate) fn charged(&mut self, usage: Usage) {
        self.settlement.usage = usage;
    }

    /// Ends the lease.
    pub(crate) fn settle(mut self, fault: Fault) {
        self.settlement.fault = fault;
        self.give_back();
    }

    fn lease(&self) -> &Lease {
        self.lease
            .as_ref()
            .expect("a lease is taken only where `self` ends")
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.pool.settle(lease, &self.settlement);
        }
    }
}

impl Drop for Held {
    /// Reached with a lease only if the request's task ended where nobody expected it: the client
    /// went, the runtime stops, or we panicked. None of these is the provider's fault.
    fn drop(&mut self) {
        self.give_back();
    }
}
