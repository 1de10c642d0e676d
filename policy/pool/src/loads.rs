//! Tells what accounts carry, to whoever keeps it ([`keyweir_quota::load`]).

use keyweir_quota::load::Load;
use keyweir_terms::amount::Dimension;
use keyweir_terms::ids::AccountId;
use keyweir_terms::time::Time;

use crate::learned::Group;
use crate::pool::Pool;

/// What an account carried in a quota group since it was looked at before, by [`Dimension::index`].
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// In which group.
    pub group: Group,
    /// Which account.
    pub account: AccountId,
    /// What it carried.
    pub loads: [Load; Dimension::COUNT],
}

impl Pool {
    /// Looks at accounts that were not looked at since the moment `since`, at `most` of them: adds to `rows`
    /// what they have carried. Returns how many were looked at; zero: all have been.
    pub fn take_loads(
        &mut self,
        now: Time,
        since: Time,
        most: usize,
        rows: &mut Vec<Carried>,
    ) -> usize {
        let since = self.clock.inward(since);
        let now = self.clock.read(now);
        let mut looked_at = 0;
        for (_, group) in self.groups.iter_mut() {
            while looked_at < most
                && let Some((account, loads)) = group.look_at_next(now, since)
            {
                looked_at += 1;
                if loads.iter().all(Load::is_nothing) {
                    continue;
                }
                let name = &group.name;
                let group = Group {
                    endpoint: name.endpoint,
                    name: name.name.clone(),
                };
                rows.push(Carried {
                    group,
                    account,
                    loads,
                });
            }
        }
        looked_at
    }
}
