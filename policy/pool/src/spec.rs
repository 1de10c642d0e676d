//! What a pool is made of, as far as it decides anything.

use keyweir_health::retry_budget::RetryLimits;
use keyweir_queue::waiting_room::RoomLimits;
use keyweir_quota::budget::Charging;
use keyweir_terms::amount::Dimension;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::{AccountId, KeyId, TenantId};
use keyweir_terms::pattern::{ModelPattern, ModelPatterns};
use keyweir_terms::replicas::Replicas;
use keyweir_terms::table::Table;

use crate::access::Access;
use crate::family::family;
use crate::reserves::Reserves;

/// A pool's parts.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSpec {
    /// How the provider meters.
    pub dialect: Dialect,
    /// Groups the operator named, in order; the first that matches a model counts.
    pub groups: Vec<(String, ModelPatterns)>,
    /// Its accounts. Ids may leave gaps: an account keeps its own as long as the process lives.
    pub accounts: Table<AccountId, AccountSpec>,
    /// Which accounts tenants may use.
    pub access: Access,
    /// What is kept of accounts for tenants.
    pub reserves: Reserves,
    /// Weights of the tenants.
    pub weights: Table<TenantId, f64>,
    /// Bounds on who waits.
    pub room: RoomLimits,
    /// Bounds on retrying.
    pub retry: RetryLimits,
    /// Gateways that draw on the same accounts, this one included.
    pub replicas: Replicas,
    /// Where ties and jitter come from.
    pub seed: u64,
}

/// An account's parts.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountSpec {
    /// Its keys. An id belongs to one account.
    pub keys: Vec<KeyId>,
    /// Models it serves.
    pub models: ModelPatterns,
    /// Declared limits; the first that applies to a group counts.
    pub limits: Vec<LimitSpec>,
}

/// A declared limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitSpec {
    /// The groups it is for.
    pub scope: LimitScope,
    /// Per minute, by [`Dimension::index`].
    pub per_minute: [Option<u64>; Dimension::COUNT],
    /// Seconds of refill that are saved up.
    pub burst_secs: Option<f64>,
}

/// Which models a [`LimitSpec`] holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// Each quota group separately.
    EveryGroup,
    /// One that the operator named, as a position in [`PoolSpec::groups`].
    Group(usize),
    /// The groups of these models, each separately.
    Models(ModelPatterns),
}

impl PoolSpec {
    /// The name of the group whose buckets `model` is charged to.
    pub fn group(&self, model: &str) -> String {
        self.group_of(model).0
    }

    /// The declared limit that applies to `model` in one account.
    pub fn limit(&self, account: AccountId, model: &str) -> Option<&LimitSpec> {
        self.group_limit(self.accounts.get(account)?, &self.group(model))
    }

    /// The group that `model` is charged to, and its position among those that the operator named,
    /// if it is one of them.
    pub(crate) fn group_of(&self, model: &str) -> (String, Option<usize>) {
        let mut named = self.groups.iter();
        match named.position(|(_, patterns)| patterns.matches(model)) {
            Some(position) => (self.groups[position].0.clone(), Some(position)),
            None => (family(self.dialect, model).to_owned(), None),
        }
    }

    /// The limit that `account` declares for a group. Models share the buckets of their group, so
    /// a limit for one of them is a limit for all.
    pub(crate) fn group_limit<'a>(
        &self,
        account: &'a AccountSpec,
        group: &str,
    ) -> Option<&'a LimitSpec> {
        let declared = self.groups.iter().position(|(name, _)| name == group);
        let names = |pattern: &ModelPattern| {
            pattern.matches(group) || self.group_of(pattern.as_str()).0 == group
        };
        account.limits.iter().find(|limit| match &limit.scope {
            LimitScope::EveryGroup => true,
            LimitScope::Group(position) => declared == Some(*position),
            LimitScope::Models(patterns) => patterns.iter().any(names),
        })
    }

    /// Whether a tenant is none of the policy, where the policy has any.
    pub(crate) fn is_gone(&self, tenant: TenantId) -> bool {
        !self.weights.is_empty() && self.weights.get(tenant).is_none()
    }

    /// The weight of a tenant's share of the turns.
    pub(crate) fn weight(&self, tenant: TenantId) -> f64 {
        self.weights.get(tenant).copied().unwrap_or(1.0)
    }

    /// How this provider charges its dimensions.
    pub fn charging(&self) -> Charging {
        match self.dialect {
            Dialect::Anthropic => Charging::AsProduced,
            Dialect::OpenAi | Dialect::Generic => Charging::AtAdmission,
        }
    }
}
