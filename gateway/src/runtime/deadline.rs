//! A time-out that is put off again and again.
//!
//! A stream's idle time-out starts anew with every piece. Setting tokio's timer each time would
//! take its lock twice per piece; here only a number changes, and the timer finds out when it fires
//! early.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A point in time that may move.
#[derive(Debug)]
pub(crate) struct Deadline {
    due: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    /// `span` from now.
    pub(crate) fn after(span: Duration) -> Self {
        let timer = Box::pin(tokio::time::sleep(span));
        Self {
            due: timer.deadline(),
            timer,
        }
    }

    /// Moves it to `span` from now.
    pub(crate) fn restart(&mut self, span: Duration) {
        self.due = Instant::now() + span;
        if self.due < self.timer.deadline() {
            self.timer.as_mut().reset(self.due);
        }
    }

    /// Resolves once it is over.
    pub(crate) async fn passed(&mut self) {
        loop {
            self.timer.as_mut().await;
            if self.timer.deadline() >= self.due {
                return;
            }
            self.timer.as_mut().reset(self.due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_can_be_put_off_and_brought_nearer() {
        let start = Instant::now();
        let mut deadline = Deadline::after(Duration::from_secs(10));
        deadline.restart(Duration::from_secs(20));
        deadline.passed().await;
        assert_eq!(start.elapsed().as_secs(), 20);

        deadline.restart(Duration::from_secs(100));
        deadline.restart(Duration::from_secs(1));
        deadline.passed().await;
        assert_eq!(start.elapsed().as_secs(), 21);
    }
}
