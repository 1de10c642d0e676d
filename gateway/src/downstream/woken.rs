//! Whether a future has been woken since it was polled last.
//!
//! One that waits beside others is polled whenever any of them wakes their task: with every event of a
//! stream, say. Where a poll costs more than to ask this, it is asked first.
//!
//! Only for what keeps the waker that it was polled with, and nobody else polls with another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use futures::task::AtomicWaker;

/// Whether a future has been woken.
pub(crate) struct Woken {
    wakes: Arc<Wakes>,
    waker: Waker,
}

struct Wakes {
    is_woken: AtomicBool,
    /// Of the task that the future is part of.
    task: AtomicWaker,
}

impl Woken {
    /// Nobody has polled it yet.
    pub(crate) fn new() -> Self {
        let wakes = Arc::new(Wakes {
            is_woken: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            waker: Waker::from(Arc::clone(&wakes)),
            wakes,
        }
    }

    /// What to poll it with, if it is worth that. If not, the task of `context` is woken when it is.
    pub(crate) fn waker(&self, context: &Context<'_>) -> Option<Waker> {
        self.wakes.task.register(context.waker());
        let is_woken = self.wakes.is_woken.swap(false, Ordering::AcqRel);
        is_woken.then(|| self.waker.clone())
    }

    /// It is worth a poll: it was ready.
    pub(crate) fn poll_again(&self) {
        self.wakes.is_woken.store(true, Ordering::Release);
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_worth_a_poll_at_first_and_whenever_it_was_woken() {
        let (woken, task) = (Woken::new(), Woken::new());
        let outer = Context::from_waker(&task.waker);
        let ask = || woken.waker(&outer).is_some();
        let is_task_woken = || task.wakes.is_woken.swap(false, Ordering::AcqRel);
        assert!(is_task_woken() && ask() && !ask());
        assert!(!is_task_woken());

        woken.waker.wake_by_ref();
        woken.waker.wake_by_ref();

        assert!(is_task_woken() && ask() && !ask());
        woken.poll_again();
        assert!(!is_task_woken() && ask() && !ask());
    }
}
