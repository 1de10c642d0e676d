//! Whom a request may be sent to where nobody can serve it: the last keys of a pool are probed early
//! and often, never only left alone.
//!
//! A backoff that grows to a minute is right for one key among many. Where there is no other it would
//! keep clients waiting for what has long been well, so an open breaker is probed a few seconds after it
//! opened, whatever its backoff; who is suspected on one request's word is asked by the next; and what
//! is out is probed every few seconds ([`crate::standing`]). Each probe is a request that would be
//! refused otherwise.

use std::time::Duration;

use keyweir_health::breaker::{Breaker, BreakerState};
use keyweir_select::headroom;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::choose::Chosen;
use super::turn::may_serve;
use crate::ask::ChosenBy;
use crate::asked::Asked;
use crate::members::Members;
use crate::shared::Shared;
use crate::standing::Standing;

/// How long after it opened the breaker of one of the last keys is probed: a provider that restarts is
/// back in some seconds.
const PROBED_AFTER: Duration = Duration::from_secs(3);

impl QuotaGroup {
    /// Whom to probe with `asked`, where nobody that is not `reserved` can serve it.
    pub(crate) fn choose_at_last(
        &self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
        reserved: &[AccountId],
    ) -> Option<Chosen> {
        if shared.overload.opens_at(now).is_some() || self.is_any_up(now, shared, asked) {
            return None;
        }
        let (members, request) = (&shared.members, asked.ask.request);
        let may_be_asked = |(account, _): &(AccountId, _)| {
            let of_pool = members.account(*account);
            may_serve(shared, asked, *account)
                && !reserved.contains(account)
                && of_pool.is_some_and(|it| it.standing.admits_at_last(now, request))
                && self.has_room(now, asked, *account)
        };
        let accounts = self.accounts.iter().filter(may_be_asked);
        let keys = accounts.flat_map(|(account, _)| {
            let keys = members.keys_of(account).iter();
            keys.map(move |key| Chosen {
                account,
                key: *key,
                by: ChosenBy::Probe,
            })
        });
        keys.filter(|it| {
            let attempts = asked.attempts;
            members.key(it.key).standing.admits_at_last(now, request)
                && self.probed_at(it.key).is_some_and(|at| at <= now)
                && !attempts.rules_out_key(it.key, members.key(it.key).renewed_at)
                && !attempts.avoids(now, it.key)
        })
        .min_by_key(|it| self.probed_at(it.key))
    }

    /// Whether anybody serves who could serve `asked`, be it that there is no room now.
    pub(crate) fn is_any_up(&self, now: Time, shared: &Shared, asked: &Asked<'_>) -> bool {
        let members = &shared.members;
        let stands = |it: &Standing| it.admits(now) || it.state(now) == BreakerState::Closed;
        let serves = |it: &Breaker| it.admits(now) || it.state(now) == BreakerState::Closed;
        let is_key_up = |key: &KeyId| {
            !asked
                .attempts
                .rules_out_key(*key, members.key(*key).renewed_at)
                && stands(&members.key(*key).standing)
                && serves(&self.breakers[*key])
        };
        self.accounts.iter().any(|(account, in_group)| {
            let of_pool = members.account(account);
            may_serve(shared, asked, account)
                && !in_group.budget.is_closed()
                && of_pool.is_some_and(|it| stands(&it.standing) && it.keys.iter().any(is_key_up))
        })
    }

    /// When a key of a closed account may be probed, where nobody else can serve.
    pub(crate) fn may_be_probed_at(
        &self,
        now: Time,
        members: &Members,
        account: AccountId,
    ) -> Option<Time> {
        let of_pool = members.account(account)?;
        let in_group = self.accounts.get(account)?;
        let keys = of_pool.keys.iter();
        let standing = |key: &&KeyId| members.key(**key).standing.admits(now);
        let probed = keys.filter(standing).filter_map(|key| self.probed_at(*key));
        let first = probed.min()?.max(in_group.cooldown_until);
        (of_pool.standing.admits(now) && first > now).then_some(first)
    }

    /// `None`: a probe is under way.
    fn probed_at(&self, key: KeyId) -> Option<Time> {
        let breaker = self.breakers.get(key)?;
        match breaker.open_span() {
            Some((since, until)) => Some(until.min(since + PROBED_AFTER)),
            None => breaker.admits(Time::ZERO).then_some(Time::ZERO),
        }
    }

    fn has_room(&self, now: Time, asked: &Asked<'_>, account: AccountId) -> bool {
        let in_group = &self.accounts[account];
        let lines = in_group.budget.lines(now);
        in_group.may_be_asked_at() <= now
            && !in_group.budget.is_closed()
            && headroom::fits_at(&lines, now, &asked.charge).is_some_and(|at| at <= now)
    }
}
