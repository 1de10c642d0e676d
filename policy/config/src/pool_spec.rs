//! What a pool is made of, as the policy says.
//!
//! A pool numbers its accounts and keys by itself: accounts in the order of their ids, keys account
//! by account. Those are the policy's own ids as long as no id is free, as in a policy that follows
//! no other.

use keyweir_pool::spec::{self, AccountSpec, LimitSpec, PoolSpec};
use keyweir_terms::ids::{AccountId, ProviderId};
use keyweir_terms::pattern::ModelPatterns;

use crate::file::{Account, Limit, LimitScope, Policy, Provider};

/// The parts of one provider's pool.
pub fn pool_spec(policy: &Policy, provider: ProviderId, seed: u64) -> PoolSpec {
    let provider = policy.provider(provider);
    let mut keys = vec![0; provider.accounts.width()];
    for key in provider.keys.values() {
        keys[key.account.index()] += 1;
    }
    let account = |(id, account): (AccountId, &Account)| account_spec(account, keys[id.index()]);
    PoolSpec {
        dialect: provider.dialect,
        groups: groups(provider),
        accounts: provider.accounts.iter().map(account).collect(),
        weights: policy
            .tenants
            .values()
            .map(|tenant| f64::from(tenant.weight))
            .collect(),
        room: policy.waiting.room,
        retry: policy.retry,
        seed,
    }
}

fn groups(provider: &Provider) -> Vec<(String, ModelPatterns)> {
    let groups = provider.model_groups.values();
    groups
        .map(|group| (group.id.clone(), group.models.clone()))
        .collect()
}

fn account_spec(account: &Account, keys: usize) -> AccountSpec {
    AccountSpec {
        keys,
        models: account.models.clone(),
        limits: account.limits.iter().map(limit_spec).collect(),
    }
}

fn limit_spec(limit: &Limit) -> LimitSpec {
    LimitSpec {
        scope: match &limit.scope {
            LimitScope::EveryGroup => spec::LimitScope::EveryGroup,
            LimitScope::Group(group) => spec::LimitScope::Group(group.index()),
            LimitScope::Models(models) => spec::LimitScope::Models(models.clone()),
        },
        per_minute: limit.per_minute,
        burst_secs: limit.burst.map(|burst| burst.as_secs_f64()),
    }
}
