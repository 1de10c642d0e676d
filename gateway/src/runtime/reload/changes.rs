//! What is different under the next policy.

use std::sync::Arc;

use keyweir_policy::config::file::Policy;
use keyweir_policy::terms::ids::ProviderId;
use keyweir_policy::terms::table::Table;

use super::error::LINES_MAX;
use super::prepare::Ready;
use super::state::State;
use crate::runtime::live::Live;
use crate::runtime::provider::Prepared;
use crate::runtime::secrets::Secrets;
use crate::upstream::Upstream;

/// What is different, in lines.
pub(super) fn changes(live: &Live, state: &State, ready: &Ready) -> Vec<String> {
    let changes = ready.difference.changes.iter();
    let mut lines: Vec<String> = changes.map(ToString::to_string).collect();
    for (id, provider) in ready.policy.providers.iter() {
        for (key, declared) in provider.keys.iter() {
            let of = |secrets: &Secrets| secrets.of_keys.get(id)?.get(key).cloned();
            let known = live.policy.providers.get(id);
            let known = known.and_then(|known| known.keys.get(key));
            let is_told = known.is_none_or(|known| known.secret != declared.secret);
            if !is_told && of(&state.secrets) != of(&ready.secrets) {
                lines.push(format!("key {}: has a new secret", declared.id));
            }
        }
    }
    let is_told = live.policy.gateway.admin_token != ready.policy.gateway.admin_token;
    if !is_told && state.secrets.admin_token != ready.secrets.admin_token {
        lines.push("gateway: admin_token is a new secret".to_owned());
    }
    let redis = |policy: &Policy| policy.gateway.redis.clone();
    let is_told = redis(&live.policy) != redis(&ready.policy);
    let (known, now) = (&state.secrets.of_redis, &ready.secrets.of_redis);
    if !is_told && known.password != now.password {
        lines.push("gateway: shared.redis.password is a new secret".to_owned());
    }
    if !is_told && known.sentinel_password != now.sentinel_password {
        lines.push("gateway: shared.redis.sentinel_password is a new secret".to_owned());
    }
    let has_other_client_keys = state.secrets.client_keys != ready.secrets.client_keys;
    if has_other_client_keys && lines.is_empty() {
        lines.push("client keys that stand elsewhere have changed".to_owned());
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("… {more} more"));
    }
    lines
}

/// Connections that are to be made in another way than before.
pub(super) fn new_upstreams(
    live: &Live,
    providers: &Table<ProviderId, Prepared>,
) -> Vec<(String, Arc<Upstream>)> {
    let new = providers.iter().filter(|(id, prepared)| {
        let known = live.providers.get(*id);
        known.is_none_or(|known| !Arc::ptr_eq(&known.upstream, &prepared.provider.upstream))
    });
    let new = new.map(|(_, it)| (it.provider.id.clone(), Arc::clone(&it.provider.upstream)));
    new.collect()
}
