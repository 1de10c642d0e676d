//! Going over to another policy while requests are under way.

use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

use crate::group::QuotaGroup;
use crate::pool::Pool;
use crate::spec::PoolSpec;

impl Pool {
    /// Goes over to another policy without losing what is known. Accounts and keys that stay (by
    /// their ids) keep budgets, breakers, cooldowns, estimates, affinity and open leases; where a
    /// limit changed, its bucket stays as full as it was. What is gone takes no new requests and
    /// settles those it has. Requests that wait and can never be served any more are refused, and
    /// those whose tenant is gone.
    ///
    /// Those that wait keep their turn; where their model belongs to another quota group now, they
    /// wait there, behind those who do already. The seed and the number of replicas are not taken over.
    pub fn reconfigure(&mut self, now: Time, spec: PoolSpec) {
        let now = self.clock.read(now);
        self.generation += 1;
        let replicas = self.spec.replicas;
        let before = std::mem::replace(&mut self.spec, PoolSpec { replicas, ..spec });
        let (spec, shared) = (&self.spec, &mut self.shared);
        shared.members.reconfigure(spec);
        shared.access = spec.access.clone();
        shared.reserves = spec.reserves.clone();
        for (account, other) in shared.members.merges() {
            shared.access.merge(account, other);
            shared.reserves.merge(account, other);
        }
        shared.retry.set_limits(spec.retry);
        for new in shared.models.reconfigure(spec, &shared.members) {
            let id = new.0;
            let group = QuotaGroup::new(now, spec, &shared.members, new);
            self.groups.insert(id, group);
        }
        for (_, group) in self.groups.iter_mut() {
            group.reconfigure(now, &shared.members, (&before, spec));
            group.reserve(now, &shared.members, &shared.reserves);
        }
        self.move_waiters(now);
        for (_, group) in self.groups.iter_mut() {
            group.refuse_unservable(now, &mut self.shared, &self.spec);
        }
        self.dispatch_all(now);
    }

    /// From now on so many gateways draw on the same accounts, this one included: of what no answer has
    /// told of yet, each takes its share. The number may change at any time, and may be wrong.
    pub fn share_among(&mut self, now: Time, replicas: Replicas) {
        if self.spec.replicas == replicas {
            return;
        }
        let now = self.clock.read(now);
        self.spec.replicas = replicas;
        for (_, group) in self.groups.iter_mut() {
            group.share_among(now, &self.shared.members, replicas);
        }
        self.dispatch_all(now);
    }

    /// Lets those wait with the quota group of their model who wait with another.
    fn move_waiters(&mut self, now: Time) {
        let mut moved = Vec::new();
        for (_, group) in self.groups.iter_mut() {
            moved.extend(group.let_go_of_moved(&self.shared.models));
        }
        for (ticket, waiting) in moved {
            let asked = waiting.asked();
            let asked = self.asked(asked.ask, asked.attempts);
            let group = self.group_of(asked.ask);
            self.groups[group].enter_as(ticket, now, &self.shared, &asked);
        }
    }
}
