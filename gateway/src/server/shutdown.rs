//! Signals: when the process is to end, and how; and when the policy is to be read anew.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

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
    /// Left alone, each would end the process.
    others: [Signal; 2],
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
            others: [
                signal(SignalKind::user_defined1())?,
                signal(SignalKind::user_defined2())?,
            ],
        })
    }

    /// Resolves when the process is to end at once, whatever it is at (SIGINT).
    pub async fn interrupted(&mut self) {
        let _ = self.interrupt.recv().await;
    }

    /// Resolves when the process is to end.
    pub async fn ending(&mut self) -> Ending {
        let [first, second] = &mut self.others;
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Ending::Drain,
                _ = self.interrupt.recv() => return Ending::Now,
                _ = first.recv() => tracing::info!("SIGUSR1 means nothing here"),
                _ = second.recv() => tracing::info!("SIGUSR2 means nothing here"),
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
