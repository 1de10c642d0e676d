//! Signals: when the process is to end, and how; and when the policy is to be read anew.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::runtime::gateway::Gateway;
use crate::runtime::reload::{Reloader, Trigger};

/// How the process is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Running requests first (SIGTERM).
    Drain,
    /// At once (SIGINT).
    Now,
}

/// The signals the gateway listens to.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Left alone, it would end the process.
    other: Signal,
}

impl Signals {
    /// Begins to listen. Must be called on a runtime.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            other: signal(SignalKind::user_defined2())?,
        })
    }

    /// Resolves when the process is to end at once, whatever it is at (SIGINT).
    pub async fn interrupted(&mut self) {
        let _ = self.interrupt.recv().await;
    }

    /// Resolves when the process is to end.
    pub async fn ending(&mut self) -> Ending {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Ending::Drain,
                _ = self.interrupt.recv() => return Ending::Now,
                _ = self.other.recv() => tracing::info!("SIGUSR2 ignored"),
            }
        }
    }
}

/// Has the policy read anew with each SIGHUP, also while the gateway drains. Must be called on a
/// runtime, before the process may get one: it would end by it.
///
/// # Errors
/// If the system refuses.
pub fn hang_ups() -> std::io::Result<HangUps> {
    Ok(HangUps(signal(SignalKind::hangup())?))
}

/// Has the access log opened anew by its name with each SIGUSR1: for `logrotate`, which renames it
/// first. Must be called on a runtime, before the process may get one: it would end by it.
///
/// # Errors
/// If the system refuses.
pub fn rotations() -> std::io::Result<Rotations> {
    Ok(Rotations(signal(SignalKind::user_defined1())?))
}

/// SIGUSR1, from now on.
pub struct Rotations(Signal);

impl Rotations {
    /// Has the log of `gateway` opened anew with each from now on.
    pub fn reopen(mut self, gateway: &Arc<Gateway>) {
        let gateway = Arc::clone(gateway);
        tokio::spawn(async move {
            while self.0.recv().await.is_some() {
                gateway.access_log.reopen();
                tracing::info!("SIGUSR1: the access log is opened anew");
            }
        });
    }
}

/// SIGHUP, from now on.
pub struct HangUps(Signal);

impl HangUps {
    /// Reloads with each from now on.
    pub fn reload(mut self, reloader: &Arc<Reloader>) {
        let reloader = Arc::clone(reloader);
        tokio::spawn(async move {
            while self.0.recv().await.is_some() {
                let reloaded = reloader.reload(Trigger::Signal).await;
                tracing::info!(result = reloaded.as_str(), "SIGHUP");
            }
        });
    }
}
