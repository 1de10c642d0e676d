//! Whom a refusal for want of budget charges: the account where the provider explains it, by headers or
//! by a wait; and where it does not, the key or the account.
//!
//! A key may be sick while its account's others are served. It is the cheaper guess: only the key is
//! left alone then, and the next outcome decides. Where another key of the account is served after it,
//! that was right; where another is refused too, it is the account.

use std::time::Duration;

use keyweir_health::breaker::BreakerState;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::account::GroupAccount;
use crate::ask::Settlement;
use crate::leases::Open;
use crate::lone_failures::Sender;
use crate::members::Members;
use crate::outage::CooldownFrom;

/// How long a key's refusal speaks against its account together with another's: a few times the first
/// backoff of either. Not measured: the worlds with sick keys fix the rule, not this figure.
const DOUBTED: Duration = Duration::from_secs(10);

/// Whom a refusal that nothing explains is charged to.
enum Guess {
    Key,
    Account,
    /// The request: it was refused elsewhere before, and one request is one piece of evidence.
    Nobody,
}

impl QuotaGroup {
    /// The provider refused for want of budget.
    pub(crate) fn refused(
        &mut self,
        now: Time,
        members: &Members,
        open: &Open,
        (settlement, draw): (&Settlement, f64),
    ) {
        let grant = &open.grant;
        let account = &mut self.accounts[grant.account];
        let wait = settlement.fault.wait().filter(|wait| !wait.is_zero());
        let is_ramp = matches!(settlement.fault, Fault::RampLimited { .. });
        account
            .budget
            .cooled(wait.map_or(0.0, |wait| wait.as_secs_f64()));
        let explained = if is_ramp {
            account.budget.slow_down(now);
            None
        } else {
            let snapshot = &settlement.snapshot;
            let budget = &mut account.budget;
            Some(budget.refused(now, &open.marks, &open.charge, snapshot))
        };
        self.note_rate_limited(now, grant.account, &open.charge);
        let is_surely = is_ramp || explained.is_some_and(|it| it.surely);
        let is_expected = explained.is_some_and(|it| it.expected);
        let explained = explained.is_some_and(|it| it.perhaps);
        let guess = if explained || is_ramp || wait.is_some() {
            Guess::Account
        } else {
            self.guess(now, members, open)
        };
        // Without a header it tells nothing of budgets where it may be the key's.
        if !is_surely && (matches!(guess, Guess::Account) || !settlement.snapshot.is_empty()) {
            let budget = &mut self.accounts[grant.account].budget;
            let taken = (&open.marks, &open.charge);
            budget.refused_unexplained(now, taken, &settlement.snapshot);
        }
        if matches!(guess, Guess::Key) {
            let (key, generation) = (grant.key, grant.generations.key_model);
            let was_closed = self.breakers[key].state(now) == BreakerState::Closed;
            self.breakers[key].refused(now, generation, draw);
            self.note_trip(now, key, was_closed, settlement.fault);
            return;
        }
        self.passed(now, grant);
        if matches!(guess, Guess::Account) {
            let account = &mut self.accounts[grant.account];
            if !is_surely {
                account.care.refused(now, grant.at);
            }
            let by = (grant.at, open.request.sender());
            account.refused(now, by, (wait, explained || is_expected), draw);
        }
    }

    /// What a request charged at `at` it is refused elsewhere too, while others are served.
    fn take_back(&mut self, now: Time, (account, key): (AccountId, KeyId), at: Time) {
        self.absolve(now, key, at);
        if let Some(account) = self.accounts.get_mut(account) {
            account.take_back(now, at);
        }
    }

    /// What requests were refused for is their own fault: nobody else waits for it. `is_theirs` tells by
    /// whose request a cooldown began, and where its length comes from.
    pub(crate) fn end_cooldowns(
        &mut self,
        now: Time,
        members: &Members,
        is_theirs: impl Fn(Sender, CooldownFrom) -> bool,
    ) {
        let is_its = |it: &GroupAccount| {
            let theirs = |by| is_theirs(by, it.cooldown_from);
            it.cooldown_until > now && it.cooldown_by.is_some_and(theirs)
        };
        let ids: Vec<AccountId> = self.accounts.ids().collect();
        for id in ids {
            if is_its(&self.accounts[id]) {
                self.accounts[id].end_cooldown();
                self.refresh(now, members, id);
            }
        }
    }

    fn guess(&mut self, now: Time, members: &Members, open: &Open) -> Guess {
        let grant = &open.grant;
        let first = open.request.earlier.refused;
        if let Some((account, key, at)) = first.filter(|(first, ..)| *first != grant.account) {
            if self.served_at > at {
                self.take_back(now, (account, key), at);
                self.refresh(now, members, account);
            }
            return Guess::Nobody;
        }
        let is_other = |key: &&KeyId| **key != grant.key && members.key(**key).standing.admits(now);
        if members
            .keys_of(grant.account)
            .iter()
            .find(is_other)
            .is_none()
        {
            return Guess::Account;
        }
        let doubted = &mut self.accounts[grant.account].doubted;
        let other = doubted.filter(|(key, at)| *key != grant.key && now.since(*at) < DOUBTED);
        if let Some((other, _)) = other {
            *doubted = None;
            if let Some(breaker) = self.breakers.get_mut(other) {
                breaker.reprieve();
            }
            return Guess::Account;
        }
        *doubted = Some((grant.key, now));
        Guess::Key
    }
}
