//! What asking with a key has shown of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;
use std::{fmt, iter};

use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{KeyId, ProviderId};
use keyweir_policy::wire::Organization;
use keyweir_policy::wire::trace::Traces;

/// What was found of each key.
pub(super) type Found = BTreeMap<(ProviderId, KeyId), Finding>;

/// What asking with a key has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) standing: Standing,
    pub(super) organization: Option<Organization>,
    /// The models that it was shown, if it was.
    pub(super) models: Option<Vec<String>>,
    /// What the provider says where it does not work.
    pub(super) words: Option<String>,
}

/// What a page says, or anything else that stands where the list should.
const NO_LIST: &str = "the answer is no list of models: is base_url right?";

/// What a key is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is accepted.
    Works,
    /// It is accepted, and its budget is spent for now.
    Limited(u16),
    /// The provider answered, and neither accepted nor refused it.
    Unproven(&'static str, u16),
    /// It does not work, or its provider does not answer.
    Fails(Why),
}

/// Why a key does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The provider says so, with this status.
    Said(&'static str, u16),
    /// The provider itself is in trouble, as it says with this status.
    Trouble(&'static str, u16),
    /// The policy names a secret that is not there.
    NoSecret,
    /// There is no connection, or it broke.
    NoAnswer(String),
    /// No answer in this time.
    TimedOut(Duration),
    /// There was no time left to ask with it.
    NotAsked,
}

impl Standing {
    /// What an answer of `status` says, which met `fault`.
    pub(super) fn of(fault: &Fault, status: u16, is_list: bool) -> Self {
        let fails = |why| Self::Fails(Why::Said(why, status));
        match fault {
            Fault::None if is_list => Self::Works,
            Fault::None => Self::Unproven(NO_LIST, status),
            Fault::RateLimited { .. } | Fault::RampLimited { .. } | Fault::TooLargeForLimit => {
                Self::Limited(status)
            }
            Fault::KeyRejected => fails("the provider rejects it: revoked, expired or mistyped"),
            Fault::OutOfMoney { .. } => fails("its account is out of money or at its spend limit"),
            Fault::AccountDisabled => fails("its account is disabled"),
            Fault::ScopeMissing | Fault::ModelDenied => {
                Self::Unproven("it may not list models", status)
            }
            _ if status == 401 || status == 403 => fails("the provider refuses it"),
            _ if status == 404 || status == 405 => Self::Unproven(
                "the provider has no list of models where it was looked for",
                status,
            ),
            Fault::Overloaded { .. } => {
                let why = "the provider is overloaded; try again";
                Self::Fails(Why::Trouble(why, status))
            }
            _ if status >= 500 => {
                Self::Fails(Why::Trouble("the provider fails; try again", status))
            }
            _ if status < 300 && !is_list => Self::Unproven(NO_LIST, status),
            _ => Self::Unproven("the answer says nothing of the key", status),
        }
    }

    /// Whether it does not work, as far as is known.
    pub(super) const fn fails(&self) -> bool {
        matches!(self, Self::Fails(_))
    }

    /// Whether its provider will have nothing of it: another key is needed.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self, Self::Fails(Why::Said(..)))
    }

    /// Whether there was no secret to ask with.
    pub(super) const fn lacks_secret(&self) -> bool {
        matches!(self, Self::Fails(Why::NoSecret))
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works => f.write_str("works"),
            Self::Limited(status) => write!(f, "works; its budget is spent for now ({status})"),
            Self::Unproven(why, status) => write!(f, "not known: {why} ({status})"),
            Self::Fails(Why::Said(why, status) | Why::Trouble(why, status)) => {
                write!(f, "fails: {why} ({status})")
            }
            Self::Fails(Why::NoSecret) => f.write_str("not asked: it has no secret"),
            Self::Fails(Why::NoAnswer(why)) => write!(f, "fails: {why}"),
            Self::Fails(Why::TimedOut(timeout)) => write!(f, "fails: no answer within {timeout:?}"),
            Self::Fails(Why::NotAsked) => f.write_str("not asked: no time was left"),
        }
    }
}

impl Finding {
    /// Nothing was learned but that it fails.
    pub(super) const fn failed(why: Why) -> Self {
        Self {
            standing: Standing::Fails(why),
            organization: None,
            models: None,
            words: None,
        }
    }

    /// Takes a credential's traces out of what the provider has named.
    pub(super) fn redact(&mut self, traces: &Traces) {
        let owner = self.organization.iter_mut();
        let owner = owner.flat_map(|owner| iter::once(&mut owner.id).chain(&mut owner.part));
        let told = self.models.iter_mut().flatten().chain(&mut self.words);
        for name in owner.chain(told) {
            if let Cow::Owned(redacted) = traces.redacted_text(name) {
                *name = redacted;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_is_no_broken_key_and_a_missing_list_proves_nothing() {
        let wait = None;
        for (fault, status, fails) in [
            (Fault::None, 200, false),
            (Fault::RateLimited { wait }, 429, false),
            (Fault::ScopeMissing, 403, false),
            (Fault::BadRequest, 404, false),
            (Fault::BadRequest, 400, false),
            (Fault::BadRequest, 403, true),
            (Fault::KeyRejected, 401, true),
            (Fault::OutOfMoney { wait }, 402, true),
            (Fault::AccountDisabled, 403, true),
            (Fault::Overloaded { wait }, 529, true),
            (Fault::Broken { wait }, 502, true),
        ] {
            let standing = Standing::of(&fault, status, true);
            assert_eq!(standing.fails(), fails, "{fault:?} {status}: {standing}");
        }
        for fault in [Fault::None, Fault::BadRequest, Fault::Broken { wait }] {
            let no_list = Standing::of(&fault, 200, false);
            assert_eq!(no_list, Standing::Unproven(NO_LIST, 200), "{fault:?}");
        }
    }

    #[test]
    fn a_provider_in_trouble_says_nothing_against_the_key() {
        let wait = None;
        for (fault, status, is_refused) in [
            (Fault::KeyRejected, 401, true),
            (Fault::AccountDisabled, 403, true),
            (Fault::Overloaded { wait }, 529, false),
            (Fault::Broken { wait }, 502, false),
        ] {
            let standing = Standing::of(&fault, status, true);
            assert_eq!(standing.is_refused(), is_refused, "{fault:?} {status}");
            assert!(standing.fails());
        }
        for why in [Why::NoAnswer(String::new()), Why::NotAsked, Why::NoSecret] {
            let standing = Standing::Fails(why);
            assert!(standing.fails() && !standing.is_refused());
        }
    }
}
