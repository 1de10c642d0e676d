//! Why each account and key of a group would or would not be chosen: asked of the same rules that
//! choose, and nothing is changed by asking.

use std::borrow::Cow;
use std::ops::Range;

use keyweir_select::headroom::{self, HeadroomIndex, Left};
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::table::Id as _;
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::choose::Choosing;
use crate::asked::Asked;
use crate::explain::{AccountExplanation, AccountOut, Explanation, Held, KeyExplanation, KeyOut};
use crate::shared::Shared;

impl QuotaGroup {
    /// What would become of `asked`, accounts left aside.
    pub(crate) fn explain(&self, now: Time, shared: &Shared, asked: &Asked<'_>) -> Explanation {
        let index = self.current_headroom(now, shared);
        let choosing = Choosing {
            headroom: &index,
            ..self.choosing(now, shared, asked)
        };
        // The draws that the next grant will make.
        let mut draws = shared.draws.clone();
        let held = self.held(now, shared);
        let due = self.choose_reserve(now, shared, asked, &mut draws.clone());
        // What is kept for the tenant it need not queue for.
        let held = held.filter(|held| due.is_none() || matches!(held, Held::Overloaded { .. }));
        let first = due.filter(|_| !self.room.is_empty());
        let chosen = first.or_else(|| choosing.choose(&mut draws, &[]));
        let chosen = chosen.or_else(|| self.choose_reserve(now, shared, asked, &mut draws));
        let chosen = chosen.or_else(|| self.choose_at_last(now, shared, asked, &[]));
        Explanation {
            endpoint: self.name.endpoint,
            group: self.name.name.clone(),
            held,
            chosen: chosen.map(|it| (it.account, it.key)),
            by: chosen.map(|it| it.by),
            needed: std::array::from_fn(|dimension| asked.charge.total(dimension)),
            accounts: Vec::new(),
        }
    }

    /// Adds to `explained` the accounts of which the indices are in `range`, until it has grown by `most`
    /// accounts and keys; returns where to go on.
    pub(crate) fn explain_accounts(
        &self,
        now: Time,
        (shared, asked): (&Shared, &Asked<'_>),
        (range, most): (Range<usize>, usize),
        explained: &mut Vec<AccountExplanation>,
    ) -> usize {
        let index = self.current_headroom(now, shared);
        let choosing = Choosing {
            headroom: &index,
            ..self.choosing(now, shared, asked)
        };
        let minds_denials = choosing.minds_denials();
        let mut looked_at = 0;
        for index in range.clone() {
            if looked_at >= most {
                return index;
            }
            let account = AccountId::from_index(index);
            let is_asked_for = asked.ask.account.is_none_or(|only| only == account);
            if is_asked_for && self.accounts.get(account).is_some() {
                let told = self.explain_account(shared, &choosing, account, minds_denials);
                looked_at += 1 + told.keys.len();
                explained.push(told);
            }
        }
        range.end
    }

    /// What is free, as it will be once the timers that are due have run.
    fn current_headroom(&self, now: Time, shared: &Shared) -> Cow<'_, HeadroomIndex> {
        let mut index = Cow::Borrowed(&self.headroom);
        for account in self.timers.due(now) {
            if self.is_open(now, &shared.members, account) {
                let budget = &self.accounts[account].budget;
                index
                    .to_mut()
                    .set(account, now, Some(&Left::of(budget, now)));
            }
        }
        index
    }

    fn held(&self, now: Time, shared: &Shared) -> Option<Held> {
        if let Some(until) = shared.overload.opens_at(now) {
            return Some(Held::Overloaded { until });
        }
        let waiting = self.room.len();
        (waiting > 0).then_some(Held::BehindOthers { waiting })
    }

    fn explain_account(
        &self,
        shared: &Shared,
        choosing: &Choosing<'_>,
        account: AccountId,
        minds_denials: bool,
    ) -> AccountExplanation {
        let keys: Vec<KeyExplanation> = choosing
            .members
            .keys_of(account)
            .iter()
            .map(|key| KeyExplanation {
                key: *key,
                out: self.why_key_is_out(choosing, *key, minds_denials),
            })
            .collect();
        let budget = &self.accounts[account].budget;
        AccountExplanation {
            account,
            out: self.why_account_is_out(shared, choosing, account, &keys),
            headroom: headroom::compare(budget, choosing.now, &choosing.asked.charge),
            keys,
        }
    }

    fn why_account_is_out(
        &self,
        shared: &Shared,
        choosing: &Choosing<'_>,
        account: AccountId,
        keys: &[KeyExplanation],
    ) -> Option<AccountOut> {
        let (now, members, ask) = (choosing.now, choosing.members, choosing.asked.ask);
        let in_group = &self.accounts[account];
        let Some(of_pool) = members.account(account).filter(|_| !keys.is_empty()) else {
            return Some(AccountOut::NoKey);
        };
        if !choosing.is_allowed(account) {
            return Some(AccountOut::TenantNotAllowed);
        }
        if of_pool.standing.is_held() {
            return Some(AccountOut::Held);
        }
        if ask.account.is_none() && !choosing.model.is_served_by(account) {
            return Some(AccountOut::ModelNotServed);
        }
        if in_group.budget.is_closed() {
            return Some(AccountOut::LimitZero);
        }
        if !of_pool.standing.admits(now) {
            let until = of_pool.standing.opens_at(now);
            return Some(AccountOut::AccountOut { until });
        }
        let until = in_group.may_be_asked_at();
        if until > now {
            return Some(AccountOut::CoolsDown { until });
        }
        let mut usable = keys
            .iter()
            .filter(|it| self.is_usable(now, members, it.key));
        if usable.next().is_none() {
            let until = self.opens_at(now, members, account);
            return Some(AccountOut::KeysOut { until });
        }
        if let Some(until) = in_group.budget.cold_until(now) {
            return Some(AccountOut::BusyWhileUnknown { until });
        }
        let charge = &choosing.asked.charge;
        if choosing.headroom.headroom(account, now, charge).is_none() {
            let fits_at = choosing.headroom.fits_at(account, now, charge);
            let due = self.reserve_turn_at(now, shared, choosing.asked, account);
            let until = fits_at.into_iter().chain(due).min();
            if due.is_none_or(|due| due > now) {
                return Some(AccountOut::HeadroomTooSmall { until });
            }
        }
        let is_any_in = keys.iter().any(|key| key.out.is_none());
        (!is_any_in).then_some(AccountOut::ModelDenied)
    }

    fn why_key_is_out(
        &self,
        choosing: &Choosing<'_>,
        key: KeyId,
        minds_denials: bool,
    ) -> Option<KeyOut> {
        let now = choosing.now;
        let standing = &choosing.members.key(key).standing;
        let breaker = &self.breakers[key];
        if standing.is_held() {
            Some(KeyOut::Held)
        } else if !standing.admits(now) {
            let until = standing.opens_at(now);
            Some(KeyOut::Rejected { until })
        } else if !breaker.admits(now) {
            let until = breaker.opens_at(now);
            Some(KeyOut::BreakerOpen { until })
        } else if minds_denials && choosing.model.denials.includes(now, key) {
            Some(KeyOut::ModelDenied)
        } else {
            None
        }
    }
}
