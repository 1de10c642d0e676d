//! What was taken of a bucket lately, as long as nothing was refused that would tell its limit.
//!
//! The first refusal tells that what had been taken and had not flowed in again was too much. How much that
//! was depends on when it was taken: an account that was used at a tenth of its limit for an hour and was
//! then asked for all at once refuses for what came in the last second, of which a mean over the hour knows
//! nothing. Taken for little, such a refusal keeps the true rate from ever being believed.

use std::collections::VecDeque;

use keyweir_terms::time::Time;

/// Charges that are kept, at most: 16 KiB of each dimension of an account of which nothing is told and that
/// has refused nothing yet. What was taken before is believed to have been taken evenly. With 64 to 512 the
/// random worlds 5,119 and 97,055 are refused more often than their bounds allow; over all worlds it is alike.
const CHARGES_MAX: usize = 1024;

/// What was taken of a bucket lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    charges: VecDeque<(Time, f64)>,
}

impl History {
    /// `amount` was taken; a negative one was given back.
    pub(crate) fn note(&mut self, now: Time, amount: f64) {
        if amount == 0.0 {
            return;
        }
        if self.charges.len() == CHARGES_MAX {
            self.charges.pop_front();
        }
        self.charges.push_back((now, amount));
    }

    /// Nobody will ask for it any more.
    pub(crate) fn forget(&mut self) {
        if !self.charges.is_empty() {
            *self = Self::default();
        }
    }

    /// What has been taken and has not flowed in again until `now`, were it `rate` per second that flows in:
    /// `taken` in all since `began`.
    pub(crate) fn debt(&self, now: Time, (began, taken): (Time, f64), rate: f64) -> f64 {
        let kept: f64 = self.charges.iter().map(|(_, amount)| amount).sum();
        let (mut debt, mut at) = (taken - kept, began);
        for (time, amount) in &self.charges {
            debt = (debt - rate * time.secs_since(at)).max(0.0) + amount;
            at = *time;
        }
        (debt - rate * now.secs_since(at)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    #[test]
    fn what_was_taken_at_once_is_not_evened_out() {
        let mut history = History::default();
        for second in 0..100 {
            history.note(at(f64::from(second)), 1.0);
        }
        for _ in 0..20 {
            history.note(at(100.0), 1.0);
        }
        let debt = |rate| history.debt(at(100.5), (at(0.0), 120.0), rate);
        assert_eq!(debt(10.0), 15.0);
        assert_eq!(debt(2.0), 19.0);
        assert_eq!(debt(50.0), 0.0);
        // Slower than it was taken: all of it is owed but for what flowed in.
        assert!((debt(0.5) - (120.0 - 0.5 * 100.5)).abs() < 1.0);
    }

    #[test]
    fn it_holds_no_more_than_its_bound() {
        let mut history = History::default();
        for n in 0..10 * CHARGES_MAX {
            history.note(at(n as f64), 1.0);
        }
        assert_eq!(history.charges.len(), CHARGES_MAX);
        history.forget();
        assert_eq!(history.charges.capacity(), 0);
    }
}
