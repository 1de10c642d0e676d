//! Who may be used now: accounts out of money, keys rejected, cooldowns, breakers; and keeping
//! the search tree true to it.

use std::cmp::Reverse;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::ids::{AccountId, KeyId};
use crate::pool::Pool;
use crate::pool::models::LaneId;
use crate::units::Time;

/// How often an account without money is looked at again. Topping it up is a person's work, but
/// nobody should have to tell the gateway afterwards.
pub(super) const ACCOUNT_BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(120),
    cap: Duration::from_secs(1_800),
};
/// How often a rejected key is looked at again: it will hardly recover without a new policy.
pub(super) const KEY_BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(120),
    cap: Duration::from_secs(1_800),
};

impl Pool {
    /// Whether `key` may be used in `lane`, leaving its account's budget aside.
    pub(super) fn is_usable(&self, now: Time, lane: LaneId, key: KeyId) -> bool {
        self.keys[key.index()].standing.admits(now)
            && self.lanes[lane].breakers[key.index()].admits(now)
    }

    /// When a closed account opens by itself; `None` where an outcome decides.
    pub(super) fn opens_at(&self, now: Time, lane: LaneId, account: usize) -> Option<Time> {
        let lane = &self.lanes[lane];
        let key = |key: &KeyId| {
            let standing = self.keys[key.index()].standing.opens_at(now);
            let breaker = lane.breakers[key.index()].opens_at(now);
            standing.max(breaker)
        };
        let keys = self.accounts[account].keys.iter().map(key);
        // An account opens with its first key; a key without a time of its own opens now.
        let first_key = keys.map(|at| at.unwrap_or(Time::ZERO)).min();
        let cooldown = Some(lane.accounts[account].cooldown_until);
        let standing = self.accounts[account].standing.opens_at(now);
        first_key.max(cooldown).max(standing).filter(|at| *at > now)
    }

    /// Brings the search tree up to date with one account of one lane.
    pub(super) fn refresh(&mut self, now: Time, lane_id: LaneId, account: usize) {
        let is_open = self.is_open(now, lane_id, account);
        let opens_at = if is_open {
            None
        } else {
            self.opens_at(now, lane_id, account)
        };
        let lane = &mut self.lanes[lane_id];
        let budget = &lane.accounts[account].budget;
        if is_open {
            let lines = budget.lines(now);
            lane.headrooms
                .set(account, now, Some((&lines, budget.in_flight())));
            return;
        }
        lane.headrooms.set(account, now, None);
        if let Some(at) = opens_at {
            let account = AccountId(u32::try_from(account).expect("accounts are bounded"));
            lane.set_timer(at, account);
        }
    }

    fn is_open(&self, now: Time, lane: LaneId, account: usize) -> bool {
        let in_lane = &self.lanes[lane].accounts[account];
        in_lane.cooldown_until <= now
            && !in_lane.budget.is_cold_and_busy()
            && self.is_well(now, lane, account)
    }

    /// Whether nothing but time keeps `account` from serving: it has a budget, though that may be
    /// spent, and a key that may be used.
    pub(super) fn is_well(&self, now: Time, lane: LaneId, account: usize) -> bool {
        let of_account = &self.accounts[account];
        of_account.standing.admits(now)
            && !self.lanes[lane].accounts[account].budget.is_closed()
            && of_account
                .keys
                .iter()
                .any(|key| self.is_usable(now, lane, *key))
    }

    /// What changed is of concern to every lane.
    pub(super) fn refresh_everywhere(&mut self, now: Time, account: AccountId) {
        for lane in 0..self.lanes.len() {
            self.refresh(now, lane, account.index());
        }
    }

    /// Opens what has become open by the passing of time.
    pub(super) fn run_timers(&mut self, now: Time, lane: LaneId) {
        while let Some(Reverse((at, account))) = self.lanes[lane].timers.peek().copied() {
            if at > now {
                return;
            }
            self.lanes[lane].timers.pop();
            if let Some(account) = account {
                self.refresh(now, lane, account.index());
            }
        }
    }
}
