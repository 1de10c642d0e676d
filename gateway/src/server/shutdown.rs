//! Signals: when the process is to end, and how.

use tokio::signal::unix::{Signal, SignalKind, signal};

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
    hang_up: Signal,
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
            hang_up: signal(SignalKind::hangup())?,
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

    /// Resolves when the process is to end. SIGHUP is kept for reloading the policy; it does not
    /// end the process.
    pub async fn ending(&mut self) -> Ending {
        let [first, second] = &mut self.others;
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Ending::Drain,
                _ = self.interrupt.recv() => return Ending::Now,
                _ = self.hang_up.recv() => {
                    tracing::warn!("SIGHUP: this version does not reload its policy; restart it");
                }
                _ = first.recv() => tracing::info!("SIGUSR1 means nothing here"),
                _ = second.recv() => tracing::info!("SIGUSR2 means nothing here"),
            }
        }
    }
}
