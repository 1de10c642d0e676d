//! What outcomes teach about health: the one party whose fault it was is charged, and of one request's
//! attempts the first.

use keyweir_health::overload::Change;
use keyweir_quota::budget::Charge;
use keyweir_terms::amount::Dimension;
use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::ids::{KeyId, RequestId};
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::time::Time;

use crate::ask::{Notice, Settlement};
use crate::group::QuotaGroup;
use crate::leases::{Grant, Open, Slot};
use crate::lone_failures::Blame;
use crate::members::Back;
use crate::outage::CooldownFrom;
use crate::shared::Shared;

/// What an outcome changes for all quota groups, beside the standing of accounts and keys.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// The overload gate turned active or inactive.
    pub(crate) is_overload_changed: bool,
    /// What these keys were charged with was the provider's fault.
    pub(crate) reprieved: Vec<KeyId>,
}

impl Shared {
    /// Charges the one party whose fault it is; says whom else it concerns.
    pub(crate) fn attribute(
        &mut self,
        now: Time,
        group: &mut QuotaGroup,
        open: &Open,
        settlement: &Settlement,
    ) -> Reach {
        let (grant, fault) = (&open.grant, &settlement.fault);
        let is_of_old_secret = self.members.is_of_old_secret(grant.key, grant.at);
        match fault.attribution() {
            Attribution::Key | Attribution::KeyModel if is_of_old_secret => {}
            // The provider did its work, or saw that the request is wrong: the key is well.
            Attribution::Nobody | Attribution::Request => {
                return self.succeeded(now, group, open, fault);
            }
            Attribution::KeyOrProvider => return self.broke_down(now, group, open, fault),
            Attribution::Key | Attribution::Account => self.rejected(now, open, fault),
            Attribution::AccountGroup => {
                let draw = self.draws.f64();
                if !is_explained(&open.charge, &settlement.snapshot)
                    && self.fails_alone(now, group, (open, fault))
                {
                    let sender = open.request.sender();
                    group.lone.refused(now, sender, fault.wait(), draw);
                    return Reach::default();
                }
                group.refused(now, &self.members, open, (settlement, draw));
                self.members.passed(now, grant);
                return Reach::default();
            }
            Attribution::KeyModel => {
                let model = self.models.get_mut(open.request.model);
                model.denials.denied(now, grant.key);
            }
            Attribution::Us => {}
        }
        self.members.passed(now, grant);
        group.passed(now, grant);
        Reach::default()
    }

    /// An attempt succeeded, as far as the provider as a whole is concerned.
    pub(crate) fn provider_succeeded(
        &mut self,
        now: Time,
        grant: &Grant,
        request: RequestId,
    ) -> Reach {
        let attempt = (request, grant.key);
        let change = self.overload.succeeded(now, grant.at, attempt);
        self.overload_changed(change)
    }

    /// Time has passed, and with it perhaps the overload.
    pub(crate) fn lapse(&mut self, now: Time) -> Reach {
        let change = self.overload.lapse(now);
        self.overload_changed(change)
    }

    fn overload_changed(&mut self, change: Change) -> Reach {
        if change != Change::Ended {
            return Reach::default();
        }
        self.notices.add(Notice::OverloadEnded);
        Reach {
            is_overload_changed: true,
            reprieved: self.members.keys().map(|(key, _)| key).collect(),
        }
    }

    /// A good answer to the request of `slot` has begun: key and account are well.
    pub(crate) fn begun(&mut self, now: Time, group: &mut QuotaGroup, slot: Slot) {
        let Some(open) = self.leases.get_mut(slot) else {
            return;
        };
        let grant = &mut open.grant;
        let back = self.members.begun(now, grant);
        let is_closed = group.begun(now, grant);
        let grant = *grant;
        group
            .lone
            .served(open.request.sender(), (grant.account, grant.at));
        self.note_back(&grant, is_closed, &back);
    }

    /// Who serves again is told of.
    fn note_back(&mut self, grant: &Grant, is_closed: bool, back: &Back) {
        if is_closed {
            self.notices.add(Notice::BreakerClosed(grant.key));
        }
        if back.account {
            self.notices.add(Notice::AccountBack(grant.account));
        }
        if back.key {
            self.notices.add(Notice::KeyBack(grant.key));
        }
    }

    /// Whether what failed is the request's own fault, as all that its sender asks for lately fails, and
    /// nothing that others do. Nobody is charged with it then, and what was charged before is taken back.
    ///
    /// Of a tenant of which only some requests fail that is a matter of likelihood; a wait that the provider
    /// names is kept all the same.
    pub(crate) fn fails_alone(
        &mut self,
        now: Time,
        group: &mut QuotaGroup,
        (open, fault): (&Open, &Fault),
    ) -> bool {
        let (grant, request) = (&open.grant, &open.request);
        let sender = request.sender();
        match group
            .lone
            .failed(now, (sender, request.id), (grant.account, grant.at))
        {
            Blame::Open => return false,
            Blame::OfTenant if fault.wait().is_some() => return false,
            Blame::OfTenant => group.end_cooldowns(now, &self.members, |by, from| {
                by.0 == sender.0 && from == CooldownFrom::Backoff
            }),
            Blame::Becomes => group.end_cooldowns(now, &self.members, |by, _| by == sender),
            Blame::Stays => {}
        }
        self.overload.dismiss(request.id);
        self.members.passed(now, grant);
        group.passed(now, grant);
        true
    }

    fn succeeded(
        &mut self,
        now: Time,
        group: &mut QuotaGroup,
        open: &Open,
        fault: &Fault,
    ) -> Reach {
        let grant = &open.grant;
        let back = self.members.succeeded(now, grant);
        let is_closed = group.succeeded(now, grant);
        self.note_back(grant, is_closed, &back);
        if *fault == Fault::None {
            self.served.note(open.request.tenant, now);
            if !open.answered {
                let sent = (grant.account, grant.at);
                group.lone.served(open.request.sender(), sent);
            }
            self.confirm_rejections(now, open);
            self.retry.earn(now);
            if !self.members.is_of_old_secret(grant.key, grant.at) {
                let model = self.models.get_mut(open.request.model);
                model.denials.served(grant.key);
            }
        }
        if open.answered {
            return Reach::default();
        }
        self.provider_succeeded(now, grant, open.request.id)
    }
}

/// Whether the headers of a refusal show of what there was too little, or it says so.
fn is_explained(charge: &Charge, snapshot: &Snapshot) -> bool {
    let is_short = |dimension: Dimension| {
        let reading = snapshot.readings[dimension.index()];
        let remaining = reading.and_then(|reading| reading.remaining);
        remaining.is_some_and(|it| (it as f64) < charge.total(dimension.index()).max(1.0))
    };
    snapshot.short_of.is_some() || Dimension::ALL.into_iter().any(is_short)
}
