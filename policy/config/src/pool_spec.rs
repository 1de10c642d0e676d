//! What a pool is made of, as the policy says.
//!
//! Accounts and keys go by the policy's own ids, which may leave gaps: what a pool knows of them
//! stays with them whatever the next policy says.

use keyweir_pool::access::Access;
use keyweir_pool::reserves::{ReserveSpec, Reserves};
use keyweir_pool::spec::{self, AccountSpec, LimitSpec, PoolSpec};
use keyweir_terms::ids::{AccountId, KeyId, ProviderId, TenantId};
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::replicas::Replicas;

use crate::file::{Account, Limit, LimitScope, Policy, Provider, Reserve, Tenant};

/// The parts of one provider's pool, which no other gateway shares as long as it is not told so.
pub fn pool_spec(policy: &Policy, provider: ProviderId, seed: u64) -> PoolSpec {
    let id = provider;
    let provider = policy.provider(id);
    let mut keys = vec![Vec::new(); provider.accounts.width()];
    for (id, key) in provider.keys.iter() {
        keys[key.account.index()].push(id);
    }
    let account =
        |id: AccountId, account| account_spec(account, std::mem::take(&mut keys[id.index()]));
    PoolSpec {
        dialect: provider.dialect,
        groups: groups(provider),
        accounts: provider.accounts.map(account),
        access: access(policy, id),
        reserves: reserves(policy, id),
        weights: policy.tenants.map(|_, tenant| f64::from(tenant.weight)),
        room: policy.waiting.room,
        retry: policy.retry,
        replicas: Replicas::ONE,
        seed,
    }
}

/// Of the tenants that may not use every account, those of this provider that each may.
fn access(policy: &Policy, provider: ProviderId) -> Access {
    let restricted = policy.tenants.iter().filter_map(|(id, tenant)| {
        let allowed = tenant.usable.as_ref()?;
        let here = allowed.iter().filter(|(of, _)| *of == provider);
        Some((id, here.map(|(_, account)| *account).collect()))
    });
    Access::new(restricted)
}

/// What is kept of this provider's accounts, and for which tenants: for those of a group together.
pub fn reserves(policy: &Policy, provider: ProviderId) -> Reserves {
    let here = move |reserve: &&Reserve| reserve.account.0 == provider;
    let spec = |reserve: &Reserve, owners: Vec<TenantId>| ReserveSpec {
        account: reserve.account.1,
        share: reserve.share,
        owners,
    };
    let of_tenants = policy.tenants.iter().flat_map(|(id, tenant)| {
        let reserves = tenant.reserves.iter().filter(here);
        reserves.map(move |reserve| spec(reserve, vec![id]))
    });
    let of_groups = policy.groups.iter().enumerate().flat_map(|(place, group)| {
        let reserves = group.reserves.iter().filter(here);
        reserves.map(move |reserve| spec(reserve, members(policy, place)))
    });
    Reserves::new(of_tenants.chain(of_groups))
}

/// The tenants in a group, and in the groups in it.
fn members(policy: &Policy, group: usize) -> Vec<TenantId> {
    let is_in = |tenant: &Tenant| {
        let mut at = tenant.group;
        // Groups are in no circle; each is passed once.
        for _ in 0..=policy.groups.len() {
            match at {
                Some(place) if place == group => return true,
                Some(place) => at = policy.groups.get(place).and_then(|it| it.group),
                None => return false,
            }
        }
        false
    };
    let tenants = policy.tenants.iter();
    tenants
        .filter(|(_, it)| is_in(it))
        .map(|(id, _)| id)
        .collect()
}

fn groups(provider: &Provider) -> Vec<(String, ModelPatterns)> {
    let groups = provider.model_groups.values();
    groups
        .map(|group| (group.id.clone(), group.models.clone()))
        .collect()
}

fn account_spec(account: &Account, keys: Vec<KeyId>) -> AccountSpec {
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
