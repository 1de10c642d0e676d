//! Series of tenants and accounts that are gone are dropped, so that names that come and go (a tenant for
//! each trial, an account for each month) do not add up in every scrape.
//!
//! What stays under its name keeps its series. A name that comes back begins at zero, which is what
//! Prometheus takes for a restart.

use std::collections::{HashMap, HashSet};

use keyweir_policy::config::file::Policy;
use prometheus::core::{Collector, MetricVec, MetricVecBuilder};

/// The names that policies have which are in force, or which requests that run began with.
#[derive(Debug, Default)]
pub(crate) struct Named<'p> {
    tenants: HashSet<&'p str>,
    /// With their providers.
    accounts: HashSet<(&'p str, &'p str)>,
}

impl<'p> Named<'p> {
    pub(crate) fn add(&mut self, policy: &'p Policy) {
        let tenants = policy.tenants.values();
        self.tenants.extend(tenants.map(|it| it.id.as_str()));
        for provider in policy.providers.values() {
            let accounts = provider.accounts.values();
            let accounts = accounts.map(|it| (provider.id.as_str(), it.id.as_str()));
            self.accounts.extend(accounts);
        }
    }

    #[cfg(test)]
    pub(super) fn of(
        tenants: impl IntoIterator<Item = &'p str>,
        accounts: impl IntoIterator<Item = (&'p str, &'p str)>,
    ) -> Self {
        Self {
            tenants: tenants.into_iter().collect(),
            accounts: accounts.into_iter().collect(),
        }
    }

    /// Whether `labels` are of a tenant or an account that is gone. Without a name they are of all.
    fn lacks(&self, labels: &HashMap<&str, &str>) -> bool {
        let label = |name: &str| labels.get(name).copied().filter(|it| !it.is_empty());
        let is_tenant_gone = label("tenant").is_some_and(|it| !self.tenants.contains(it));
        let account = label("provider").zip(label("account"));
        is_tenant_gone || account.is_some_and(|it| !self.accounts.contains(&it))
    }
}

/// Drops the series of `metric` that are of nobody of `named`.
pub(super) fn drop_gone<B: MetricVecBuilder>(metric: &MetricVec<B>, named: &Named<'_>) {
    for family in metric.collect() {
        for series in family.get_metric() {
            let labels = series.get_label().iter();
            let labels: HashMap<&str, &str> = labels.map(|it| (it.name(), it.value())).collect();
            if named.lacks(&labels) {
                // Nobody else drops it; were it gone, all would be well.
                let _ = metric.remove(&labels);
            }
        }
    }
}
