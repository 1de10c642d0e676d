//! Shares out what several gateways use, by how many there are: the accounts' buckets and the tenants'
//! limits and budgets.

use std::sync::Arc;
use std::time::Duration;

use crate::runtime::gateway::Gateway;

/// How often a name is looked up: as long as resolvers in clusters keep an answer.
const LOOKED_UP_EVERY: Duration = Duration::from_secs(5);

/// Shares out by the number that is known now. To be called when the policy or the name says another.
pub(crate) fn share_out(gateway: &Gateway) {
    let live = gateway.live();
    let replicas = gateway.replicas.by(&live.policy);
    for provider in live.providers.values() {
        let pool = &provider.pool;
        pool.with(|pool, now| pool.share_among(now, replicas));
    }
    gateway
        .tenancy
        .with(|meters, _| meters.share_among(replicas));
    let count = replicas.count();
    gateway.metrics.process.replicas.set(i64::from(count));
    let before = gateway.replicas.note(replicas);
    if before.is_some_and(|before| before.max(count) > 1) {
        tracing::info!(
            replicas = count,
            "dividing tenant limits and unknown account limits by the number of replicas"
        );
    }
}

/// Shares out now, and again whenever the policy's name tells another number, as long as there is a
/// gateway.
pub(crate) fn keep(gateway: &Arc<Gateway>) {
    share_out(gateway);
    let gateway = Arc::downgrade(gateway);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOKED_UP_EVERY).await;
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            let live = gateway.live();
            if gateway.replicas.look_up(&live.policy).await {
                share_out(&gateway);
            }
        }
    });
}
