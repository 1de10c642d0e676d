//! How many may be connected to the admin listener: where a bound is reached, who has asked nothing (or
//! not yet shaken hands) for the longest is closed for the one that has just come. (Refusing the new one
//! would let whoever came first keep a probe out.)

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot::{self, Receiver, Sender};

/// Operators, probes and scrapers are few, and each needs a file descriptor that clients need too.
const IDLE_MAX: usize = 256;

/// Connections on which nothing is asked at the moment.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    idle: Arc<Mutex<Line>>,
}

#[derive(Debug, Default)]
struct Line {
    next: u64,
    /// In the order in which they came.
    all: BTreeMap<u64, Sender<()>>,
}

impl Crowd {
    /// One more waits to be asked something.
    pub(crate) fn enter(&self) -> Idle {
        let (sender, closed) = oneshot::channel();
        let mut line = self.idle.lock();
        let number = line.next;
        line.next += 1;
        line.all.insert(number, sender);
        if line.all.len() > IDLE_MAX {
            // Dropping the sender tells it.
            line.all.pop_first();
        }
        Idle {
            line: Arc::clone(&self.idle),
            number,
            closed,
        }
    }
}

/// A connection that waits to be asked something, until dropped.
#[derive(Debug)]
pub(crate) struct Idle {
    line: Arc<Mutex<Line>>,
    number: u64,
    closed: Receiver<()>,
}

impl Idle {
    /// Comes when it has to make room.
    pub(crate) async fn gives_way(&mut self) {
        let _dropped = (&mut self.closed).await;
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.line.lock().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_one_that_has_waited_longest_gives_way_and_who_has_gone_counts_no_more() {
        let crowd = Crowd::default();
        let mut first = crowd.enter();
        let gone = crowd.enter();
        drop(gone);
        let mut others: Vec<_> = (1..IDLE_MAX).map(|_| crowd.enter()).collect();
        assert!(first.closed.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        others.push(crowd.enter());
        first.gives_way().await;
        drop(first);
        for other in &mut others {
            assert_eq!(
                other.closed.try_recv(),
                Err(oneshot::error::TryRecvError::Empty)
            );
        }
        drop(others);
        assert!(crowd.idle.lock().all.is_empty());
    }
}
