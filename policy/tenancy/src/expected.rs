//! What a request is expected to take, by what this tenant's requests for that model took.
//!
//! Models are named by clients, so that only those are remembered for which an answer told its usage,
//! and of them a bounded number; all others share one estimate.

use std::collections::HashMap;

use keyweir_quota::estimate::Estimates;
use keyweir_terms::amount::Need;
use keyweir_terms::ids::TenantId;
use keyweir_terms::request::{RequestSize, Usage};

/// Models that are told apart.
const MODELS_MAX: usize = 256;

/// What was learned so far.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    models: HashMap<Box<str>, Estimates>,
    others: Estimates,
}

impl Expected {
    pub(crate) fn need(&self, tenant: TenantId, model: &str, size: &RequestSize) -> Need {
        let known = self.models.get(model);
        known.unwrap_or(&self.others).need(tenant, size)
    }

    pub(crate) fn learn(&mut self, of: (TenantId, &str), size: &RequestSize, usage: &Usage) {
        let (tenant, model) = of;
        self.others.learn(tenant, size, usage);
        if let Some(known) = self.models.get_mut(model) {
            known.learn(tenant, size, usage);
        } else if self.models.len() < MODELS_MAX {
            let mut fresh = Estimates::default();
            fresh.learn(tenant, size, usage);
            self.models.insert(model.into(), fresh);
        }
    }
}
