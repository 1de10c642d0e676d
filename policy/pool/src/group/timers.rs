//! When something changes for a group by the passing of time alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use keyweir_terms::ids::AccountId;
use keyweir_terms::time::Time;

/// Timers, each for an account that may be open again then, or (`None`) for a waiter whose
/// circumstances change.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BinaryHeap<Reverse<(Time, Option<AccountId>)>>,
    /// The latest timer set for each account.
    latest: Vec<Time>,
}

impl Timers {
    /// Looks at `account` again at `at`.
    pub(crate) fn set(&mut self, at: Time, account: AccountId) {
        let index = account.index();
        if index >= self.latest.len() {
            self.latest.resize(index + 1, Time::ZERO);
        }
        if self.latest[index] != at {
            self.latest[index] = at;
            self.queue.push(Reverse((at, Some(account))));
        }
    }

    /// Looks at those who wait again at `at`.
    pub(crate) fn set_for_waiter(&mut self, at: Time) {
        self.queue.push(Reverse((at, None)));
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one that is due.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<Option<AccountId>> {
        self.next().filter(|at| *at <= now)?;
        self.queue.pop().map(|Reverse((_, account))| account)
    }

    /// The accounts of those that are due and were not taken; an account may come twice.
    pub(crate) fn due(&self, now: Time) -> impl Iterator<Item = AccountId> {
        let is_any = self.next().is_some_and(|at| at <= now);
        let queue = is_any.then(|| self.queue.iter()).into_iter().flatten();
        queue.filter_map(move |Reverse((at, account))| account.filter(|_| *at <= now))
    }
}
