//! Tells what was learned, to whoever keeps it, and knows it again.

use keyweir_terms::ids::GroupId;
use keyweir_terms::time::Time;

use crate::group::QuotaGroup;
use crate::learned::{Group, Learned};
use crate::models::GroupName;
use crate::pool::Pool;

impl Pool {
    /// What was learned since this was asked last; some `most` rows of it, so that nobody waits for long.
    /// Empty: there is no more.
    pub fn take_learned(&mut self, now: Time, most: usize) -> Vec<Learned> {
        let now = self.clock.read(now);
        let mut rows = Vec::new();
        let members = &mut self.shared.members;
        while rows.len() < most
            && let Some(account) = members.next_touched()
        {
            let (of, keys) = members.learned(now, account);
            rows.push(Learned::Standing(account, of, keys));
        }
        for (_, group) in self.groups.iter_mut() {
            group.take_learned(now, &self.shared.members, most, &mut rows);
        }
        rows
    }

    /// Knows again what was learned `age_secs` ago by a process before this one. To be told before the
    /// first request. Of accounts, keys and groups that the policy has no more nothing is taken over.
    pub fn recall(&mut self, now: Time, age_secs: f64, learned: &Learned) {
        let now = self.clock.read(now);
        let age_secs = age_secs.max(0.0);
        match learned {
            Learned::Standing(account, of, keys) => {
                let members = &mut self.shared.members;
                members.recall(now, age_secs, (*account, of.as_ref()), keys);
                self.spread(now);
            }
            Learned::InGroup(group, account, of, keys) => {
                let Some(id) = self.group_named(now, group) else {
                    return;
                };
                let group = &mut self.groups[id];
                group.recall(now, age_secs, (*account, &**of), keys);
                group.refresh(now, &self.shared.members, *account);
            }
            Learned::Estimate(group, tenant, estimate) => {
                if let Some(id) = self.group_named(now, group) {
                    self.groups[id].estimates.recall(*tenant, estimate);
                }
            }
        }
    }

    /// The group of this name, which is made if there is room for it.
    fn group_named(&mut self, now: Time, group: &Group) -> Option<GroupId> {
        let name = GroupName {
            endpoint: group.endpoint,
            name: group.name.clone(),
        };
        let (id, is_new) = self.shared.models.group_again(&self.spec, &name)?;
        if is_new {
            let mut group = QuotaGroup::new(now, &self.spec, &self.shared.members, (id, name));
            group.reserve(now, &self.shared.members, &self.shared.reserves);
            self.groups.insert(id, group);
        }
        Some(id)
    }
}
