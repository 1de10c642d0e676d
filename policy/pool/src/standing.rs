//! Who may be used now: accounts out of money, keys rejected, cooldowns, breakers; and keeping
//! the search tree true to it.

use std::cmp::Reverse;
use std::time::Duration;

use crate::models::GroupId;
use crate::pool::Pool;
use keyweir_health::backoff::Backoff;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

/// How often an account without money is looked at again. Topping it up is a person's work, but
/// nobody should have to tell the gateway afterwards.
pub(crate) const ACCOUNT_BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(120),
    cap: Duration::from_secs(1_800),
};
/// How often a rejected key is looked at again: it will hardly recover without a new policy.
pub(crate) const KEY_BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(120),
    cap: Duration::from_secs(1_800),
};

impl Pool {
    /// Whether `key` may be used in `group`, leaving its account's budget aside.
    pub(crate) fn is_usable(&self, now: Time, group: GroupId, key: KeyId) -> bool {
        self.keys[key.index()].standing.admits(now)
            && self.groups[group].breakers[key.index()].admits(now)
    }

    /// When a closed account opens by itself; `None` where an outcome decides.
    pub(crate) fn opens_at(&self, now: Time, group: GroupId, account: usize) -> Option<Time> {
        let group = &self.groups[group];
        let key = |key: &KeyId| {
            let standing = self.keys[key.index()].standing.opens_at(now);
            let breaker = group.breakers[key.index()].opens_at(now);
            standing.max(breaker)
        };
        let keys = self.accounts[account].keys.iter().map(key);
        // An account opens with its first key; a key without a time of its own opens now.
        let first_key = keys.map(|at| at.unwrap_or(Time::ZERO)).min();
        let cooldown = Some(group.accounts[account].cooldown_until);
        let standing = self.accounts[account].standing.opens_at(now);
        first_key.max(cooldown).max(standing).filter(|at| *at > now)
    }

    /// Brings the search tree up to date with one account of one group.
    pub(crate) fn refresh(&mut self, now: Time, group_id: GroupId, account: usize) {
        let is_open = self.is_open(now, group_id, account);
        let opens_at = if is_open {
            None
        } else {
            self.opens_at(now, group_id, account)
        };
        let group = &mut self.groups[group_id];
        let budget = &group.accounts[account].budget;
        if is_open {
            let lines = budget.lines(now);
            group
                .headroom
                .set(account, now, Some((&lines, budget.in_flight())));
            return;
        }
        group.headroom.set(account, now, None);
        if let Some(at) = opens_at {
            let account = AccountId(u32::try_from(account).expect("accounts are bounded"));
            group.set_timer(at, account);
        }
    }

    fn is_open(&self, now: Time, group: GroupId, account: usize) -> bool {
        let in_group = &self.groups[group].accounts[account];
        in_group.cooldown_until <= now
            && !in_group.budget.is_cold_and_busy()
            && self.is_well(now, group, account)
    }

    /// Whether nothing but time keeps `account` from serving: it has a budget, though that may be
    /// spent, and a key that may be used.
    pub(crate) fn is_well(&self, now: Time, group: GroupId, account: usize) -> bool {
        let of_account = &self.accounts[account];
        of_account.standing.admits(now)
            && !self.groups[group].accounts[account].budget.is_closed()
            && of_account
                .keys
                .iter()
                .any(|key| self.is_usable(now, group, *key))
    }

    /// What changed is of concern to every group.
    pub(crate) fn refresh_everywhere(&mut self, now: Time, account: AccountId) {
        for group in 0..self.groups.len() {
            self.refresh(now, group, account.index());
        }
    }

    /// Opens what has become open by the passing of time.
    pub(crate) fn run_timers(&mut self, now: Time, group: GroupId) {
        while let Some(Reverse((at, account))) = self.groups[group].timers.peek().copied() {
            if at > now {
                return;
            }
            self.groups[group].timers.pop();
            if let Some(account) = account {
                self.refresh(now, group, account.index());
            }
        }
    }
}
