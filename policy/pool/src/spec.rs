//! What a pool is made of, as far as it decides anything.

use crate::models::group_of;
use keyweir_health::retry_budget::RetryLimits;
use keyweir_queue::waiting_room::RoomLimits;
use keyweir_quota::budget::Charging;
use keyweir_terms::amount::Dimension;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::pattern::{ModelPattern, ModelPatterns};

/// A pool's parts.
#[derive(Clone, Debug)]
pub struct PoolSpec {
    /// How the provider meters.
    pub dialect: Dialect,
    /// Groups the operator named, in order; the first that matches a model counts.
    pub groups: Vec<(String, ModelPatterns)>,
    /// Accounts, in the order of their handles.
    pub accounts: Vec<AccountSpec>,
    /// Weights of the tenants, in the order of their handles.
    pub weights: Vec<f64>,
    /// Bounds of each waiting room.
    pub room: RoomLimits,
    /// Bounds on retrying.
    pub retry: RetryLimits,
    /// Where ties and jitter come from.
    pub seed: u64,
}

/// An account's parts.
#[derive(Clone, Debug)]
pub struct AccountSpec {
    /// How many keys it has. Keys are numbered through, account by account.
    pub keys: usize,
    /// Models it serves.
    pub models: ModelPatterns,
    /// Declared limits; the first that applies to a group counts.
    pub limits: Vec<LimitSpec>,
}

/// A declared limit.
#[derive(Clone, Debug)]
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
    /// Each model group separately.
    EveryGroup,
    /// One model group of the provider, as a position in [`PoolSpec::groups`].
    Group(usize),
    /// The groups of these models, each separately.
    Models(ModelPatterns),
}

impl PoolSpec {
    /// The name of the group whose buckets `model` is charged to.
    pub fn group(&self, model: &str) -> String {
        group_of(self, model).0
    }

    /// The declared limit that applies to `model` in one account.
    pub fn limit(&self, account: usize, model: &str) -> Option<&LimitSpec> {
        let (group, declared) = group_of(self, model);
        self.group_limit(&self.accounts[account], &group, declared)
    }

    /// The limit that `account` declares for a group; `declared` is its position among the groups
    /// that the operator named, if it is one of them. Models share the buckets of their group, so
    /// a limit for one of them is a limit for all.
    pub(crate) fn group_limit<'a>(
        &self,
        account: &'a AccountSpec,
        group: &str,
        declared: Option<usize>,
    ) -> Option<&'a LimitSpec> {
        let names = |pattern: &ModelPattern| {
            pattern.matches(group) || group_of(self, pattern.as_str()).0 == group
        };
        account.limits.iter().find(|limit| match &limit.scope {
            LimitScope::EveryGroup => true,
            LimitScope::Group(position) => declared == Some(*position),
            LimitScope::Models(patterns) => patterns.iter().any(names),
        })
    }

    /// How this provider charges its dimensions.
    pub fn charging(&self) -> Charging {
        match self.dialect {
            Dialect::Anthropic => Charging::AsProduced,
            Dialect::OpenAi | Dialect::Generic => Charging::AtAdmission,
        }
    }
}
