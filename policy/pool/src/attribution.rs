//! What outcomes teach about health: the one party whose fault it was is charged.

use keyweir_health::overload::Change;
use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::ids::KeyId;
use keyweir_terms::time::Time;

use crate::ask::{Notice, Settlement};
use crate::group::QuotaGroup;
use crate::leases::{Grant, Open};
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
        let attribution = fault.attribution();
        match attribution {
            // The provider did its work, or saw that the request is wrong: the key is well.
            Attribution::Nobody | Attribution::Request => {
                return self.succeeded(now, group, open, fault);
            }
            Attribution::KeyOrProvider => return self.broke_down(now, group, grant, fault),
            Attribution::Us
            | Attribution::AccountGroup
            | Attribution::Key
            | Attribution::Account
            | Attribution::KeyModel => {
                self.members.passed(now, grant);
                group.passed(now, grant);
            }
        }
        match attribution {
            Attribution::AccountGroup => group.refused(now, open, settlement, self.draws.f64()),
            Attribution::Key => {
                let draw = self.draws.f64();
                self.members.reject(now, grant.key, fault.wait(), draw);
                self.notices.add(Notice::KeyOut(grant.key));
            }
            Attribution::Account => {
                let draw = self.draws.f64();
                self.members.close(now, grant.account, fault.wait(), draw);
                self.notices.add(Notice::AccountOut(grant.account));
            }
            Attribution::KeyModel => {
                let model = self.models.get_mut(open.request.model);
                model.denials.denied(now, grant.key);
            }
            _ => {}
        }
        Reach::default()
    }

    /// An attempt granted at `granted` succeeded, as far as the provider as a whole is concerned.
    pub(crate) fn provider_succeeded(&mut self, now: Time, grant: &Grant) -> Reach {
        if self.overload.succeeded(now, grant.at, grant.key) != Change::Ended {
            return Reach::default();
        }
        self.notices.add(Notice::OverloadEnded);
        Reach {
            is_overload_changed: true,
            reprieved: self.members.keys().map(|(key, _)| key).collect(),
        }
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
        group.succeeded(now, grant);
        if *fault == Fault::None {
            self.retry.earn(now);
            let model = self.models.get_mut(open.request.model);
            model.denials.served(grant.key);
        }
        if back.account {
            self.notices.add(Notice::AccountBack(grant.account));
        }
        if back.key {
            self.notices.add(Notice::KeyBack(grant.key));
        }
        if open.answered {
            return Reach::default();
        }
        self.provider_succeeded(now, grant)
    }

    fn broke_down(
        &mut self,
        now: Time,
        group: &mut QuotaGroup,
        grant: &Grant,
        fault: &Fault,
    ) -> Reach {
        self.members.passed(now, grant);
        let in_service = self.members.keys_in_service(now);
        let change = self.overload.failed(now, grant.key, in_service);
        let draw = self.draws.f64();
        if self.overload.is_active() && !group.is_sick_in_overload(now, grant) {
            group.failed_in_overload(now, grant);
        } else if group.failed(now, grant, fault.wait(), draw) {
            self.notices.add(Notice::BreakerTripped(grant.key));
        }
        if change != Change::Began {
            return Reach::default();
        }
        self.notices.add(Notice::OverloadBegan);
        Reach {
            is_overload_changed: true,
            reprieved: self.overload.suspects().collect(),
        }
    }
}
