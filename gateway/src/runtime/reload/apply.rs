//! Changes over to the next policy. Nothing here can fail.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use keyweir_policy::config::file::{Gone, Policy};
use keyweir_policy::config::pool_spec::{pool_spec, reserves};
use keyweir_policy::exchange::seek::Holder;
use keyweir_policy::pool::spec::PoolSpec;
use keyweir_policy::terms::ids::{ProviderId, TenantId};
use keyweir_policy::terms::table::Table;

use super::prepare::Ready;
use super::state::State;
use crate::runtime::gateway::{Gateway, client_keys};
use crate::runtime::live::{Live, Next};
use crate::runtime::provider::Prepared;
use crate::runtime::share_out::share_out;
use crate::runtime::tokens::Tokens;
use crate::telemetry::metrics::Named;

/// Changes over. Nothing here can fail.
pub(super) fn apply(gateway: &Gateway, state: &mut State, before: &Arc<Live>, ready: Ready) {
    let mut providers = Table::default();
    for (id, Prepared { provider, parts }) in ready.providers {
        match parts {
            Some(parts) if is_same_pool(&before.policy, &ready.policy, id) => {
                provider.pool.replace(parts);
            }
            Some(parts) => {
                let spec = pool_spec(&ready.policy, id, 0);
                provider.pool.reconfigure(spec, parts);
            }
            None => {}
        }
        providers.insert(id, provider);
    }
    let client_keys = client_keys(&ready.secrets, &ready.policy);
    let tokens = Tokens::after(&before.tokens, &ready.policy, &ready.folder);
    let before = gateway.replace(Next {
        client_keys,
        tokens,
        policy: ready.policy,
        providers,
        roots: ready.roots,
        admin_token: ready.secrets.admin_token.clone(),
        of_redis: ready.secrets.of_redis.clone(),
    });
    let live = gateway.live();
    for (id, provider) in before.providers.iter() {
        let now = live.providers.get(id);
        if now.is_none_or(|now| !Arc::ptr_eq(&now.pool, &provider.pool)) {
            provider.pool.retire(PoolSpec {
                accounts: Table::default(),
                ..pool_spec(&before.policy, id, 0)
            });
        }
    }
    share_out(gateway);
    gateway.metrics.pools.forget();
    state.before.retain(|policy| policy.strong_count() > 0);
    // What this policy had may be evicted with a later one, when nobody has this one any more.
    state.before.push(Arc::downgrade(&before));
    drop_gone(gateway, state, &live);
    let in_use = state.before.iter().any(|policy| policy.strong_count() > 0);
    let is_free = |gone| !in_use && is_free(&live, gone);
    state.identity.adopt(&live.policy, is_free);
    state.secrets = ready.secrets;
    state.folder = ready.folder;
}

/// Drops what was counted of those whom no policy names that is in force or that requests have.
fn drop_gone(gateway: &Gateway, state: &State, live: &Live) {
    let older: Vec<Arc<Live>> = state.before.iter().filter_map(Weak::upgrade).collect();
    let mut named = Named::default();
    named.add(&live.policy);
    for policy in &older {
        named.add(&policy.policy);
    }
    gateway.metrics.drop_gone(&named);
}

/// Whether a provider's pool would be told nothing new.
fn is_same_pool(before: &Policy, after: &Policy, id: ProviderId) -> bool {
    before.providers.get(id) == after.providers.get(id)
        && before.waiting.room == after.waiting.room
        && before.retry == after.retry
        && of_tenants(before).eq(of_tenants(after))
        && reserves(before, id) == reserves(after, id)
}

/// What pools know of tenants.
fn of_tenants(policy: &Policy) -> impl Iterator<Item = (TenantId, u32, Option<&BTreeSet<Holder>>)> {
    let tenants = policy.tenants.iter();
    tenants.map(|(id, tenant)| (id, tenant.weight, tenant.usable.as_ref()))
}

/// Whether nothing refers to what is gone but requests that began under an older policy.
fn is_free(live: &Live, gone: Gone) -> bool {
    !live.holds_for(|held| match gone {
        Gone::Provider(provider) => held.holder.0 == provider,
        Gone::Account(provider, account) => held.holder == (provider, account),
        Gone::Key(..) => false,
        Gone::Tenant(tenant) => held.owner == Some(tenant),
    })
}
