//! What was held against a key is taken back: an operator says so, or a failure turns out to be the
//! request's or the provider's.

use keyweir_terms::time::Time;

use super::{Breaker, State, Window};

/// Requests at a time after a reprieve: some, since nothing was wrong with the key. From 2 to 8 no
/// simulated world changes.
const RAMP_AFTER_REPRIEVE: u32 = 4;

impl Breaker {
    /// What was held against it is cleared up.
    pub fn close(&mut self) {
        self.opened = 0;
        self.enter(State::default());
    }

    /// A failure that was counted here at `failed_at` was the request's own fault. What opened it
    /// since may have rested on it.
    pub fn absolve(&mut self, now: Time, failed_at: Time) {
        match &mut self.state {
            State::Closed {
                consecutive,
                window,
                ..
            } => {
                *consecutive = consecutive.saturating_sub(1);
                window.absolve(now);
            }
            State::Open { since, .. } if *since >= failed_at => self.reprieve(),
            State::Open { .. } | State::HalfOpen => {}
        }
    }

    /// What opened it turned out to be the provider's fault: close it, but with care.
    pub fn reprieve(&mut self) {
        if !matches!(self.state, State::Closed { .. }) {
            self.enter(State::Closed {
                consecutive: 0,
                window: Window::default(),
                ramp: Some(RAMP_AFTER_REPRIEVE),
            });
        }
    }
}
