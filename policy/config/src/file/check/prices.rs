//! Models that cannot be charged to a budget in money.

use crate::file::check::Check;
use crate::file::prices;
use crate::file::read::RawTenant;
use crate::file::shown;
use keyweir_tenancy::prices::Unpriced;
use keyweir_terms::pattern::ModelPattern;

impl Check<'_> {
    /// Where a budget in money holds, models that are named one by one and have no price.
    pub(super) fn unpriced_models(&self) {
        let settings = self.raw.tenancy.as_ref();
        if settings.is_some_and(|at| at.value.unpriced == Unpriced::Dearest) {
            return;
        }
        for tenant in &self.raw.tenants {
            let budgets = &tenant.allowance.budgets;
            let Some(budget) = budgets.iter().find(|it| it.money.is_some()) else {
                continue;
            };
            let exact = |pattern: &&ModelPattern| !pattern.as_str().contains('*');
            for model in tenant.models.iter().filter(exact) {
                if !self.costs_are_known(tenant, model.as_str()) {
                    self.warn(
                        &budget.spot,
                        format!("{} has no price", shown::quoted(model.as_str())),
                        "add a [[price]], or see tenancy.unpriced",
                    );
                }
            }
        }
    }

    /// Whether `name` has a price; an alias costs what the models do that it leads to.
    fn costs_are_known(&self, tenant: &RawTenant, name: &str) -> bool {
        let aliases = tenant.aliases.iter().chain(&self.raw.aliases);
        let named = aliases.filter(|it| it.name.as_ref().is_some_and(|at| at.value == name));
        let mut meant = named.filter_map(|it| it.model.as_deref()).peekable();
        if meant.peek().is_none() {
            return self.is_priced(name);
        }
        meant.all(|model| self.is_priced(model))
    }

    fn is_priced(&self, model: &str) -> bool {
        let own = self.raw.prices.iter().map(|raw| &raw.price);
        let mut all = own.chain(prices::listed());
        all.any(|price| price.models.matches(model))
    }
}
