//! Going over to another policy while requests are under way.

use keyweir_terms::time::Time;

use crate::group::QuotaGroup;
use crate::pool::Pool;
use crate::spec::PoolSpec;

impl Pool {
    /// Goes over to another policy without losing what is known. Accounts and keys that stay (by
    /// their ids) keep budgets, breakers, cooldowns, estimates, affinity and open leases; where a
    /// limit changed, its bucket stays as full as it was. What is gone takes no new requests and
    /// settles those it has. Requests that wait and can never be served any more are refused.
    ///
    /// Those that wait keep their turn, and stay with the quota group in which they wait even where
    /// their model belongs to another one now. The seed is not taken over.
    pub fn reconfigure(&mut self, now: Time, spec: PoolSpec) {
        let now = self.clock.read(now);
        let before = std::mem::replace(&mut self.spec, spec);
        let (spec, shared) = (&self.spec, &mut self.shared);
        shared.members.reconfigure(spec);
        shared.retry.set_limits(spec.retry);
        for new in shared.models.reconfigure(spec, &shared.members) {
            let id = new.0;
            let group = QuotaGroup::new(now, spec, &shared.members, new);
            self.groups.insert(id, group);
        }
        for (_, group) in self.groups.iter_mut() {
            group.reconfigure(now, &shared.members, (&before, spec));
            group.refuse_hopeless(now, shared);
        }
        self.dispatch_all(now);
    }
}
