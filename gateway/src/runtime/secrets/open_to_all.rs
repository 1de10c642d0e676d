//! Files with secrets that everybody on this machine may read.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keyweir_policy::config::file::{Policy, SecretRef};

use super::places::{of_key, of_redis, of_tenant};

/// Files with secrets that everybody on this machine may read: a line for each.
pub fn open_to_all(policy: &Policy, folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for (_, provider) in policy.providers_in_order() {
        for key in provider.keys.values() {
            lines.extend(is_open(&key.secret, folder).then(|| of_key(&key.id)));
        }
    }
    for tenant in policy.tenants.values() {
        let is_open = tenant.client_key_refs.iter().any(|it| is_open(it, folder));
        lines.extend(is_open.then(|| of_tenant(&tenant.id)));
    }
    let token = policy.gateway.admin_token.as_ref();
    let is_token_open = token.is_some_and(|token| is_open(token, folder));
    lines.extend(is_token_open.then(|| "gateway.admin_token".to_owned()));
    for (whose, from) in of_redis(policy) {
        let is_open = from.is_some_and(|it| is_open(it, folder));
        lines.extend(is_open.then(|| whose.to_owned()));
    }
    let told = lines.into_iter().map(|whose| {
        format!(
            "{whose}: everybody on this machine may read the file; let only its owner (chmod 600)"
        )
    });
    told.collect()
}

fn is_open(secret: &SecretRef, folder: &Path) -> bool {
    let SecretRef::File(path) = secret else {
        return false;
    };
    let metadata = std::fs::metadata(folder.join(path));
    metadata.is_ok_and(|it| it.permissions().mode() & 0o004 != 0)
}
