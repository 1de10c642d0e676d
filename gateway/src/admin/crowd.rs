//! How many may be connected to the admin listener: where a bound is reached, who has asked nothing (or
//! not yet shaken hands) for the longest gives way to the one that has just come, but has a second first:
//! whoever connects faster than others can ask would keep them out. (Refusing the new one would let
//! whoever came first keep a probe out.)

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot::{self, Receiver, Sender};
use tokio::time::Instant;

/// Operators, probes and scrapers are few, and each needs a file descriptor that clients need too.
const IDLE_MAX: usize = 256;

/// How many more there may be that have to give way, but came less than [`FRESH`] ago.
const LEAVING_MAX: usize = 768;

/// How long everybody has to ask something, or to shake hands.
const FRESH: Duration = Duration::from_secs(1);

/// Connections on which nothing is asked at the moment.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    idle: Arc<Mutex<Line>>,
}

/// Both in the order in which they came. Dropping a sender tells its receiver.
#[derive(Debug, Default)]
struct Line {
    next: u64,
    staying: BTreeMap<u64, Told>,
    /// They give way as soon as they have had their time.
    leaving: BTreeMap<u64, Sender<()>>,
}

#[derive(Debug)]
struct Told {
    gives_way: Sender<()>,
    at_once: Sender<()>,
}

impl Crowd {
    /// One more waits to be asked something.
    pub(crate) fn enter(&self) -> Idle {
        let (gives_way, told) = oneshot::channel();
        let (at_once, told_at_once) = oneshot::channel();
        let mut line = self.idle.lock();
        let number = line.next;
        line.next += 1;
        line.staying.insert(number, Told { gives_way, at_once });
        if line.staying.len() > IDLE_MAX
            && let Some((oldest, Told { gives_way, at_once })) = line.staying.pop_first()
        {
            drop(gives_way);
            line.leaving.insert(oldest, at_once);
        }
        if line.leaving.len() > LEAVING_MAX {
            line.leaving.pop_first();
        }
        Idle {
            line: Arc::clone(&self.idle),
            number,
            came: Instant::now(),
            told,
            told_at_once,
        }
    }
}

/// A connection that waits to be asked something, until dropped.
#[derive(Debug)]
pub(crate) struct Idle {
    line: Arc<Mutex<Line>>,
    number: u64,
    came: Instant,
    told: Receiver<()>,
    told_at_once: Receiver<()>,
}

impl Idle {
    /// Comes when it has to make room.
    pub(crate) async fn gives_way(&mut self) {
        if !self.told.is_terminated() {
            let _dropped = (&mut self.told).await;
        }
        tokio::select! {
            _dropped = &mut self.told_at_once => {}
            () = tokio::time::sleep_until(self.came + FRESH) => {}
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let mut line = self.line.lock();
        line.staying.remove(&self.number);
        line.leaving.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn gives_way(idle: &mut Idle) -> bool {
        let now = tokio::task::unconstrained(idle.gives_way());
        now.now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_has_waited_longest_gives_way_and_who_has_gone_counts_no_more() {
        let crowd = Crowd::default();
        let mut first = crowd.enter();
        tokio::time::sleep(FRESH).await;
        let gone = crowd.enter();
        drop(gone);
        let mut others: Vec<_> = (1..IDLE_MAX).map(|_| crowd.enter()).collect();
        assert!(!gives_way(&mut first));
        others.push(crowd.enter());
        assert!(gives_way(&mut first));
        drop(first);
        assert!(!others.iter_mut().any(gives_way));
        drop(others);
        let line = crowd.idle.lock();
        assert!(line.staying.is_empty() && line.leaving.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_come_after_it_a_new_one_has_its_second_as_long_as_there_is_room() {
        let crowd = Crowd::default();
        let mut first = crowd.enter();
        let mut others: Vec<_> = (1..IDLE_MAX + LEAVING_MAX).map(|_| crowd.enter()).collect();
        assert!(!gives_way(&mut first), "it has just come");
        others.push(crowd.enter());
        assert!(gives_way(&mut first), "there are too many");
        drop(first);
        assert!(!others.iter_mut().any(gives_way));
        tokio::time::sleep(FRESH).await;
        let leaving = others
            .iter_mut()
            .filter_map(|it| gives_way(it).then_some(()));
        assert_eq!(leaving.count(), LEAVING_MAX);
    }
}
