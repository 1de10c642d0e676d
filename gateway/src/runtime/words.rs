//! What providers said last when they refused a key or an account, for the log, `/status` and
//! `/explain`.
//!
//! Kept beside the pool, which knows faults and no texts: the last refusal of each, without anything of
//! any credential, cut to a sentence or two. It is told as long as the pool says that this is what
//! speaks against it; nobody has to take it back.

use std::collections::HashMap;

use keyweir_policy::pool::ask::{Lease, Notice};
use keyweir_policy::pool::outage::{Cause, Outage};
use keyweir_policy::terms::fault::{Attribution, Fault};
use keyweir_policy::terms::ids::{AccountId, KeyId};
use keyweir_policy::terms::time::Time;
use parking_lot::Mutex;

use crate::runtime::parts::Parts;
use crate::runtime::told::{Out, Said};

/// Of whom it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Whom {
    Key(KeyId),
    Account(AccountId),
}

impl Whom {
    /// Whom `notice` takes out, or leaves alone for a moment.
    const fn taken_out(notice: Notice) -> Option<Self> {
        match notice {
            Notice::KeySuspected(key) | Notice::KeyOut(key) | Notice::BreakerTripped(key) => {
                Some(Self::Key(key))
            }
            Notice::AccountSuspected(account) | Notice::AccountOut(account) => {
                Some(Self::Account(account))
            }
            _ => None,
        }
    }
}

/// What an attempt was told.
pub(super) struct Spoken<'a> {
    whom: Whom,
    fault: Fault,
    said: &'a Said,
}

impl<'a> Spoken<'a> {
    /// By `said`, of those that `lease` is of.
    pub(super) fn of(lease: &Lease, fault: Fault, said: &'a Said) -> Self {
        let whom = match fault.attribution() {
            Attribution::Account => Whom::Account(lease.account),
            _ => Whom::Key(lease.key),
        };
        Self { whom, fault, said }
    }
}

/// A refusal.
#[derive(Debug)]
struct Refusal {
    fault: Fault,
    /// When it was settled.
    at: Time,
    /// What the provider said, redacted.
    said: Said,
}

/// The last refusal of each key and account.
#[derive(Debug, Default)]
pub(crate) struct Words(Mutex<HashMap<Whom, Refusal>>);

impl Words {
    /// An attempt was told `spoken`, which made `notices`.
    pub(super) fn hear(
        &self,
        now: Time,
        spoken: Option<&Spoken<'_>>,
        (notices, parts): (&[Notice], &Parts),
    ) {
        let Some(&Spoken { whom, fault, said }) = spoken else {
            return;
        };
        // While a provider breaks down there are many: only what opens a breaker is kept.
        let attribution = fault.attribution();
        let is_rejection = matches!(attribution, Attribution::Key | Attribution::Account);
        let takes_out = || notices.iter().any(|it| Whom::taken_out(*it) == Some(whom));
        if is_rejection || takes_out() {
            let (at, said) = (now, parts.redacted(said));
            self.0.lock().insert(whom, Refusal { fault, at, said });
        }
    }

    /// How whom `notice` is about is out, by `outage`, and what the provider said.
    pub(super) fn told(
        &self,
        now: Time,
        notice: Notice,
        outage: Option<&Outage>,
    ) -> (Option<Out>, Option<Said>) {
        if let Some(outage) = outage {
            let whom = Whom::taken_out(notice);
            let said = whom.and_then(|whom| self.of(whom, outage));
            return (Some(Out::at(now, outage)), said);
        }
        // It may have been taken back in the same breath: the request was told the same by others.
        let kept = self.0.lock();
        let refusal = Whom::taken_out(notice).and_then(|whom| kept.get(&whom));
        let refusal = refusal.filter(|refusal| refusal.at == now);
        (
            refusal.map(|refusal| Out::once(refusal.fault)),
            refusal.map(|refusal| refusal.said.clone()),
        )
    }

    /// What was said of who is out by `outage`; `None`: nothing, or it met something else since.
    pub(crate) fn of(&self, whom: Whom, outage: &Outage) -> Option<Said> {
        let Cause::Fault(fault) = outage.cause else {
            return None;
        };
        let kept = self.0.lock();
        let refusal = kept.get(&whom)?;
        let is_that = refusal.fault.as_str() == fault.as_str() && refusal.at >= outage.since;
        is_that.then(|| refusal.said.clone())
    }

    /// Drops what was said of those who are gone.
    pub(super) fn keep_those_of(&self, parts: &Parts) {
        self.0.lock().retain(|whom, _| match *whom {
            Whom::Key(key) => parts.credential(key).is_some(),
            Whom::Account(account) => parts.has_account(account),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    #[test]
    fn words_are_told_as_long_as_they_are_what_speaks_against_it() {
        let words = Words::default();
        let whom = Whom::Key(KeyId(1));
        let out = |fault, since| Outage {
            cause: Cause::Fault(fault),
            since: at(since),
            until: None,
        };
        let said = Said::of(401, br#"{"error":{"message":"no"}}"#);
        let spoken = Spoken {
            whom,
            fault: Fault::KeyRejected,
            said: &said,
        };
        words.hear(at(5.0), Some(&spoken), (&[], &Parts::default()));
        let told = |whom, outage: Outage| words.of(whom, &outage).is_some();
        assert!(told(whom, out(Fault::KeyRejected, 5.0)));
        assert!(told(whom, out(Fault::KeyRejected, 4.0)));
        // It served in between, and was taken out anew without words.
        assert!(!told(whom, out(Fault::KeyRejected, 6.0)));
        assert!(!told(whom, out(Fault::AccountDisabled, 4.0)));
        assert!(!told(
            Whom::Account(AccountId(1)),
            out(Fault::KeyRejected, 4.0)
        ));
        let by_hand = Outage {
            cause: Cause::Operator,
            since: at(1.0),
            until: None,
        };
        assert!(!told(whom, by_hand));
        words.keep_those_of(&Parts::default());
        assert!(!told(whom, out(Fault::KeyRejected, 5.0)));
    }
}
