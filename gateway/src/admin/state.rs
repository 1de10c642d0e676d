//! What keys and accounts are doing, in the words of people who do not know circuit breakers.

use keyweir_policy::health::breaker::BreakerState;

/// All states.
pub(super) const STATES: [BreakerState; 3] = [
    BreakerState::Closed,
    BreakerState::HalfOpen,
    BreakerState::Open,
];

/// What operators read for a state.
pub(super) const fn state_name(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "serving",
        BreakerState::HalfOpen => "probing",
        BreakerState::Open => "out",
    }
}
