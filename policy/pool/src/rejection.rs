//! Whom it charges that the provider rejects a key, or that an account is out of money or disabled.
//!
//! When in doubt, the narrowest that explains it: a key that serves, but has never served this model,
//! may not be allowed this model. Otherwise the key or the account, as far as one request's word goes
//! ([`crate::standing`]).

use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::time::Time;

use crate::ask::Notice;
use crate::leases::Open;
use crate::shared::Shared;
use crate::standing::Word;

impl Shared {
    pub(crate) fn rejected(&mut self, now: Time, open: &Open, fault: &Fault) {
        let (grant, request) = (&open.grant, &open.request);
        let denials = &mut self.models.get_mut(request.model).denials;
        let has_served = self.members.key(grant.key).standing.has_served();
        if has_served && !denials.has_served(grant.key) {
            return denials.denied(now, grant.key);
        }
        let is_account = fault.attribution() == Attribution::Account;
        let first = request.earlier.rejected;
        let others = self.members.is_another_in_service(now, grant, is_account);
        let word = Word {
            by: request.id,
            granted: if is_account {
                grant.generations.account
            } else {
                grant.generations.key
            },
            may_be_believed: first.is_none() && others,
            wait: fault.wait(),
            draw: self.draws.f64(),
        };
        if is_account {
            if self.members.close(now, grant.account, &word) {
                self.notices.add(Notice::AccountOut(grant.account));
            }
        } else if self.members.reject(now, grant.key, &word) {
            self.notices.add(Notice::KeyOut(grant.key));
        }
        if let Some(first) = first {
            self.members.doubt(now, first, request.id);
        }
    }
}
