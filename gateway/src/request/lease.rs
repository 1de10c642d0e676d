//! A lease that cannot be lost: settled exactly once, also when the request is cancelled or
//! panics.
//!
//! What is learned of the attempt on the way (that it was sent, what the headers said, what was
//! charged) is gathered here, so that whatever ends the request settles with all that is known.

use std::sync::Arc;

use keyweir_policy::pool::ask::{ChosenBy, Lease, Notice, Settlement};
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{AccountId, KeyId};
use keyweir_policy::terms::request::Usage;
use keyweir_policy::terms::snapshot::Snapshot;

use crate::runtime::pool::SharedPool;
use crate::runtime::told::Said;

/// Tokens of output between two reports of a stream's progress: small beside any budget, and few
/// enough that a stream's chunks do not fight over the pool's lock.
const PROGRESS_STEP: u64 = 256;

/// A lease on its way.
#[derive(Debug)]
pub(crate) struct HeldLease {
    pool: Arc<SharedPool>,
    lease: Option<Lease>,
    sent: bool,
    /// Of a refusal: boxed, because it is large and nearly never there.
    snapshot: Option<Box<Snapshot>>,
    usage: Usage,
    reported: u64,
    /// What the provider said, where that may take out the key or the account.
    said: Option<Box<Said>>,
}

impl HeldLease {
    pub(crate) fn new(pool: &Arc<SharedPool>, lease: Lease) -> Self {
        Self {
            pool: Arc::clone(pool),
            lease: Some(lease),
            sent: false,
            snapshot: None,
            usage: Usage::default(),
            reported: 0,
            said: None,
        }
    }

    pub(crate) fn key(&self) -> KeyId {
        self.lease().key
    }

    pub(crate) fn account(&self) -> AccountId {
        self.lease().account
    }

    /// Why this account.
    pub(crate) fn by(&self) -> ChosenBy {
        self.lease().by
    }

    /// Something of the request goes to the provider from now on.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
    }

    /// The head of a good answer arrived: its budgets count from now on.
    pub(crate) fn answered(&mut self, snapshot: &Snapshot) {
        self.pool.answered(self.lease(), snapshot);
    }

    /// The head of a refusal arrived: its budgets count when it is settled, beside its fault.
    pub(crate) fn refused(&mut self, snapshot: Snapshot) {
        self.snapshot = Some(Box::new(snapshot));
    }

    /// The provider said this, where that may take out the key or the account.
    pub(crate) fn said(&mut self, said: Said) {
        self.said = Some(Box::new(said));
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
        self.usage = usage;
    }

    /// Ends the lease. Returns what that took out or brought back.
    pub(crate) fn settle(mut self, fault: Fault) -> Option<Notice> {
        self.give_back(fault)
    }

    fn lease(&self) -> &Lease {
        self.lease
            .as_ref()
            .expect("a lease is taken only where `self` ends")
    }

    fn give_back(&mut self, fault: Fault) -> Option<Notice> {
        let lease = self.lease.take()?;
        let settlement = Settlement {
            fault,
            snapshot: self.snapshot.as_deref().copied().unwrap_or_default(),
            usage: self.usage,
            sent: self.sent,
        };
        self.pool.settle(lease, &settlement, self.said.as_deref())
    }
}

impl Drop for HeldLease {
    /// Reached with a lease only if the request's task ended where nobody expected it: the client
    /// went, the runtime stops, or we panicked. None of these is the provider's fault.
    fn drop(&mut self) {
        self.give_back(Fault::ClientLeft);
    }
}
