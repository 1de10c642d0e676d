//! Which model gives way where the table is full.
//!
//! The one that was asked for longest ago, of the tenant that has brought the most: whoever invents
//! names pushes out its own, and what others use stays. What a lease or somebody who waits refers to
//! stays too. Looks through all entries; that happens once for each new name beyond the bound.

use std::collections::HashMap;

use keyweir_terms::ids::{ModelId, TenantId};

use super::{Model, Models, OTHER, SHARED};

impl Models {
    /// Takes a model out, so that `tenant` may bring another; `None`: all that might give way are
    /// `in_use`. What it returns is free.
    pub(crate) fn evict(
        &mut self,
        tenant: TenantId,
        in_use: impl Iterator<Item = ModelId>,
    ) -> Option<ModelId> {
        let mut is_used = vec![false; self.entries.width()];
        for id in in_use {
            is_used[id.index()] = true;
        }
        let of = self.tenant_with_most(tenant);
        let may_go = |(id, model): &(ModelId, &Model)| {
            model.tenant == of && model.is_named() && !is_used[id.index()]
        };
        let rows = self.entries.iter().filter(may_go);
        let (id, _) = rows.min_by_key(|(_, model)| model.used)?;
        let gone = self.entries.remove(id)?;
        self.by_name[gone.endpoint.index()].remove(&gone.name);
        Some(id)
    }

    /// The tenant that has brought the most models; of several, `tenant` first.
    fn tenant_with_most(&self, tenant: TenantId) -> TenantId {
        let mut brought: HashMap<TenantId, usize> = HashMap::new();
        for model in self.entries.values().filter(|model| model.is_named()) {
            *brought.entry(model.tenant).or_default() += 1;
        }
        let most = brought
            .iter()
            .max_by_key(|(of, count)| (**count, **of == tenant, of.index()));
        most.map_or(tenant, |(of, _)| *of)
    }
}

impl Model {
    /// It is one model, and not what many share.
    fn is_named(&self) -> bool {
        self.name != OTHER && !self.name.starts_with(SHARED)
    }
}
