//! What keys and accounts are doing, in the words of people who do not know circuit breakers.

use keyweir_policy::health::breaker::BreakerState;
use keyweir_policy::pool::view::{KeyView, StandingView};

/// What a key or an account is doing, the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Serving,
    Probing,
    Out,
    /// An operator holds it.
    Held,
}

impl State {
    pub(super) const ALL: [Self; 4] = [Self::Serving, Self::Probing, Self::Out, Self::Held];

    /// What operators read.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Probing => "probing",
            Self::Out => "out",
            Self::Held => "held",
        }
    }

    /// A key serves where its account does.
    pub(super) fn of_key(key: &KeyView) -> Self {
        Self::of_key_alone(key).max(Self::of(key.is_account_held, key.of_account))
    }

    /// Whatever its account does.
    pub(super) const fn of_key_alone(key: &KeyView) -> Self {
        Self::of(key.is_held, key.state)
    }

    pub(super) const fn of_account(account: &StandingView) -> Self {
        Self::of(account.is_held, account.standing)
    }

    const fn of(is_held: bool, state: BreakerState) -> Self {
        match state {
            _ if is_held => Self::Held,
            BreakerState::Closed => Self::Serving,
            BreakerState::HalfOpen => Self::Probing,
            BreakerState::Open => Self::Out,
        }
    }
}

impl From<BreakerState> for State {
    fn from(state: BreakerState) -> Self {
        Self::of(false, state)
    }
}
