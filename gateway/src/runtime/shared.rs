//! Whether the others are heard, as operators are told.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What gateways share, as far as it is known here.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    standing: Mutex<Standing>,
    heard: Notify,
}

/// Whether the others are heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The policy names no store.
    #[default]
    Off,
    /// They were heard at the last exchange.
    Heard {
        since: Instant,
        /// `host:port` of the store.
        store: String,
    },
    /// They are not.
    Silent {
        since: Instant,
        /// One of a bounded set.
        reason: &'static str,
        /// In words.
        why: String,
    },
}

impl Shared {
    /// What is known now.
    pub(crate) fn standing(&self) -> Standing {
        self.standing.lock().clone()
    }

    /// The others were heard.
    pub(crate) fn tell_heard(&self) {
        self.heard.notify_waiters();
    }

    /// From now on it stands so; what it was before.
    pub(crate) fn set(&self, next: Standing) -> Standing {
        std::mem::replace(&mut *self.standing.lock(), next)
    }

    /// Resolves when the others are next heard, or after `longest`.
    pub(crate) async fn heard(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.heard.notified()).await;
    }
}

impl Standing {
    /// What `/readyz` says of it beside "ready", if anything.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self {
            Self::Silent { since, why, .. } => Some(format!(
                "other gateways have not been heard for {} s, so limits are shared out evenly: \
                 redis {why}",
                since.elapsed().as_secs()
            )),
            Self::Off | Self::Heard { .. } => None,
        }
    }
}
