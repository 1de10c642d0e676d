//! What is learned by a breaker, in the form in which it outlives the process.

use std::time::Duration;

use keyweir_terms::time::Time;
use serde::{Deserialize, Serialize};

use super::{Breaker, OPEN_MAX_SECS, State};

/// More than that no backoff grows by.
const OPENED_MAX: u32 = 64;

/// A breaker that is open, or on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedBreaker {
    /// For how long it had been open, and for how much longer it was to be, in seconds; `None`: it was
    /// closed with care.
    pub open_secs: Option<(f64, f64)>,
    /// Times it opened since it last recovered.
    pub opened: u32,
}

impl Breaker {
    /// What is learned; `None`: it is closed, and nothing speaks against that. A probe that is under way
    /// is to be made again.
    pub fn learned(&self, now: Time) -> Option<LearnedBreaker> {
        let open_secs = match self.state {
            State::Closed { ramp: None, .. } if self.opened == 0 => return None,
            State::Closed { .. } => None,
            State::Open { since, until } => Some((now.secs_since(since), until.secs_since(now))),
            State::HalfOpen => Some((0.0, 0.0)),
        };
        let opened = self.opened;
        Some(LearnedBreaker { open_secs, opened })
    }

    /// Knows again what was learned `age_secs` ago. What was to end in the meantime has: it is probed.
    pub fn recall(&mut self, now: Time, age_secs: f64, learned: &LearnedBreaker) {
        self.opened = learned.opened.min(OPENED_MAX);
        let Some((open_for, left)) = learned.open_secs else {
            self.enter(State::Closed {
                consecutive: 0,
                window: Default::default(),
                ramp: Some(1),
            });
            return;
        };
        let secs = |secs: f64| {
            Duration::from_secs_f64(if secs > 0.0 {
                secs.min(OPEN_MAX_SECS)
            } else {
                0.0
            })
        };
        self.is_tripped = true;
        self.enter(State::Open {
            since: now - secs(open_for + age_secs),
            until: now + secs(left - age_secs),
        });
    }
}
