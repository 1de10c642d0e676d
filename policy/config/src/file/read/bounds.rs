//! How many of anything a policy may have.

/// Providers in one file; each has a pool, connections and metrics of its own. Far more than there
/// are on the market.
pub(super) const PROVIDERS_MAX: usize = 1_000;
/// Accounts. Choosing among as many is measured (`docs/BENCHMARKING.md`).
pub(in crate::file) const ACCOUNTS_MAX: usize = 10_000;
/// Provider keys in all. Choosing among as many is measured (`docs/BENCHMARKING.md`).
pub(in crate::file) const KEYS_MAX: usize = 10_000;
/// Tenants. Each has metrics with every provider that it uses.
pub(in crate::file) const TENANTS_MAX: usize = 10_000;
/// Entries of any list that has no bound of its own: patterns, groups, limits, client keys. A list
/// is walked through, for patterns with every request.
pub(super) const LIST_MAX: usize = 1_000;
/// Rows of an operator's about one provider's errors: as many as the table has for all providers.
pub(super) const RULES_MAX: usize = 200;
