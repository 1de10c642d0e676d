//! What was spent of a bucket in the last minute, for operators: no decision rests on it.

use keyweir_terms::time::Time;

/// The window, in seconds: limits are stated per minute.
const WINDOW_SECS: f64 = 60.0;

/// A sliding window out of two fixed ones: that of the last whole minute counts for the part of it
/// that is less than a minute ago. Exact for a steady use, and two additions a charge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    began: Time,
    before: f64,
    now: f64,
}

impl Spent {
    pub(super) const NOTHING: Self = Self {
        began: Time::ZERO,
        before: 0.0,
        now: 0.0,
    };

    /// Adds `amount`; a negative one was given back.
    pub(super) fn charge(&mut self, now: Time, amount: f64) {
        let passed = now.secs_since(self.began);
        if passed >= WINDOW_SECS {
            self.before = if passed < 2.0 * WINDOW_SECS {
                self.now
            } else {
                0.0
            };
            self.now = 0.0;
            self.began = now;
        }
        self.now += amount;
    }

    /// What was spent in the minute before `now`.
    pub(super) fn per_minute(&self, now: Time) -> f64 {
        let passed = now.secs_since(self.began) / WINDOW_SECS;
        let (before, last) = if passed < 1.0 {
            (self.before * (1.0 - passed), self.now)
        } else {
            (self.now * (2.0 - passed).max(0.0), 0.0)
        };
        (before + last).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    #[test]
    fn a_steady_use_is_told_as_it_is_and_fades_within_two_minutes() {
        let mut spent = Spent::NOTHING;
        for second in 0..300 {
            spent.charge(at(f64::from(second)), 2.0);
        }
        let told = spent.per_minute(at(299.0));
        assert!((told - 120.0).abs() < 5.0, "{told}");
        assert_eq!(spent.per_minute(at(299.0 + 121.0)), 0.0);
        spent.charge(at(1_000.0), 3.0);
        assert_eq!(spent.per_minute(at(1_000.0)), 3.0);
    }

    #[test]
    fn what_is_given_back_is_not_spent() {
        let mut spent = Spent::NOTHING;
        spent.charge(at(0.0), 5.0);
        spent.charge(at(1.0), -5.0);
        assert_eq!(spent.per_minute(at(2.0)), 0.0);
    }
}
