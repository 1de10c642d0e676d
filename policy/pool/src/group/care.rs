//! With what care an account is sent to that refused without telling what it can take.
//!
//! When its cooldown ends, all who wait would go there at once, and all but a few would be refused
//! together. But a refusal comes back within a round trip, long before an answer begins. So one
//! request goes first; where it is not refused within that time two follow, then four …: a crowd is
//! found out by one refusal instead of a crowd of them, and costs those who wait milliseconds.

use std::time::Duration;

use keyweir_terms::time::Time;

/// After so many times what a refusal takes to come back, one that has not is not coming.
const REFUSAL_DELAYS: f64 = 2.0;
/// How much of each refusal's delay is taken in: the mean of some five.
const DELAY_WEIGHT: f64 = 0.2;
/// The longest that is waited for a refusal: a few round trips over an ocean.
const DELAY_MAX: Duration = Duration::from_millis(500);
/// So many that are sent within a refusal's delay are no crowd any more that anybody minds.
const WINDOW_MAX: u32 = 64;

/// Care with one account, in force from its last refusal until [`WINDOW_MAX`] at a time are not refused.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Care {
    /// How many may be sent until `until`; zero: there is no care.
    window: u32,
    sent: u32,
    until: Time,
    refused_at: Time,
    /// What a refusal takes to come back.
    delay_secs: f64,
}

impl Care {
    /// When another request may be sent.
    pub(crate) fn opens_at(&self) -> Time {
        if self.window > 0 && self.sent >= self.window {
            self.until
        } else {
            Time::ZERO
        }
    }

    /// A request is sent.
    pub(crate) fn granted(&mut self, now: Time) {
        if self.window == 0 {
            return;
        }
        if self.sent >= self.window || now >= self.until {
            if self.sent > 0 {
                self.window *= 2;
            }
            self.sent = 0;
            self.until = now.after_secs(self.refusal_secs());
        }
        self.sent += 1;
        if self.window > WINDOW_MAX {
            self.window = 0;
        }
    }

    /// A request that was granted at `granted` was refused. Of those that were on their way together the
    /// first has told.
    pub(crate) fn refused(&mut self, now: Time, granted: Time) {
        let took = now.secs_since(granted).min(DELAY_MAX.as_secs_f64());
        if self.delay_secs == 0.0 {
            self.delay_secs = took;
        }
        self.delay_secs += DELAY_WEIGHT * (took - self.delay_secs);
        if granted < self.refused_at {
            return;
        }
        self.refused_at = now;
        (self.window, self.sent, self.until) = (1, 0, now);
    }

    fn refusal_secs(&self) -> f64 {
        REFUSAL_DELAYS * self.delay_secs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    /// Care after a refusal that took a quarter of a second and was told at one second.
    fn refused() -> Care {
        let mut care = Care::default();
        care.granted(at(0.75));
        care.refused(at(1.0), at(0.75));
        care
    }

    #[test]
    fn who_never_refused_is_sent_as_many_as_there_are() {
        let mut care = Care::default();
        for _ in 0..1_000 {
            care.granted(at(1.0));
        }
        assert!(care.opens_at() <= at(1.0));
    }

    #[test]
    fn one_goes_first_and_twice_as_many_follow_each_time_that_none_is_refused() {
        let mut care = refused();
        let mut now = 2.0;
        for window in [1, 2, 4, 8, 16, 32, 64] {
            for _ in 0..window {
                assert!(care.opens_at() <= at(now), "{window}");
                care.granted(at(now));
            }
            assert_eq!(care.opens_at(), at(now + 0.5), "{window}");
            now += 0.5;
        }
        for _ in 0..1_000 {
            care.granted(at(now));
        }
        assert!(care.opens_at() <= at(now));
    }

    #[test]
    fn a_crowd_that_is_refused_together_has_told_once() {
        let mut care = refused();
        care.granted(at(2.0));
        // Sent before the refusal, and told of after it.
        care.refused(at(2.05), at(0.95));
        assert_eq!(care.opens_at(), at(2.5));
        care.refused(at(2.1), at(2.0));
        assert!(care.opens_at() <= at(2.1));
        care.granted(at(3.0));
        assert!(care.opens_at() > at(3.0));
    }
}
