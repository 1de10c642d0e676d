//! What other gateways say of their breakers: it opens one here that would serve, as long as nothing that
//! was seen here speaks against it.

use keyweir_terms::time::Time;

use super::{Breaker, OPEN_MAX_SECS, State};

impl Breaker {
    /// Another gateway has opened its own at `since`, until `until`. Returns whether that opens this one:
    /// not where it has served since, or does not serve anyway. What only holds there (its way to the
    /// provider) costs a probe here.
    pub fn hear_open(&mut self, now: Time, since: Time, until: Time) -> bool {
        let until = until.min(now.after_secs(OPEN_MAX_SECS));
        let has_served = self.served_at.is_some_and(|at| at >= since);
        if has_served || until <= now || !matches!(self.state, State::Closed { .. }) {
            return false;
        }
        self.enter(State::Open { since, until });
        self.is_hearsay = true;
        true
    }

    /// Since when it is open and until when, where that was seen here.
    pub fn own_open_span(&self) -> Option<(Time, Time)> {
        self.open_span().filter(|_| !self.is_hearsay)
    }
}
