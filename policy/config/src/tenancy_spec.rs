//! What bounds tenants, as the policy says.

use keyweir_tenancy::prices::Prices;
use keyweir_tenancy::spec::{Member, Spec};

use crate::file::{Policy, prices};

/// All that tenants are bounded by, with the prices: the policy's own before the listed ones.
pub fn tenancy_spec(policy: &Policy) -> Spec {
    let groups = policy.groups.iter().map(|group| Member {
        name: group.id.clone(),
        allowance: group.allowance.clone(),
        group: group.group,
    });
    let rows = policy.prices.iter().chain(prices::listed());
    Spec {
        groups: groups.collect(),
        tenants: policy.tenants.map(|_, tenant| Member {
            name: tenant.id.clone(),
            allowance: tenant.allowance.clone(),
            group: tenant.group,
        }),
        prices: Prices {
            rows: rows.cloned().collect(),
            unpriced: policy.tenancy.unpriced,
        },
        providers: policy
            .providers
            .map(|_, provider| (provider.id.clone(), provider.dialect)),
        cache_read_weight: policy.tenancy.cache_read_weight,
    }
}
