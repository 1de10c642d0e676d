//! Aliases: each must lead somewhere, and be the only one of its name and scope.

use std::collections::HashMap;

use crate::file::check::Check;
use crate::file::problems::Spot;
use crate::file::read::RawAlias;
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
