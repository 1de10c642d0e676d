//! Where a policy has secrets, and what messages call them.

use std::path::{Path, PathBuf};

use keyweir_policy::config::file::{Policy, SecretCommand, SecretRef};

/// The files in which `policy` has secrets; relative paths start at `folder`.
pub(crate) fn files(policy: &Policy, folder: &Path) -> Vec<PathBuf> {
    let paths = references(policy).filter_map(|secret| match secret {
        SecretRef::File(path) => Some(folder.join(path)),
        _ => None,
    });
    paths.collect()
}

/// What messages call the passwords of the store that gateways share, and where those are.
pub(super) fn of_redis(policy: &Policy) -> [(&'static str, Option<&SecretRef>); 2] {
    let redis = policy.gateway.redis.as_deref();
    [
        (
            "gateway.shared.redis.password",
            redis.and_then(|it| it.password.as_ref()),
        ),
        (
            "gateway.shared.redis.sentinel_password",
            redis.and_then(|it| it.sentinel_password.as_ref()),
        ),
    ]
}

/// What messages call a key's secret.
pub(super) fn of_key(id: &str) -> String {
    format!("key \"{id}\"")
}

/// What messages call a tenant's client keys.
pub(super) fn of_tenant(id: &str) -> String {
    format!("client keys of tenant \"{id}\"")
}

/// Whether what messages call `whose` is of a key or a tenant of `policy`.
pub(crate) fn is_declared(policy: &Policy, whose: &str) -> bool {
    let mut keys = policy.providers.values().flat_map(|it| it.keys.values());
    let mut tenants = policy.tenants.values();
    keys.any(|key| of_key(&key.id) == whose) || tenants.any(|it| of_tenant(&it.id) == whose)
}

fn references(policy: &Policy) -> impl Iterator<Item = &SecretRef> {
    let keys = policy.providers.values().flat_map(|it| it.keys.values());
    let tenants = policy.tenants.values();
    let client_keys = tenants.flat_map(|tenant| &tenant.client_key_refs);
    keys.map(|key| &key.secret)
        .chain(client_keys)
        .chain(&policy.gateway.admin_token)
        .chain(of_redis(policy).into_iter().filter_map(|(_, from)| from))
}

pub(super) fn commands(policy: &Policy) -> impl Iterator<Item = &SecretCommand> {
    references(policy).filter_map(|secret| match secret {
        SecretRef::Command(command) => Some(command),
        _ => None,
    })
}
