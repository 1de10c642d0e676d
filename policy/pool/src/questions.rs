//! What can be asked of a pool without changing it.

use keyweir_health::retry_budget::RetryLimits;
use keyweir_terms::amount::Need;
use keyweir_terms::ids::{AccountId, KeyId, TenantId};
use keyweir_terms::time::Time;

use crate::ask::Ask;
use crate::asked::Asked;
use crate::attempts::Attempts;
use crate::explain::Explanation;
use crate::group::QuotaGroup;
use crate::pool::Pool;

impl Pool {
    /// When the same request would be granted, were it to ask now; `None`: never. Changes nothing.
    ///
    /// As optimistic as a refusal's time: nobody else comes. A waiting room that is full is no
    /// obstacle, since it is not when its turn would come; nor is how long the request itself
    /// holds back its next attempt.
    pub fn would_admit(&self, now: Time, ask: &Ask, attempts: &Attempts) -> Option<Time> {
        let clock = self.clock.seen(now);
        let now = clock.peek(now);
        let ask = self.resolved(ask);
        let group = &self.groups[self.group_of(&ask)];
        let turn = self.expected_turn(now, group, &self.asked(&ask, attempts));
        turn.map(|turn| clock.outward(turn))
    }

    /// Which key a request would get, were it to ask now for the first time, and why no other.
    /// Changes nothing. Costs time and memory in proportion to accounts and keys: where others wait for
    /// the pool, [`Self::inquire`] asks the same piece by piece.
    pub fn explain(&self, now: Time, ask: &Ask) -> Explanation {
        let clock = self.clock.seen(now);
        let now = clock.peek(now);
        let (ask, attempts) = (self.resolved(ask), Attempts::default());
        let asked = self.asked(&ask, &attempts);
        let group = &self.groups[self.group_of(&ask)];
        let mut explanation = group.explain(now, &self.shared, &asked);
        let all = (0..group.accounts.width(), usize::MAX);
        let accounts = &mut explanation.accounts;
        group.explain_accounts(now, (&self.shared, &asked), all, accounts);
        explanation.told(|at| clock.outward(at))
    }

    /// When `asked` would have its turn in `group`; `None`: never.
    pub(crate) fn expected_turn(
        &self,
        now: Time,
        group: &QuotaGroup,
        asked: &Asked<'_>,
    ) -> Option<Time> {
        if self.shared.never(asked.ask).is_some() {
            return None;
        }
        let turn = group.expected_turn(now, &self.shared, asked)?;
        let gate = self.shared.overload.opens_at(now);
        let pause = group.lone.paused_until(now, asked.sender());
        Some(turn.max(gate.max(pause).unwrap_or(turn)))
    }

    /// The account of a key; `None`: a policy removed it, and nothing of it is under way.
    pub fn account_of(&self, key: KeyId) -> Option<AccountId> {
        self.shared.members.account_of(key)
    }

    /// How many accounts there are.
    pub fn account_count(&self) -> usize {
        self.shared.members.account_count()
    }

    /// How many requests are on their way.
    pub fn in_flight(&self) -> usize {
        self.shared.leases.len()
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.groups.values().map(|group| group.room.len()).sum()
    }

    /// What a request is expected to need.
    pub fn need(&self, ask: &Ask) -> Need {
        let group = &self.groups[self.group_of(ask)];
        group.estimates.need(ask.tenant, &ask.size)
    }

    /// The bounds on retrying.
    pub const fn retry_limits(&self) -> &RetryLimits {
        self.shared.retry.limits()
    }

    /// Whether there is a key for such a request that the provider does not refuse its model to, as far
    /// as is known.
    pub fn may_be_allowed(&self, now: Time, ask: &Ask, attempts: &Attempts) -> bool {
        let now = self.clock.seen(now).peek(now);
        let ask = self.resolved(ask);
        let asked = self.asked(&ask, attempts);
        let group = &self.groups[self.group_of(&ask)];
        let choosing = group.choosing(now, &self.shared, &asked);
        let mut accounts = group.accounts.ids();
        accounts.any(|account| choosing.is_allowed(account) && choosing.has_key(account, true))
    }

    /// Whether a tenant is none of the policy any more: what it sent is not tried again.
    pub fn is_gone(&self, tenant: TenantId) -> bool {
        self.spec.is_gone(tenant)
    }

    /// Whether anybody can serve such a request, be it that it would have to wait for its turn: the
    /// provider is not overloaded as a whole, and not every key for it is out or its breaker open.
    pub fn is_up_for(&self, now: Time, ask: &Ask, attempts: &Attempts) -> bool {
        let now = self.clock.seen(now).peek(now);
        let ask = self.resolved(ask);
        let asked = self.asked(&ask, attempts);
        let group = &self.groups[self.group_of(&ask)];
        !self.shared.overload.is_active(now) && group.is_any_up(now, &self.shared, &asked)
    }
}
