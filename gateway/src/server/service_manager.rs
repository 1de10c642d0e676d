//! Tells systemd how far the process is (`sd_notify`): a unit of `Type=notify` counts as started
//! once the gateway listens, and as stopping while it drains. Elsewhere it does nothing.

use sd_notify::NotifyState;

/// The listeners are open.
pub(crate) fn ready() {
    tell(NotifyState::Ready);
}

/// The gateway drains.
pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager cannot be told how far the gateway is");
    }
}
