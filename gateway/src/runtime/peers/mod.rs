//! What gateways share through a store (`gateway.shared.redis`): a task of its own tells the others what
//! this one takes, and hears what they do. No request ever waits for the store: what was heard is an
//! input of meters, pools and holders, and where nothing is heard they go by what they know.
//!
//! Each gateway's word is its whole account of itself, so a word that is lost costs nothing. The store
//! decides nothing (`exchange.lua`); what is made of the words stands in the policy core.
//!
//! *A store that fails* is left alone for longer and longer, up to two seconds: one that is stalled has
//! one question to answer then, not a queue of them.

mod answer;
mod budgets;
mod contact;
mod door;
mod entries;
mod hear;
mod link;
mod names;
mod resp;
mod store;
mod store_clock;
mod store_error;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keyweir_policy::config::file::{Policy, RedisSettings};

use self::door::Target;
use self::link::Link;
use self::store::Store;
use crate::runtime::gateway::Gateway;
use crate::runtime::secrets::OfRedis;

/// How often it is looked whether the policy names a store, where it names none.
const LOOKED_EVERY: Duration = Duration::from_millis(500);

/// What is wrong with the store that `policy` names: with its files; where it is `asked` with these secrets,
/// with what it answers, too. Nothing is written there. Blocks.
pub(crate) fn check(policy: &Policy, folder: &Path, asked: Option<&OfRedis>) -> Option<String> {
    let settings = policy.gateway.redis.as_deref()?;
    let found = match asked {
        Some(secrets) => ask_now(settings, secrets, folder),
        None if settings.urls.iter().any(|url| url.tls) => door::tls(settings, folder).check(),
        None => Ok(()),
    };
    Some(format!("gateway.shared.redis: {}", found.err()?))
}

fn ask_now(settings: &RedisSettings, secrets: &OfRedis, folder: &Path) -> Result<(), String> {
    let target = Target {
        settings: settings.clone(),
        secrets: secrets.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let connected = runtime.block_on(Store::connect(&target, folder));
    connected.map(drop).map_err(|error| format!("it {error}"))
}

/// Exchanges words as long as there is a gateway. `folder` is where relative paths start.
pub(crate) fn keep(gateway: &Arc<Gateway>, folder: PathBuf) {
    let mut link = Link::new(gateway, folder);
    let gateway = Arc::downgrade(gateway);
    tokio::spawn(async move {
        loop {
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            let pause = if gateway.settings().redis.is_some() {
                link.turn(&gateway).await
            } else {
                link.end(&gateway);
                LOOKED_EVERY
            };
            drop(gateway);
            tokio::time::sleep(pause).await;
        }
    });
}
