//! Who is bounded by what, as the policy says.

use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::table::Table;

use crate::allowance::Allowance;
use crate::prices::Prices;

/// Who is bounded by what.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Groups, by their place in this list.
    pub groups: Vec<Member>,
    /// Tenants.
    pub tenants: Table<TenantId, Member>,
    /// What tokens cost.
    pub prices: Prices,
    /// Providers' names, and what they speak.
    pub providers: Table<ProviderId, (String, Dialect)>,
    /// How much of a token that was read from the prompt cache counts as input, in [`WHOLE`](crate::money::WHOLE) parts.
    pub cache_read_weight: u64,
}

/// A tenant, or a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What bounds it.
    pub allowance: Allowance,
    /// The group that it is in.
    pub group: Option<usize>,
}
