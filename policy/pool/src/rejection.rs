//! Whom it charges that the provider rejects a key, or that an account is out of money or disabled.
//!
//! When in doubt, the narrowest that explains it: a key that serves, but has never served this model,
//! may not be allowed this model. Otherwise the key or the account, as far as one request's word goes
//! ([`crate::standing`]).

use std::time::Duration;

use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::time::Time;

use crate::ask::Notice;
use crate::attempts::Rejection;
use crate::leases::Open;
use crate::shared::Shared;
use crate::standing::{Heard, Word};

/// How long an answer shows that keys are well: in a pool that is asked every few seconds there may be no
/// other in between.
const SERVED_LATELY: Duration = Duration::from_secs(5);

impl Shared {
    pub(crate) fn rejected(&mut self, now: Time, open: &Open, fault: &Fault) {
        let (grant, request) = (&open.grant, &open.request);
        let denials = &mut self.models.get_mut(request.model).denials;
        let has_served = self.members.key(grant.key).standing.has_served();
        if has_served && !denials.has_served(grant.key) {
            return denials.denied(now, grant.key);
        }
        let is_account = fault.attribution() == Attribution::Account;
        let earlier = request.earlier.rejected;
        let others = self.members.is_another_in_service(now, grant, is_account);
        let word = Word {
            by: (request.id, request.tenant),
            is_contradicted: self.served.is_any_but(request.tenant, now),
            fault: *fault,
            granted: if is_account {
                grant.generations.account
            } else {
                grant.generations.key
            },
            may_be_believed: earlier[0].is_none() && others,
            wait: fault.wait(),
            draw: self.draws.f64(),
        };
        let (heard, out, suspected) = if is_account {
            let heard = self.members.close(now, grant.account, &word);
            let account = grant.account;
            (
                heard,
                Notice::AccountOut(account),
                Notice::AccountSuspected(account),
            )
        } else {
            let heard = self.members.reject(now, grant.key, &word);
            let key = grant.key;
            (heard, Notice::KeyOut(key), Notice::KeySuspected(key))
        };
        match heard {
            Heard::Out => self.notices.add(out),
            Heard::Suspected => self.notices.add(suspected),
            Heard::Same => {}
        }
        let told = Rejection {
            key: grant.key,
            sent: grant.at,
            at: now,
            is_account,
        };
        let Some(first) = earlier[0] else { return };
        // The same of one key after the other: of all that it was told, nothing is sure.
        let it_alone = self.are_others_served(now, first.at);
        for rejection in earlier.into_iter().flatten().chain([told]) {
            let key = rejection.key;
            self.members.doubt(now, key, request.id, it_alone);
        }
    }

    /// A request was served after others had rejected it: they are what is wrong.
    pub(crate) fn confirm_rejections(&mut self, now: Time, open: &Open) {
        for rejection in open.request.earlier.rejected.into_iter().flatten() {
            let draw = self.draws.f64();
            if !self.members.confirm(now, &rejection, draw) {
                continue;
            }
            let account = self.members.account_of(rejection.key);
            let notice = match account.filter(|_| rejection.is_account) {
                Some(account) => Notice::AccountOut(account),
                None => Notice::KeyOut(rejection.key),
            };
            self.notices.add(notice);
        }
    }

    /// Whether requests are served, though one is rejected by one key after the other.
    fn are_others_served(&self, now: Time, first_rejection: Time) -> bool {
        let served_at = self.served.last();
        served_at.is_some_and(|at| at > first_rejection || now.since(at) < SERVED_LATELY)
    }
}
