//! A grant: a lease on the account and key that were chosen.

use keyweir_terms::ids::AccountId;
use keyweir_terms::time::Time;

use super::QuotaGroup;
use super::choose::{Choosing, Chosen};
use crate::ask::Lease;
use crate::asked::Asked;
use crate::leases::{Generations, Grant, Open, Request};
use crate::output::Output;
use crate::shared::Shared;

impl QuotaGroup {
    /// The account and key for `asked` among the accounts that are not `reserved`, if one may be
    /// sent to now.
    pub(crate) fn choose(
        &self,
        now: Time,
        shared: &mut Shared,
        asked: &Asked<'_>,
        reserved: &[AccountId],
    ) -> Option<Chosen> {
        if shared.overload.opens_at(now).is_some() {
            return None;
        }
        // The draws alone change; they are put back so that everything else can be looked at.
        let mut draws = shared.draws.clone();
        let chosen = self
            .choosing(now, shared, asked)
            .choose(&mut draws, reserved);
        shared.draws = draws;
        chosen
            .or_else(|| self.choose_due(now, shared, asked))
            .or_else(|| self.choose_at_last(now, shared, asked, reserved))
    }

    /// What a choice for `asked` is made from.
    pub(crate) fn choosing<'a>(
        &'a self,
        now: Time,
        shared: &'a Shared,
        asked: &'a Asked<'a>,
    ) -> Choosing<'a> {
        Choosing {
            now,
            asked,
            model: shared.models.get(asked.ask.model),
            members: &shared.members,
            accounts: shared.access.of(asked.ask.tenant),
            breakers: &self.breakers,
            headroom: &self.headroom,
            affinity: &self.affinity,
        }
    }

    /// Takes what `asked` needs of what was chosen.
    pub(crate) fn take(
        &mut self,
        now: Time,
        shared: &mut Shared,
        asked: &Asked<'_>,
        chosen: Chosen,
    ) -> Lease {
        let draw = self.draw(now, shared, asked, &chosen);
        let Chosen { account, key, by } = chosen;
        let (of_account, of_key) = shared.members.grant(account, key);
        let generations = Generations {
            account: of_account,
            key: of_key,
            key_model: self.breakers[key].grant(),
        };
        self.accounts[account].care.granted(now);
        self.note_used(account, &asked.charge);
        self.watch(now, account);
        let marks = self.accounts[account].budget.take(now, &asked.charge, draw);
        shared.overload.grant(now);
        self.lone.granted(now, asked.sender());
        let slot = shared.leases.open(Open {
            grant: Grant {
                group: self.id,
                account,
                key,
                at: now,
                generations,
            },
            request: Request {
                id: asked.ask.request,
                earlier: asked.attempts.earlier,
                tenant: asked.ask.tenant,
                model: asked.ask.model,
                size: asked.ask.size,
                affinity: asked.ask.affinity,
            },
            charge: asked.charge,
            draw,
            marks,
            output: Output::of(&asked.charge),
            answered: false,
        });
        self.refresh(now, &shared.members, account);
        Lease {
            slot,
            key,
            account,
            by,
        }
    }
}
