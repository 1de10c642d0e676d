//! How many requests of each tenant wait for a limit or a budget of its own: for their turn, for others of
//! its requests to end, or for other gateways.

use std::collections::BTreeMap;
use std::time::Instant;

use keyweir_policy::terms::ids::TenantId;
use parking_lot::Mutex;

/// The tenants of which a request has waited.
#[derive(Default)]
pub(crate) struct TenantsWaiting(Mutex<BTreeMap<TenantId, usize>>);

impl TenantsWaiting {
    /// A request of `tenant` waits from now on, until what this returns is dropped.
    pub(crate) fn begin(&self, tenant: TenantId) -> Waits<'_> {
        *self.0.lock().entry(tenant).or_default() += 1;
        Waits {
            all: self,
            tenant,
            since: Instant::now(),
        }
    }

    /// How many wait now, of each tenant of which any ever did and that `is_known`.
    pub(crate) fn counts(&self, is_known: impl Fn(TenantId) -> bool) -> Vec<(TenantId, usize)> {
        let mut waiting = self.0.lock();
        waiting.retain(|tenant, count| *count > 0 || is_known(*tenant));
        let counts = waiting.iter().filter(|(tenant, _)| is_known(**tenant));
        counts.map(|(tenant, count)| (*tenant, *count)).collect()
    }
}

/// A request that waits.
pub(crate) struct Waits<'a> {
    all: &'a TenantsWaiting,
    tenant: TenantId,
    pub(crate) since: Instant,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.all.0.lock().get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_count_while_they_wait() {
        let waiting = TenantsWaiting::default();
        let [a, b] = [TenantId(1), TenantId(2)];
        let all = |_| true;
        assert!(waiting.counts(all).is_empty());
        let first = waiting.begin(a);
        let second = waiting.begin(a);
        let other = waiting.begin(b);
        assert_eq!(waiting.counts(all), [(a, 2), (b, 1)]);
        drop((first, other));
        assert_eq!(waiting.counts(all), [(a, 1), (b, 0)]);
        // Of tenants that are gone only what waits is remembered.
        assert!(waiting.counts(|_| false).is_empty());
        assert_eq!(waiting.counts(all), [(a, 1)]);
        drop(second);
    }
}
