//! What the quota groups of a pool have in common.

use std::collections::BTreeSet;

use keyweir_health::overload::OverloadGate;
use keyweir_health::retry_budget::RetryBudget;
use keyweir_terms::time::Time;

use crate::access::Access;
use crate::ask::{Ask, RefusalReason};
use crate::decisions::Decisions;
use crate::leases::Leases;
use crate::members::Members;
use crate::models::Models;
use crate::notices::Notices;
use crate::reserves::Reserves;
use crate::served::Served;
use crate::spec::PoolSpec;

/// What is one for all groups.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) members: Members,
    /// Which accounts tenants may use.
    pub(crate) access: Access,
    /// What is kept of accounts for tenants.
    pub(crate) reserves: Reserves,
    pub(crate) models: Models,
    pub(crate) overload: OverloadGate,
    pub(crate) retry: RetryBudget,
    pub(crate) leases: Leases,
    pub(crate) draws: fastrand::Rng,
    pub(crate) decisions: Decisions,
    pub(crate) notices: Notices,
    /// Retries that the budget did not allow.
    pub(crate) retries_denied: u64,
    /// Who was served last.
    pub(crate) served: Served,
    /// The other gateways that were last heard.
    pub(crate) heard: BTreeSet<u64>,
}

impl Shared {
    pub(crate) fn new(spec: &PoolSpec, now: Time) -> Self {
        let mut members = Members::default();
        members.reconfigure(spec);
        Self {
            members,
            access: spec.access.clone(),
            reserves: spec.reserves.clone(),
            models: Models::default(),
            overload: OverloadGate::new(now),
            retry: RetryBudget::new(now, spec.retry),
            leases: Leases::default(),
            draws: fastrand::Rng::with_seed(spec.seed),
            decisions: Decisions::default(),
            notices: Notices::default(),
            retries_denied: 0,
            served: Served::default(),
            heard: BTreeSet::new(),
        }
    }

    /// Why `ask` can never be granted by this pool.
    pub(crate) fn never(&self, ask: &Ask) -> Option<RefusalReason> {
        match ask.account {
            Some(account) => {
                let is_gone = self.members.keys_of(account).is_empty()
                    || !self.access.allows(ask.tenant, account);
                is_gone.then_some(RefusalReason::AccountGone)
            }
            None => {
                let model = self.models.get(ask.model);
                let is_served = match self.access.of(ask.tenant) {
                    Some(accounts) => model.is_served_among(accounts, &self.members),
                    None => model.is_served(),
                };
                (!is_served).then_some(RefusalReason::NoSuchModel)
            }
        }
    }
}
