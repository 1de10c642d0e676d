//! Names of aliases where models are named.
//!
//! An alias is replaced before anything is looked up by the model, so that a limit, a budget, a price or a
//! fallback of its name never holds. Only a tenant's `models` grants it by name.

use keyweir_terms::pattern::{ModelPattern, ModelPatterns};

use crate::file::check::Check;
use crate::file::problems::{At, Spot};
use crate::file::read::{RawAlias, RawAllowance, RawFallback, RawProvider};
use crate::file::shown;

impl Check<'_> {
    pub(super) fn alias_names(&self) {
        for group in &self.raw.groups {
            self.of_allowance(&group.allowance, &[]);
        }
        for tenant in &self.raw.tenants {
            self.of_allowance(&tenant.allowance, &tenant.aliases);
            self.of_steps(&tenant.spot, &tenant.fallbacks, &tenant.aliases);
        }
        for price in &self.raw.prices {
            self.no_alias(&price.spot, &price.price.models, &[]);
        }
        for fallback in &self.raw.fallbacks {
            if let Some(models) = &fallback.models {
                self.no_alias(&fallback.spot, models, &[]);
            }
            self.of_steps(&fallback.spot, &fallback.steps, &[]);
        }
    }

    fn of_allowance(&self, allowance: &RawAllowance, own: &[RawAlias]) {
        for limit in &allowance.limits {
            self.no_alias(&limit.spot, &limit.value.models, own);
        }
        for budget in &allowance.budgets {
            self.no_alias(&budget.spot, &budget.models, own);
        }
    }

    fn of_steps(&self, spot: &Spot, steps: &[RawFallback], own: &[RawAlias]) {
        for name in steps.iter().filter_map(|step| step.model.as_deref()) {
            self.no_alias_of(spot, name, own);
        }
    }

    fn no_alias(&self, spot: &Spot, models: &ModelPatterns, own: &[RawAlias]) {
        for pattern in models.iter() {
            self.no_alias_of(spot, pattern.as_str(), own);
        }
    }

    fn no_alias_of(&self, spot: &Spot, name: &str, own: &[RawAlias]) {
        let aliases = own.iter().chain(&self.raw.aliases);
        let named = aliases.filter(|it| it.name.as_ref().is_some_and(|at| at.value == name));
        let mut meant: Vec<&str> = named.filter_map(|it| it.model.as_deref()).collect();
        meant.sort_unstable();
        meant.dedup();
        if meant.is_empty() || meant.contains(&name) || self.is_declared(name, own) {
            return;
        }
        self.warn(
            spot,
            format!(
                "names {}, which is an alias and no model: nothing holds for it by that name",
                shown::quoted(name)
            ),
            format!("write the model that it leads to: {}", quoted(&meant)),
        );
    }

    /// Whether it is the name of a model all the same.
    fn is_declared(&self, name: &str, own: &[RawAlias]) -> bool {
        let providers = self.raw.providers.iter().map(|it| &it.models);
        let accounts = self.raw.accounts.iter().map(|it| &it.models);
        let mut declared = providers.chain(accounts).flat_map(ModelPatterns::iter);
        declared.any(|pattern: &ModelPattern| pattern.as_str() == name)
            || self.raw.providers.iter().any(|provider| {
                // One that holds for some only is a model for the others.
                let mut aliases = own.iter().chain(&self.raw.aliases);
                !aliases.any(|alias| is_alias_at(alias, name, provider))
            })
    }
}

fn is_alias_at(alias: &RawAlias, name: &str, provider: &RawProvider) -> bool {
    let id = provider.id.as_ref().map(|id| &id.value);
    let provider_fits = |at: &At<String>| Some(&at.value) == id;
    alias.name.as_ref().is_some_and(|at| at.value == name)
        && alias.provider.as_ref().is_none_or(provider_fits)
        && (alias.dialect.is_none() || alias.dialect == provider.dialect)
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| shown::quoted(name)).collect();
    names.join(" and ")
}
