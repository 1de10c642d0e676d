//! Does what operators want of a key or an account.

use keyweir_terms::ids::GroupId;
use keyweir_terms::table::Id as _;
use keyweir_terms::time::Time;

use crate::ask::Notice;
use crate::operator::{Action, Target};
use crate::pool::Pool;

impl Pool {
    /// Does as an operator wants. `false`: there is no such account or key.
    ///
    /// Those who wait and could only be served by whom is held are refused at once.
    pub fn operate(&mut self, now: Time, target: Target, action: Action) -> bool {
        let now = self.clock.read(now);
        let members = &mut self.shared.members;
        let target = match target {
            Target::Account(account) => Target::Account(members.merged(account)),
            Target::Key(_) => target,
        };
        let draw = self.shared.draws.f64();
        if !members.operate(now, target, action, draw) {
            return false;
        }
        if action == Action::Reset {
            self.reset_in_groups(target);
        }
        let notice = match target {
            Target::Account(account) => Notice::AccountOperated(account, action),
            Target::Key(key) => Notice::KeyOperated(key, action),
        };
        self.shared.notices.add(notice);
        self.spread(now);
        if action == Action::Drain {
            for (_, group) in self.groups.iter_mut() {
                group.refuse_unservable(now, &mut self.shared, &self.spec);
            }
        }
        self.dispatch_all(now);
        true
    }

    /// Clears breakers and cooldowns of the keys meant, in every group, and what models they were refused.
    fn reset_in_groups(&mut self, target: Target) {
        let of_key;
        let keys = match target {
            Target::Account(account) => self.shared.members.keys_of(account),
            Target::Key(key) => {
                of_key = [key];
                &of_key
            }
        };
        for model in self.shared.models.iter_mut() {
            for key in keys {
                model.denials.clear(*key);
            }
        }
        for index in 0..self.groups.width() {
            let id = GroupId::from_index(index);
            let Some(group) = self.groups.get_mut(id) else {
                continue;
            };
            for key in keys {
                group.close_breaker(*key);
            }
            if let Target::Account(account) = target {
                group.end_cooldown(account);
            }
        }
    }
}
