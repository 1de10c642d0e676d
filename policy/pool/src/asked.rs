//! What is asked, as one value: the ask, what its earlier attempts tell, what it is expected to
//! take, and the weight of its tenant.

use keyweir_queue::waiter::Caller;
use keyweir_quota::budget::Charge;

use crate::ask::Ask;
use crate::attempts::Attempts;
use crate::lone_failures::Sender;

/// A request that is being decided about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) ask: &'a Ask,
    pub(crate) attempts: &'a Attempts,
    pub(crate) charge: Charge,
    pub(crate) weight: f64,
}

/// The same, as it is kept with a waiter.
#[derive(Debug)]
pub(crate) struct Waiting {
    ask: Ask,
    attempts: Attempts,
    charge: Charge,
    weight: f64,
}

impl Asked<'_> {
    /// On whose behalf it asks.
    pub(crate) const fn caller(&self) -> Caller {
        Caller {
            tenant: self.ask.tenant,
            priority: self.ask.priority,
            weight: self.weight,
        }
    }

    /// Who sends it.
    pub(crate) const fn sender(&self) -> Sender {
        (self.ask.tenant, self.ask.affinity)
    }

    /// Whether it has been tried before.
    pub(crate) const fn is_retry(&self) -> bool {
        self.attempts.is_retry()
    }

    /// To be kept until it is decided.
    pub(crate) fn keep(&self) -> Waiting {
        Waiting {
            ask: *self.ask,
            attempts: self.attempts.clone(),
            charge: self.charge,
            weight: self.weight,
        }
    }
}

impl Waiting {
    pub(crate) const fn asked(&self) -> Asked<'_> {
        Asked {
            ask: &self.ask,
            attempts: &self.attempts,
            charge: self.charge,
            weight: self.weight,
        }
    }
}
