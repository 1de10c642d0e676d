//! How often an account refused lately: where others have as much left, they come first.
//!
//! Of a bucket that holds a single request, or of which no header tells, we are wrong more often than of
//! others; and the smallest bucket is the first to be full again, so that it would be asked the most. A
//! refusal costs an attempt, and often a wait that the provider names.

use keyweir_terms::time::Time;

/// The weight of the latest outcome. With a third of it, 600 random worlds are held as often.
const WEIGHT: f64 = 1.0 / 16.0;
/// The share that is no matter: a refusal now and then, of which the last alone counts for less.
const USUAL: f64 = 0.1;
/// Seconds until the share has fallen to a third by itself: who is never asked never shows that it is well
/// again.
const FORGOTTEN_SECS: f64 = 60.0;
/// Seconds of refill that an account which refuses everything has to be ahead of others. Of 600 random worlds
/// 67 % are held with it, without it 65.7, with 30 of them 64.5: whoever is left alone for long
/// overflows.
const AVOIDED_SECS: f64 = 3.0;

/// The share of requests that were refused.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RefusedShare {
    share: f64,
    at: Time,
}

impl RefusedShare {
    /// A request was refused or admitted.
    pub(super) fn note(&mut self, now: Time, is_refused: bool) {
        let before = self.share(now);
        let outcome = if is_refused { 1.0 } else { 0.0 };
        self.at = now;
        self.share = before + WEIGHT * (outcome - before);
    }

    /// Seconds of refill that it has to be ahead of others.
    pub(super) fn avoided_secs(&self, now: Time) -> f64 {
        AVOIDED_SECS * (self.share(now) - USUAL).max(0.0)
    }

    fn share(&self, now: Time) -> f64 {
        if self.share == 0.0 {
            return 0.0;
        }
        self.share * (-now.secs_since(self.at) / FORGOTTEN_SECS).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    #[test]
    fn who_refuses_is_avoided_and_who_is_left_alone_is_forgiven() {
        let mut share = RefusedShare::default();
        share.note(at(0.0), true);
        assert_eq!(share.avoided_secs(at(0.0)), 0.0);
        for _ in 0..100 {
            share.note(at(0.0), true);
        }
        assert!(share.avoided_secs(at(0.0)) > 0.85 * AVOIDED_SECS);
        assert_eq!(share.avoided_secs(at(300.0)), 0.0);
        for _ in 0..100 {
            share.note(at(1.0), false);
        }
        assert_eq!(share.avoided_secs(at(1.0)), 0.0);
    }

    #[test]
    fn a_refusal_in_twenty_is_no_matter() {
        let mut share = RefusedShare::default();
        for number in 0..1_000 {
            share.note(at(0.0), number % 20 == 0);
        }
        assert_eq!(share.avoided_secs(at(0.0)), 0.0);
    }
}
