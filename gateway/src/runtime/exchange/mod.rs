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
mod store_error;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::link::Link;
use crate::runtime::gateway::Gateway;

/// How often it is looked whether the policy names a store, where it names none.
const LOOKED_EVERY: Duration = Duration::from_millis(500);

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
