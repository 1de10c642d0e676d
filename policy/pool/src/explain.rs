//! Why a key was chosen for a request, or was not: every account and key that could serve it, what
//! keeps it out, and what it has left beside what is needed.

use keyweir_select::headroom::Headroom;
use keyweir_terms::amount::Dimension;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

use crate::ask::ChosenBy;

/// What the pool would do with a request, were it to come now for the first time, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The kind of endpoint.
    pub endpoint: Endpoint,
    /// The quota group that it is charged to; empty for requests that name no model.
    pub group: String,
    /// Why it would have to wait even if there is someone to choose.
    pub held: Option<Held>,
    /// The account and key that it would be sent with, were it not held; `None`: all are out.
    pub chosen: Option<(AccountId, KeyId)>,
    /// Why that one.
    pub by: Option<ChosenBy>,
    /// What it is expected to take, by [`Dimension::index`].
    pub needed: [f64; Dimension::COUNT],
    /// All accounts that could serve it, in the order of their ids.
    pub accounts: Vec<AccountExplanation>,
}

/// What holds a request whatever its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The provider is overloaded as a whole; the next attempt may go then.
    Overloaded {
        /// When the next attempt may go.
        until: Time,
    },
    /// Others wait and may have their turn first.
    BehindOthers {
        /// How many.
        waiting: usize,
    },
}

/// One account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountExplanation {
    /// Which.
    pub account: AccountId,
    /// What keeps it out; `None`: it could be chosen.
    pub out: Option<AccountOut>,
    /// What it has and what is needed, by [`Dimension::index`]; `None` where no limit is known.
    pub headroom: [Option<Headroom>; Dimension::COUNT],
    /// Its keys.
    pub keys: Vec<KeyExplanation>,
}

/// Why an account is not chosen; a bounded metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountOut {
    /// It has no key: none is left of it, or it was merged with another account that has them.
    NoKey,
    /// An operator holds it.
    Held,
    /// The policy does not let the tenant use it.
    TenantNotAllowed,
    /// The policy does not let it serve the model.
    ModelNotServed,
    /// A limit of zero closes it.
    LimitZero,
    /// It is out of money or disabled.
    AccountOut {
        /// When it is probed; `None`: a probe is under way.
        until: Option<Time>,
    },
    /// It refused, and cools down.
    CoolsDown {
        /// Until when.
        until: Time,
    },
    /// All its keys are out; each says why.
    KeysOut {
        /// When the first of them is in again; `None`: an outcome decides.
        until: Option<Time>,
    },
    /// Nothing is known of it, and enough requests are on their way to find out.
    BusyWhileUnknown {
        /// Until when, unless an answer comes before.
        until: Time,
    },
    /// The request does not fit.
    HeadroomTooSmall {
        /// When it will; `None`: never.
        until: Option<Time>,
    },
    /// The provider refuses the model to all its keys.
    ModelDenied,
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyExplanation {
    /// Which.
    pub key: KeyId,
    /// What keeps it out; `None`: it could be chosen.
    pub out: Option<KeyOut>,
}

/// Why a key is not chosen, leaving its account aside; a bounded metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOut {
    /// An operator holds it.
    Held,
    /// The provider rejects it.
    Rejected {
        /// When it is probed; `None`: an outcome decides.
        until: Option<Time>,
    },
    /// Its breaker for this group is open, or it recovers and has its fill of requests.
    BreakerOpen {
        /// When it is probed; `None`: an outcome decides.
        until: Option<Time>,
    },
    /// The provider refuses it the model.
    ModelDenied,
}

impl AccountOut {
    /// The name used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::Held => "held",
            Self::TenantNotAllowed => "tenant_not_allowed",
            Self::ModelNotServed => "model_not_served",
            Self::LimitZero => "limit_zero",
            Self::AccountOut { .. } => "account_out",
            Self::CoolsDown { .. } => "cools_down",
            Self::KeysOut { .. } => "keys_out",
            Self::BusyWhileUnknown { .. } => "busy_while_unknown",
            Self::HeadroomTooSmall { .. } => "headroom_too_small",
            Self::ModelDenied => "model_denied",
        }
    }

    /// When it ends by itself, where that is known.
    pub const fn until(self) -> Option<Time> {
        match self {
            Self::CoolsDown { until } | Self::BusyWhileUnknown { until } => Some(until),
            Self::AccountOut { until }
            | Self::KeysOut { until }
            | Self::HeadroomTooSmall { until } => until,
            Self::NoKey
            | Self::Held
            | Self::TenantNotAllowed
            | Self::ModelNotServed
            | Self::LimitZero
            | Self::ModelDenied => None,
        }
    }
}

impl KeyOut {
    /// The name used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Rejected { .. } => "rejected",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::ModelDenied => "model_denied",
        }
    }
}

impl Explanation {
    /// With all its moments as `told` tells them.
    pub(crate) fn told(mut self, told: impl Fn(Time) -> Time) -> Self {
        if let Some(Held::Overloaded { until }) = &mut self.held {
            *until = told(*until);
        }
        for account in &mut self.accounts {
            match &mut account.out {
                Some(AccountOut::CoolsDown { until } | AccountOut::BusyWhileUnknown { until }) => {
                    *until = told(*until);
                }
                Some(
                    AccountOut::AccountOut { until }
                    | AccountOut::KeysOut { until }
                    | AccountOut::HeadroomTooSmall { until },
                ) => *until = until.map(&told),
                _ => {}
            }
            for key in &mut account.keys {
                if let Some(KeyOut::Rejected { until } | KeyOut::BreakerOpen { until }) =
                    &mut key.out
                {
                    *until = until.map(&told);
                }
            }
        }
        self
    }
}
