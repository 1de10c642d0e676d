//! Why a key or an account is out, as operators are told.

use keyweir_terms::fault::Fault;
use keyweir_terms::time::Time;

/// What took somebody out, and since when. It stays the same over failed probes, until it serves again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What the latest attempt that speaks against it met.
    pub cause: Cause,
    /// Since when it has been out.
    pub since: Time,
    /// When it is probed; `None`: it is being probed, or an outcome decides.
    pub until: Option<Time>,
}

/// Who or what took it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An attempt that ended so.
    Fault(Fault),
    /// An operator, by [`Action::Trip`](crate::operator::Action::Trip).
    Operator,
    /// Another gateway said so.
    Elsewhere,
}

impl Cause {
    /// The name used in metrics and logs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.as_str(),
            Self::Operator => "operator",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// What it means, and what an operator can do about it.
    pub const fn sentence(&self) -> &'static str {
        match self {
            Self::Operator => "an operator took it out; it is probed later",
            Self::Elsewhere => "another gateway found it out; it is probed later",
            Self::Fault(fault) => of_fault(fault),
        }
    }
}

/// Where the length of a cooldown comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CooldownFrom {
    /// The provider named it, in a header or in the body of a refusal.
    Provider,
    /// The provider refused and named none: a backoff that grows with each refusal.
    Backoff,
}

impl CooldownFrom {
    /// The name used in `/status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Backoff => "backoff",
        }
    }
}

/// What is kept of an outage while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) cause: Cause,
    pub(crate) since: Time,
}

impl Told {
    /// One more thing speaks against it.
    pub(crate) fn note(told: &mut Option<Self>, now: Time, cause: Cause) {
        let since = told.map_or(now, |told| told.since);
        *told = Some(Self { cause, since });
    }

    pub(crate) const fn outage(self, until: Option<Time>) -> Outage {
        Outage {
            cause: self.cause,
            since: self.since,
            until,
        }
    }
}

const fn of_fault(fault: &Fault) -> &'static str {
    match fault {
        Fault::KeyRejected => {
            "the provider rejects the key: it is revoked, expired or mistyped; replace its secret"
        }
        Fault::ScopeMissing => "the key lacks the right to this endpoint; give it the right",
        Fault::OutOfMoney { .. } => {
            "the account has no money left, or hit a spend limit; top it up"
        }
        Fault::AccountDisabled => "the provider disabled the account; ask the provider",
        Fault::ModelDenied => "the key may not use the model; ask the provider for access",
        Fault::RateLimited { .. } | Fault::RampLimited { .. } | Fault::TooLargeForLimit => {
            "the provider refuses with 429, though a budget seemed to be left"
        }
        Fault::Overloaded { .. } => "the provider says that it is overloaded",
        Fault::Broken { .. } => "the provider answers with errors (5xx, or what is no answer)",
        Fault::ConnectFailed => "no connection can be made: network, DNS, TLS or proxy",
        Fault::Unverified => {
            "who answers does not prove to be the provider; see to its certificate, base_url and ca_file"
        }
        Fault::ConnectionLost => "connections die before an answer comes",
        Fault::TimedOut => "no answer comes in time",
        Fault::StreamBroken => "streams break off in the middle",
        Fault::None
        | Fault::BadRequest
        | Fault::ReferenceUnknown
        | Fault::ContextTooLong
        | Fault::ClientLeft
        | Fault::Aborted => "it failed",
    }
}
