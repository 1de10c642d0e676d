//! What a pool is made of, as the policy says.

use keyweir_pool::spec::{AccountSpec, LimitSpec, PoolSpec};
use keyweir_queue::waiting_room::RoomLimits;
use keyweir_terms::ids::{KeyId, ProviderId};

use crate::file::Policy;

/// The parts of one provider's pool.
pub fn pool_spec(policy: &Policy, provider: ProviderId, seed: u64) -> PoolSpec {
    // Keys are numbered through, account by account.
    let mut keys = (0..).map(KeyId);
    let accounts = policy
        .accounts_of(provider)
        .map(|account| AccountSpec {
            keys: keys.by_ref().take(account.keys.len()).collect(),
            models: account.models.clone(),
            limits: account
                .limits
                .iter()
                .map(|limit| LimitSpec {
                    scope: limit.scope.clone(),
                    per_minute: limit.per_minute,
                    burst_secs: limit.burst.map(|burst| burst.as_secs_f64()),
                })
                .collect(),
        })
        .collect();
    let spec = policy.provider(provider);
    PoolSpec {
        dialect: spec.dialect,
        groups: spec
            .model_groups
            .iter()
            .map(|group| (group.id.clone(), group.models.clone()))
            .collect(),
        accounts,
        weights: policy
            .tenants
            .iter()
            .map(|tenant| f64::from(tenant.weight))
            .collect(),
        room: RoomLimits {
            requests_max: policy.waiting.requests_max,
            per_tenant_max: policy.waiting.per_tenant_max,
            bytes_max: policy.waiting.bytes_max,
        },
        retry: policy.retry,
        seed,
    }
}
