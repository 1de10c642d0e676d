//! Aliases: each must lead somewhere, and be the only one of its name and scope.

use std::collections::HashMap;

use crate::file::check::Check;
use crate::file::problems::{At, Spot};
use crate::file::read::{RawAccount, RawAlias, RawProvider};
use keyweir_terms::dialect::Dialect;

/// What one alias is for: its name, provider and dialect.
type Scope<'r> = (&'r str, Option<&'r str>, Option<Dialect>);

impl Check<'_> {
    pub(super) fn aliases(&self) {
        self.list_of_aliases(&self.raw.aliases);
        for tenant in &self.raw.tenants {
            self.list_of_aliases(&tenant.aliases);
        }
    }

    /// Whether an account serves the model that an alias leads to, as far as the policy says.
    fn is_served(&self, alias: &RawAlias) -> bool {
        let Some(model) = alias.model.as_deref() else {
            return true;
        };
        let name = |id: &Option<At<String>>| id.as_ref().map(|at| at.value.clone());
        let is_meant = |it: &&RawProvider| {
            let is_named = alias.provider.as_ref().map(|at| &at.value);
            let is_spoken = alias.dialect.is_none() || alias.dialect == it.dialect;
            is_named.is_none_or(|named| name(&it.id).as_ref() == Some(named)) && is_spoken
        };
        let providers = self.raw.providers.iter().filter(is_meant);
        let mut serving = providers.filter(|it| it.models.matches(model));
        serving.any(|provider| {
            let of_provider = |it: &&RawAccount| name(&it.provider) == name(&provider.id);
            let mut accounts = self.raw.accounts.iter().filter(of_provider);
            accounts.any(|account| account.models.matches(model))
        })
    }

    /// The aliases of a list, and those that are there for everybody.
    fn aliases_beside<'r>(&'r self, list: &'r [RawAlias]) -> impl Iterator<Item = &'r RawAlias> {
        let is_own = !std::ptr::eq(list, self.raw.aliases.as_slice());
        let general = if is_own { &self.raw.aliases[..] } else { &[] };
        list.iter().chain(general)
    }

    fn list_of_aliases(&self, aliases: &[RawAlias]) {
        let mut first: HashMap<Scope<'_>, &Spot> = HashMap::new();
        for alias in aliases {
            let Some(name) = &alias.name else { continue };
            let provider = alias.provider.as_ref().map(|at| at.value.as_str());
            if provider.is_some() && alias.dialect.is_some() {
                self.error_with_hint(
                    &alias.spot,
                    "has a provider and a dialect",
                    "leave dialect out: the provider says which",
                );
            }
            if alias.model.as_ref() == Some(&name.value) && provider.is_none() {
                self.error_with_hint(
                    &alias.spot,
                    "leads to itself",
                    "set model to the model that is meant, or set provider",
                );
            }
            if !self.problems.has_unknown() && !self.is_served(alias) {
                self.warn(
                    &alias.spot,
                    "no account serves the model that it leads to",
                    "look at models of the provider and of its accounts, or correct the name",
                );
            }
            // One that leads to its own name only says who is asked for it.
            let names = |other: &&RawAlias| {
                let name = other.name.as_ref().map(|at| &at.value);
                name == alias.model.as_ref() && other.model.as_ref() != name
            };
            if alias.model.as_ref() != Some(&name.value)
                && self.aliases_beside(aliases).any(|it| names(&it))
            {
                self.warn(
                    &alias.spot,
                    "leads to the name of another alias, which is not replaced again: the provider is \
                     asked for a model of this name",
                    "set model to the model that is meant",
                );
            }
            let scope = (name.value.as_str(), provider, alias.dialect);
            match first.get(&scope) {
                Some(other) => self.error_with_hint(
                    &name.spot,
                    format!("{} is the same", self.other(other, &name.spot)),
                    "give each its own, or set provider or dialect",
                ),
                None => drop(first.insert(scope, &name.spot)),
            }
        }
    }
}
