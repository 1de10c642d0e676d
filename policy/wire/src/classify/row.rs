//! One row of the attribution table: which answers it is about, and whom they are charged to.

use std::time::Duration;

use crate::classify::heard::Heard;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;

/// One kind of provider, and what its errors mean beyond what everybody's do.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) rows: &'static [Row],
}

/// Answers that look alike, and whom they are charged to.
pub(crate) struct Row {
    pub(crate) statuses: Statuses,
    pub(crate) says: Says,
    pub(crate) charge: Charge,
    /// Where it is written or was seen.
    pub(crate) source: &'static str,
}

/// Statuses, from the first to the last of each range.
pub(crate) type Statuses = &'static [(u16, u16)];

/// What an answer says. All words are in lower case.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Says {
    /// Whatever it says.
    Anything,
    /// Its type, code or detail is one of these.
    Code(&'static [&'static str]),
    /// Its message begins with one of these.
    Begins(&'static [&'static str]),
    /// Its message begins with one of these, and it names no wait: a stated wait outranks words.
    BeginsWithoutWait(&'static [&'static str]),
    /// Its message has one of these somewhere.
    Has(&'static [&'static str]),
    /// It is about a model, at an endpoint that asks one: by code, or by how its message begins.
    Model(&'static [&'static str], &'static [&'static str]),
    /// Its message names a limit and a larger request.
    MoreThanTheLimit,
    /// It asks to be tried again (`x-should-retry: true`).
    Retry,
    /// It is a page for people.
    Page,
    /// It is no JSON.
    NoJson,
}

/// Whom an answer is charged to: a [`Fault`] of the same name before the wait is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the fault of its name")]
pub enum Charge {
    RateLimited,
    RampLimited,
    TooLargeForLimit,
    KeyRejected,
    ScopeMissing,
    OutOfMoney,
    AccountDisabled,
    ModelDenied,
    ReferenceUnknown,
    ContextTooLong,
    BadRequest,
    Overloaded,
    Broken,
}

impl Row {
    pub(crate) const fn new(
        statuses: Statuses,
        says: Says,
        charge: Charge,
        source: &'static str,
    ) -> Self {
        Self {
            statuses,
            says,
            charge,
            source,
        }
    }

    pub(crate) fn is_about(&self, heard: &Heard) -> bool {
        let has_status = self
            .statuses
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&heard.status));
        has_status && self.says.is_said(heard)
    }
}

impl Says {
    fn is_said(self, heard: &Heard) -> bool {
        match self {
            Self::Anything => true,
            Self::Code(codes) => heard.says(codes),
            Self::Begins(words) => heard.begins(words),
            Self::BeginsWithoutWait(words) => heard.wait.is_none() && heard.begins(words),
            Self::Has(words) => heard.has(words),
            Self::Model(codes, words) => {
                matches!(heard.endpoint, Endpoint::Inference | Endpoint::CountTokens)
                    && (heard.says(codes) || heard.begins(words))
            }
            Self::MoreThanTheLimit => heard.asks_for_more_than_the_limit(),
            Self::Retry => heard.should_retry,
            Self::Page => heard.is_html,
            Self::NoJson => !heard.said.is_json,
        }
    }
}

impl Charge {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::RateLimited,
        Self::RampLimited,
        Self::TooLargeForLimit,
        Self::KeyRejected,
        Self::ScopeMissing,
        Self::OutOfMoney,
        Self::AccountDisabled,
        Self::ModelDenied,
        Self::ReferenceUnknown,
        Self::ContextTooLong,
        Self::BadRequest,
        Self::Overloaded,
        Self::Broken,
    ];

    /// The name of its fault ([`Fault::as_str`]).
    pub const fn as_str(self) -> &'static str {
        self.fault(None).as_str()
    }

    pub(crate) const fn fault(self, wait: Option<Duration>) -> Fault {
        match self {
            Self::RateLimited => Fault::RateLimited { wait },
            Self::RampLimited => Fault::RampLimited { wait },
            Self::TooLargeForLimit => Fault::TooLargeForLimit,
            Self::KeyRejected => Fault::KeyRejected,
            Self::ScopeMissing => Fault::ScopeMissing,
            Self::OutOfMoney => Fault::OutOfMoney { wait },
            Self::AccountDisabled => Fault::AccountDisabled,
            Self::ModelDenied => Fault::ModelDenied,
            Self::ReferenceUnknown => Fault::ReferenceUnknown,
            Self::ContextTooLong => Fault::ContextTooLong,
            Self::BadRequest => Fault::BadRequest,
            Self::Overloaded => Fault::Overloaded { wait },
            Self::Broken => Fault::Broken { wait },
        }
    }
}

/// Statuses under which states of a key or an account come.
pub(crate) const STATES: Statuses = &[(400, 403), (429, 429)];
/// Refusals of a key's rights.
pub(crate) const RIGHTS: Statuses = &[(401, 401), (403, 403)];
/// Breakdowns.
pub(crate) const BREAKDOWNS: Statuses = &[(500, u16::MAX)];

/// One status.
macro_rules! status {
    ($($status:literal),+) => {
        &[$(($status, $status)),+]
    };
}
pub(crate) use status;
