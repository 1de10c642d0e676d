//! Whether the gateway takes requests, and how many are running: what a drain needs to know.
//!
//! Pingora's own answer to SIGTERM closes the listeners at once and then sleeps for its whole
//! grace period, also when nothing runs. Here a load balancer first sees readiness go off, then the
//! listeners close, and the process ends as soon as the last request has.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// The state of one gateway.
#[derive(Debug, Default)]
pub struct Lifecycle {
    draining: AtomicBool,
    drain_began: OnceLock<Instant>,
    last_call: AtomicBool,
    requests: AtomicUsize,
    connections: AtomicUsize,
    idle: Notify,
    called: Notify,
}

impl Lifecycle {
    /// Whether new requests are welcome.
    pub fn ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
    }

    /// For how long new requests have not been welcome, if they are not.
    pub(crate) fn draining_for(&self) -> Option<Duration> {
        let began = self.drain_began.get().filter(|_| !self.ready())?;
        Some(began.elapsed())
    }

    /// From now on, [`Self::ready`] is `false`.
    pub(crate) fn begin_drain(&self) {
        let _ = self.drain_began.set(Instant::now());
        self.draining.store(true, Ordering::SeqCst);
    }

    /// What runs is to end with an error, at once: an answer that has not begun is a refusal, a stream ends
    /// in an error event.
    pub(crate) fn begin_last_call(&self) {
        self.last_call.store(true, Ordering::SeqCst);
        self.called.notify_waiters();
    }

    /// Resolves once grace is over.
    pub(crate) async fn last_called(&self) {
        loop {
            let called = self.called.notified();
            if self.last_call.load(Ordering::SeqCst) {
                return;
            }
            called.await;
        }
    }

    /// Whether grace is over.
    pub(crate) fn is_last_call(&self) -> bool {
        self.last_call.load(Ordering::Relaxed)
    }

    /// Requests between their authentication and the end of their answer.
    pub fn requests_running(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Open connections of clients.
    pub fn connections_open(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a request in.
    pub(crate) fn enter(self: &Arc<Self>) -> Running {
        self.requests.fetch_add(1, Ordering::SeqCst);
        Running(Arc::clone(self))
    }

    /// Counts a connection in.
    pub(crate) fn connect(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }

    /// Resolves once no request runs.
    pub(crate) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.requests_running() == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// A request that runs, until dropped.
#[derive(Debug)]
pub(crate) struct Running(Arc<Lifecycle>);

impl Drop for Running {
    fn drop(&mut self) {
        let before = self.0.requests.fetch_sub(1, Ordering::SeqCst);
        if before == 1 && self.0.draining.load(Ordering::SeqCst) {
            self.0.idle.notify_waiters();
        }
    }
}

/// An open connection, until dropped.
#[derive(Debug)]
pub(crate) struct Connected(Arc<Lifecycle>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn idle_comes_with_the_end_of_the_last_request() {
        let lifecycle = Arc::new(Lifecycle::default());
        let running = lifecycle.enter();
        lifecycle.begin_drain();
        let waiting = tokio::spawn({
            let lifecycle = Arc::clone(&lifecycle);
            async move { lifecycle.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());

        drop(running);

        tokio::time::timeout(Duration::from_secs(5), waiting)
            .await
            .expect("it is idle")
            .expect("no panic");
    }
}
