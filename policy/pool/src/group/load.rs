//! What accounts carry, for whoever keeps it: looks at those that are used, and counts who falls short of
//! them. Nothing is decided by it.
//!
//! A request that waits or is refused falls short of *one* bucket, so that counts can be added up: of the
//! account that it would fit first, the dimension that has the least room for it. Where every account that
//! could serve it cools down after a refusal, that is the one that is back first. Who waits for anything
//! else (a breaker, an overload, a hold after a failure) falls short of nothing.

use keyweir_quota::budget::Charge;
use keyweir_quota::load::Load;
use keyweir_terms::amount::Dimension;
use keyweir_terms::ids::AccountId;
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::account::GroupAccount;
use super::turn::may_serve;
use super::watched::Short;
use crate::ask::RefusalReason;
use crate::asked::Asked;
use crate::shared::Shared;

impl QuotaGroup {
    /// `account` is used: it is looked at until it has not been for some minutes.
    pub(crate) fn watch(&mut self, now: Time, account: AccountId) {
        let Some(in_group) = self.accounts.get_mut(account) else {
            return;
        };
        let watched = &mut in_group.watched;
        if !std::mem::replace(&mut watched.is_listed, true) {
            watched.looked_at = now;
            self.watched.push_back(account);
        }
    }

    /// Looks at the account that was looked at longest ago, if that was before `since`: what it has carried
    /// by then. `None`: all have been looked at.
    pub(crate) fn look_at_next(
        &mut self,
        now: Time,
        since: Time,
    ) -> Option<(AccountId, [Load; Dimension::COUNT])> {
        while let Some(id) = self.watched.pop_front() {
            // What a policy removed is told of no more.
            let Some(account) = self.accounts.get_mut(id) else {
                continue;
            };
            if account.watched.looked_at >= since {
                self.watched.push_front(id);
                return None;
            }
            return Some((id, self.look_at(now, id)));
        }
        None
    }

    /// What an account has carried since it was looked at last.
    fn look_at(&mut self, now: Time, id: AccountId) -> [Load; Dimension::COUNT] {
        let Some(GroupAccount {
            budget, watched, ..
        }) = self.accounts.get_mut(id)
        else {
            return Default::default();
        };
        let taken = budget.own_taken();
        let secs = now.secs_since(watched.looked_at);
        let mut loads: [Load; Dimension::COUNT] = std::array::from_fn(|at| {
            let bucket = budget.bucket(Dimension::ALL[at]);
            let short = watched.short[at];
            Load {
                waited: short.waited.into(),
                refused: short.refused.into(),
                rate_limited: short.rate_limited.into(),
                ..Load::seen(bucket, now, (secs, taken[at] - watched.taken[at]))
            }
        });
        let is_spent = |it: Dimension| budget.bucket(it).spent_per_minute(now) > 0.0;
        watched.is_listed = budget.in_flight() > 0 || Dimension::ALL.into_iter().any(is_spent);
        watched.looked_at = now;
        watched.taken = taken;
        watched.short = Default::default();
        if loads.iter().all(Load::is_nothing) {
            watched.quiet_secs += loads[0].in_use_secs;
        } else {
            let quiet_secs = std::mem::take(&mut watched.quiet_secs);
            loads.iter_mut().for_each(|it| it.in_use_secs += quiet_secs);
        }
        if watched.is_listed {
            self.watched.push_back(id);
        } else {
            watched.quiet_secs = 0.0;
        }
        loads
    }

    /// `asked` has to wait. A retry counts where the provider's refusal is all that it has met, since then
    /// it has not waited before.
    pub(crate) fn note_waiting(&mut self, now: Time, shared: &Shared, asked: &Asked<'_>) {
        let attempts = asked.attempts;
        let is_first = match attempts.made() {
            0 => true,
            1 => attempts.earlier.refused.is_some(),
            _ => false,
        };
        if is_first {
            self.fell_short(now, shared, asked, |short| &mut short.waited);
        }
    }

    /// `asked` is refused for `reason`.
    pub(crate) fn note_refused(
        &mut self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
        reason: RefusalReason,
    ) {
        match reason {
            RefusalReason::Exhausted | RefusalReason::RoomFull | RefusalReason::PatienceOver => {
                self.fell_short(now, shared, asked, |short| &mut short.refused);
            }
            RefusalReason::NoSuchModel
            | RefusalReason::AccountGone
            | RefusalReason::TenantGone
            | RefusalReason::AllOpen
            | RefusalReason::KeysRejected
            | RefusalReason::AccountsOut
            | RefusalReason::Overloaded => {}
        }
    }

    /// The provider refused a request that takes `charge` of `account`.
    pub(crate) fn note_rate_limited(&mut self, now: Time, account: AccountId, charge: &Charge) {
        let dimension = self.scarcest(now, account, charge);
        self.count(now, (account, dimension), |short| &mut short.rate_limited);
    }

    fn fell_short(
        &mut self,
        now: Time,
        shared: &Shared,
        asked: &Asked<'_>,
        of: fn(&mut Short) -> &mut u32,
    ) {
        if let Some(account) = self.short_account(now, shared, asked) {
            let dimension = self.scarcest(now, account, &asked.charge);
            self.count(now, (account, dimension), of);
        }
    }

    fn count(
        &mut self,
        now: Time,
        (account, dimension): (AccountId, Dimension),
        of: fn(&mut Short) -> &mut u32,
    ) {
        self.watch(now, account);
        if let Some(in_group) = self.accounts.get_mut(account) {
            let count = of(&mut in_group.watched.short[dimension.index()]);
            *count = count.saturating_add(1);
        }
    }

    /// The account for want of whose budget `asked` cannot be sent now; `None`: it is not for want of that.
    fn short_account(&self, now: Time, shared: &Shared, asked: &Asked<'_>) -> Option<AccountId> {
        if shared.overload.opens_at(now).is_some() {
            return None;
        }
        if let Some((account, at)) = self.earliest_fit(now, shared, asked, &[]) {
            // Where it fits, it is kept by those before it, who fall short of the same.
            return (at > now || !self.room.is_empty()).then_some(account);
        }
        let cools_down = self.accounts.iter().filter(|(id, it)| {
            it.cooldown_until > now
                && may_serve(shared, asked, *id)
                && self.is_well(now, &shared.members, *id)
        });
        let first = cools_down.min_by_key(|(_, it)| it.cooldown_until);
        first.map(|(id, _)| id)
    }

    /// The dimension of `account` that has the least room for `charge`.
    fn scarcest(&self, now: Time, account: AccountId, charge: &Charge) -> Dimension {
        let Some(account) = self.accounts.get(account) else {
            return Dimension::Requests;
        };
        let lines = account.budget.lines(now);
        let room = |it: &Dimension| {
            let line = lines[it.index()];
            line.free - charge.total(it.index()) * line.scale
        };
        let least = Dimension::ALL
            .into_iter()
            .min_by(|a, b| room(a).total_cmp(&room(b)));
        least.unwrap_or(Dimension::Requests)
    }
}
