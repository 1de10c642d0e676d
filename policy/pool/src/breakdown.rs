//! Whose fault a breakdown is: the key's, the provider's, or the request's.
//!
//! A request charges the first key it breaks down with, and no other. One that breaks down with a
//! second key while most others are served is what is wrong itself: the first key's charge is taken
//! back, and the overload gate hears nothing of it. While others fail as well, it may be the provider,
//! and the gate decides by how many requests see the same. One whose sender's requests fail alone is
//! charged to nobody ([`crate::lone_failures`]).

use keyweir_health::overload::Change;
use keyweir_terms::fault::Fault;
use keyweir_terms::time::Time;

use crate::ask::Notice;
use crate::attribution::Reach;
use crate::group::QuotaGroup;
use crate::leases::Open;
use crate::shared::Shared;

impl Shared {
    pub(crate) fn broke_down(
        &mut self,
        now: Time,
        group: &mut QuotaGroup,
        open: &Open,
        fault: &Fault,
    ) -> Reach {
        // It is nobody's key, and no rest mends it: whoever asks is told so.
        if *fault == Fault::Unverified {
            self.members.passed(now, &open.grant);
            group.passed(now, &open.grant);
            return Reach::default();
        }
        if self.fails_alone(now, group, (open, fault)) {
            return Reach::default();
        }
        let (grant, request) = (&open.grant, &open.request);
        self.members.passed(now, grant);
        if let Some((first, at)) = request.earlier.broke_down {
            group.passed(now, grant);
            if first != grant.key && self.overload.are_others_served(at, request.id) {
                self.overload.dismiss(request.id);
                group.absolve(now, first, at);
                if let Some(account) = self.members.account_of(first) {
                    group.refresh(now, &self.members, account);
                }
                return Reach::default();
            }
        }
        let in_service = self.members.keys_in_service(now);
        let attempt = (request.id, grant.key);
        let change = self.overload.failed(now, attempt, in_service);
        let draw = self.draws.f64();
        if request.earlier.broke_down.is_some() {
            // It has charged another.
        } else if self.overload.is_active(now) && !group.is_sick_in_overload(now, grant) {
            group.failed_in_overload(now, grant);
        } else if group.failed(now, grant, fault, draw) {
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
