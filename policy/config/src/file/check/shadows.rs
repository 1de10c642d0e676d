//! Providers that no request reaches without naming them.

use std::collections::HashSet;

use keyweir_terms::dialect::Dialect;

use crate::file::check::Check;
use crate::file::problems::At;

impl Check<'_> {
    /// Of the providers of one dialect the first that takes a model has it: behind one that takes
    /// every model nobody comes to be asked, but by name or as a fallback.
    pub(super) fn shadowed_providers(&self) {
        let raw = self.raw;
        let of_tenants = raw.tenants.iter().flat_map(|tenant| &tenant.fallbacks);
        let of_models = raw.fallbacks.iter().flat_map(|fallback| &fallback.steps);
        let named: HashSet<&str> = of_tenants
            .chain(of_models)
            .filter_map(|step| Some(step.provider.as_ref()?.value.as_str()))
            .collect();
        for (at, provider) in raw.providers.iter().enumerate() {
            // What is wrong otherwise is told first.
            let is_whole = provider.base_url.is_some() && provider.dialect.is_some();
            let Some(id) = provider.id.as_ref().filter(|_| is_whole) else {
                continue;
            };
            let takes_all = raw.providers[..at].iter().find(|earlier| {
                earlier.dialect == provider.dialect
                    && earlier.dialect != Some(Dialect::Generic)
                    && earlier.models.is_any()
            });
            let first = takes_all.and_then(|earlier| earlier.id.as_ref());
            let is_told =
                |first: &&At<String>| first.value != id.value && !named.contains(id.value.as_str());
            if let Some(first) = first.filter(is_told) {
                self.warn(
                    &id.spot,
                    format!(
                        "{} stands before it and takes every model of this dialect: requests come \
                         here only by name, as /{}/...",
                        self.other(&first.spot, &id.spot),
                        id.value
                    ),
                    "give the other one its models, or put it behind this one",
                );
            }
        }
    }
}
