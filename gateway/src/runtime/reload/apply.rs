//! Changes over to the next policy. Nothing here can fail.

use std::sync::{Arc, Weak};

use keyweir_policy::config::file::Gone;
use keyweir_policy::config::pool_spec::pool_spec;
use keyweir_policy::pool::spec::PoolSpec;
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
        if let Some(parts) = parts {
            let known = before.policy.providers.get(id);
            let known = known.map(|_| pool_spec(&before.policy, id, 0));
            let next = pool_spec(&ready.policy, id, 0);
            if known.as_ref() == Some(&next) {
                provider.pool.replace(parts);
            } else {
                provider.pool.reconfigure(next, parts);
            }
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

/// Whether nothing refers to what is gone but requests that began under an older policy.
fn is_free(live: &Live, gone: Gone) -> bool {
    !live.holds_for(|held| match gone {
        Gone::Provider(provider) => held.holder.0 == provider,
        Gone::Account(provider, account) => held.holder == (provider, account),
        Gone::Key(..) => false,
        Gone::Tenant(tenant) => held.owner == Some(tenant),
    })
}
