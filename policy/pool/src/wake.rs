//! Who waits is granted what can be granted, whenever an outcome or the time has changed something.

use keyweir_terms::ids::GroupId;
use keyweir_terms::table::Id as _;
use keyweir_terms::time::Time;

use crate::attribution::Reach;
use crate::pool::Pool;

impl Pool {
    /// Lets all hear of what an outcome in `group` changed, and grants what can be granted now.
    pub(crate) fn follow(&mut self, now: Time, group: GroupId, reach: &Reach) {
        self.reprieve(now, reach);
        if self.spread(now) || reach.is_overload_changed {
            self.dispatch_all(now);
        } else {
            self.dispatch(now, group);
        }
    }

    /// Lets every group hear of accounts whose standing has changed; returns whether there were any.
    pub(crate) fn spread(&mut self, now: Time) -> bool {
        let mut is_any = false;
        while let Some(account) = self.shared.members.next_changed() {
            is_any = true;
            for (_, group) in self.groups.iter_mut() {
                group.reserve_of(now, &self.shared.reserves, account);
                group.refresh(now, &self.shared.members, account);
            }
        }
        is_any
    }

    pub(crate) fn dispatch(&mut self, now: Time, group: GroupId) {
        self.groups[group].dispatch(now, &mut self.shared);
        self.spread(now);
    }

    pub(crate) fn dispatch_all(&mut self, now: Time) {
        for index in 0..self.groups.width() {
            self.dispatch(now, GroupId::from_index(index));
        }
    }

    /// Time has passed: to be called at [`Self::next_wake`], at the latest.
    pub fn wake(&mut self, now: Time) {
        let now = self.clock.read(now);
        self.lapse(now);
        self.dispatch_all(now);
    }

    /// An overload of which nothing is seen any more is over.
    pub(crate) fn lapse(&mut self, now: Time) {
        let reach = self.shared.lapse(now);
        self.reprieve(now, &reach);
    }

    fn reprieve(&mut self, now: Time, reach: &Reach) {
        for (_, group) in self.groups.iter_mut() {
            for key in &reach.reprieved {
                group.reprieve(now, &self.shared.members, *key);
            }
        }
    }

    /// When something will change for someone who waits; `None` while nobody does.
    pub fn next_wake(&self, now: Time) -> Option<Time> {
        let clock = self.clock.seen(now);
        let now = clock.peek(now);
        let groups = self.groups.values();
        let next = groups.filter_map(|group| group.next_wake(now, &self.shared));
        next.min().map(|at| clock.outward(at))
    }
}
