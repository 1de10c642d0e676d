//! Why each account and key of a group would or would not be chosen: asked of the same rules that
//! choose, and nothing is changed by asking.

use keyweir_select::headroom;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::choose::Choosing;
use crate::asked::Asked;
use crate::explain::{AccountExplanation, AccountOut, Explanation, Held, KeyExplanation, KeyOut};
use crate::shared::Shared;

impl QuotaGroup {
    /// What would become of `asked`.
    pub(crate) fn explain(&self, now: Time, shared: &Shared, asked: &Asked<'_>) -> Explanation {
        // As it will be once the timers that are due have run.
        let mut index = self.headroom.clone();
        for account in self.timers.due(now) {
            if self.is_open(now, &shared.members, account) {
                let budget = &self.accounts[account].budget;
                let lines = budget.lines(now);
                index.set(account, now, Some((&lines, budget.in_flight())));
            }
        }
        let choosing = Choosing {
            headroom: &index,
            ..self.choosing(now, shared, asked)
        };
        // The draws that the next grant will make.
        let mut draws = shared.draws.clone();
        let chosen = choosing.choose(&mut draws, &[]);
        let chosen = chosen.or_else(|| self.choose_at_last(now, shared, asked, &[]));
        let is_candidate =
            |account: &AccountId| asked.ask.account.is_none_or(|only| only == *account);
        let candidates = self.accounts.ids().filter(is_candidate);
        Explanation {
            endpoint: self.name.endpoint,
            group: self.name.name.clone(),
            held: self.held(now, shared),
            chosen: chosen.map(|it| (it.account, it.key)),
            by: chosen.map(|it| it.by),
            needed: std::array::from_fn(|dimension| asked.charge.total(dimension)),
            accounts: candidates
                .map(|account| self.explain_account(&choosing, account))
                .collect(),
        }
    }

    fn held(&self, now: Time, shared: &Shared) -> Option<Held> {
        if let Some(until) = shared.overload.opens_at(now) {
            return Some(Held::Overloaded { until });
        }
        let waiting = self.room.len();
        (waiting > 0).then_some(Held::BehindOthers { waiting })
    }

    fn explain_account(&self, choosing: &Choosing<'_>, account: AccountId) -> AccountExplanation {
        let minds_denials = choosing.minds_denials();
        let keys: Vec<KeyExplanation> = choosing
            .members
            .keys_of(account)
            .iter()
            .map(|key| KeyExplanation {
                key: *key,
                out: self.why_key_is_out(choosing, *key, minds_denials),
            })
            .collect();
        let lines = self.accounts[account].budget.lines(choosing.now);
        AccountExplanation {
            account,
            out: self.why_account_is_out(choosing, account, &keys),
            headroom: headroom::compare(&lines, choosing.now, &choosing.asked.charge),
            keys,
        }
    }

    fn why_account_is_out(
        &self,
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
        if in_group.budget.is_cold_and_busy() {
            return Some(AccountOut::BusyWhileUnknown);
        }
        let charge = &choosing.asked.charge;
        if choosing.headroom.headroom(account, now, charge).is_none() {
            let until = choosing.headroom.fits_at(account, now, charge);
            return Some(AccountOut::HeadroomTooSmall { until });
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
