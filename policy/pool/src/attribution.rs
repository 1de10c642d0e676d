//! What outcomes teach about health: the one party whose fault it was is charged.

use crate::ask::{Notice, Settlement};
use crate::leases::Open;
use crate::pool::Pool;
use keyweir_health::breaker::{Breaker, BreakerState};
use keyweir_health::overload::Change;
use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::ids::KeyId;
use keyweir_terms::time::Time;

/// In a storm a key's own failures count only from here, and only while most keys still serve:
/// a storm makes every key fail, but one that never succeeds is sick beside it.
const OVERLOAD_FAILURES_MIN: u32 = 5;

impl Pool {
    /// Charges the one party whose fault it is. Returns whether other groups are concerned.
    pub(crate) fn blame(&mut self, now: Time, open: &Open, settlement: &Settlement) -> bool {
        let fault = &settlement.fault;
        match fault.attribution() {
            // The provider did its work, or saw that the request is wrong: the key is well.
            Attribution::Nobody | Attribution::Request => self.heal(now, open, fault),
            Attribution::Us => {
                self.pass(now, open);
                false
            }
            Attribution::AccountGroup => {
                self.pass(now, open);
                self.refuse(now, open, settlement);
                false
            }
            Attribution::Key => {
                self.pass(now, open);
                let draw = self.draws.f64();
                self.keys[open.key.index()]
                    .standing
                    .open(now, fault.wait(), draw);
                self.notify(Notice::KeyOut(open.key));
                self.refresh_everywhere(now, open.account);
                true
            }
            Attribution::Account => {
                self.pass(now, open);
                let draw = self.draws.f64();
                self.accounts[open.account.index()]
                    .standing
                    .open(now, fault.wait(), draw);
                self.notify(Notice::AccountOut(open.account));
                self.refresh_everywhere(now, open.account);
                true
            }
            Attribution::KeyModel => {
                self.pass(now, open);
                self.models.get_mut(open.model).denied(now, open.key);
                false
            }
            Attribution::KeyOrProvider => self.break_down(now, open, fault),
        }
    }

    fn heal(&mut self, now: Time, open: &Open, fault: &Fault) -> bool {
        let account = &mut self.accounts[open.account.index()].standing;
        let account_back = is_back(
            account,
            |it| it.succeeded(now, open.generations.account),
            now,
        );
        let key = &mut self.keys[open.key.index()].standing;
        let key_back = is_back(key, |it| it.succeeded(now, open.generations.key), now);
        let group = &mut self.groups[open.group];
        group.breakers[open.key.index()].succeeded(now, open.generations.key_model);
        group.accounts[open.account.index()].recovered(open.granted);
        if *fault == Fault::None {
            self.retry.earn(now);
            self.models.get_mut(open.model).served(open.key);
        }
        if account_back {
            self.notify(Notice::AccountBack(open.account));
        }
        if key_back {
            self.notify(Notice::KeyBack(open.key));
        }
        if account_back || key_back {
            self.refresh_everywhere(now, open.account);
        }
        let overload_ended = !open.answered && self.note_success(now, open.granted, open.key);
        account_back || key_back || overload_ended
    }

    /// An attempt succeeded; returns whether that ended a storm.
    pub(crate) fn note_success(&mut self, now: Time, granted: Time, key: KeyId) -> bool {
        if self.overload.succeeded(now, granted, key) != Change::Ended {
            return false;
        }
        self.notify(Notice::OverloadEnded);
        let keys: Vec<KeyId> = self
            .accounts
            .iter()
            .flat_map(|it| it.keys.clone())
            .collect();
        self.reprieve(now, &keys);
        true
    }

    fn pass(&mut self, now: Time, open: &Open) {
        let generations = &open.generations;
        self.accounts[open.account.index()]
            .standing
            .passed(now, generations.account);
        self.keys[open.key.index()]
            .standing
            .passed(now, generations.key);
        self.groups[open.group].breakers[open.key.index()].passed(now, generations.key_model);
    }

    fn refuse(&mut self, now: Time, open: &Open, settlement: &Settlement) {
        let draw = self.draws.f64();
        let account = &mut self.groups[open.group].accounts[open.account.index()];
        let explained = match settlement.fault {
            Fault::RampLimited { .. } => {
                account.budget.slow_down(now);
                false
            }
            _ => account
                .budget
                .refused(now, &open.marks, &open.charge, &settlement.snapshot),
        };
        account.cool_down(now, open.granted, settlement.fault.wait(), explained, draw);
    }

    fn break_down(&mut self, now: Time, open: &Open, fault: &Fault) -> bool {
        let generations = &open.generations;
        self.accounts[open.account.index()]
            .standing
            .passed(now, generations.account);
        self.keys[open.key.index()]
            .standing
            .passed(now, generations.key);
        let in_service = self
            .keys
            .iter()
            .filter(|key| key.standing.admits(now))
            .take(2)
            .count();
        let change = self.overload.failed(now, open.key, in_service);
        let draw = self.draws.f64();
        let is_active = self.overload.is_active();
        let counts = !is_active || self.is_sick_in_overload(now, open);
        let breaker = &mut self.groups[open.group].breakers[open.key.index()];
        if !counts {
            breaker.failed_in_overload(now, generations.key_model);
        } else if breaker.failed(now, generations.key_model, fault.wait(), draw) {
            self.notify(Notice::BreakerTripped(open.key));
        }
        if change == Change::Began {
            self.notify(Notice::OverloadBegan);
            let suspects: Vec<KeyId> = self.overload.suspects().collect();
            self.reprieve(now, &suspects);
        }
        change != Change::None
    }

    fn is_sick_in_overload(&self, now: Time, open: &Open) -> bool {
        let breakers = &self.groups[open.group].breakers;
        if breakers[open.key.index()].consecutive_failures() < OVERLOAD_FAILURES_MIN {
            return false;
        }
        let serving = breakers
            .iter()
            .filter(|breaker| breaker.admits(now))
            .count();
        serving * 2 > breakers.len()
    }

    /// Closes the breakers of keys that were charged with what was the provider's.
    fn reprieve(&mut self, now: Time, keys: &[KeyId]) {
        for group in 0..self.groups.len() {
            for key in keys {
                self.groups[group].breakers[key.index()].reprieve();
                self.refresh(now, group, self.account_of(*key).index());
            }
        }
    }
}

/// Whether `outcome` closes a breaker that was being probed.
fn is_back(breaker: &mut Breaker, outcome: impl FnOnce(&mut Breaker), now: Time) -> bool {
    let before = breaker.state(now);
    outcome(breaker);
    before == BreakerState::HalfOpen && breaker.state(now) == BreakerState::Closed
}
