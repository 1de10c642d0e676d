//! How many retries the pool as a whole may make: earned by successes, beside a small steady
//! allowance, so that trouble is never amplified.
//!
//! The same idea as gRPC's retry throttling and Finagle's retry budget, with a bound on what can be
//! saved up.

use keyweir_terms::time::Time;

/// Retries that can be saved up, in seconds of the steady allowance: as long as Finagle's budget
/// remembers. Halved or doubled, no simulated world changes.
const SAVED_SECS: f64 = 10.0;
/// Retries that successes can save up, in successes: with the default share, twenty
/// retries. Where the steady allowance is zero these are all there are.
const SAVED_SUCCESSES: f64 = 100.0;

/// Bounds on retrying, from the policy file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryLimits {
    /// Attempts per request, the first one counted.
    pub attempts_max: u32,
    /// Whether a request whose connection died before an answer may be sent again.
    pub ambiguous: bool,
    /// Retries earned per success (0.2: one in five).
    pub budget_share: f64,
    /// Retries per second allowed beside them.
    pub budget_per_sec: f64,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self {
            attempts_max: 4,
            ambiguous: true,
            budget_share: 0.2,
            budget_per_sec: 10.0,
        }
    }
}

/// The pool's allowance of retries.
#[derive(Clone, Copy, Debug)]
pub struct RetryBudget {
    limits: RetryLimits,
    saved: f64,
    at: Time,
}

impl RetryBudget {
    /// A full budget.
    pub fn new(now: Time, limits: RetryLimits) -> Self {
        Self {
            limits,
            saved: limits.budget_per_sec * SAVED_SECS,
            at: now,
        }
    }

    /// The bounds it was made with.
    pub const fn limits(&self) -> &RetryLimits {
        &self.limits
    }

    /// Other bounds hold from now on; what is saved is kept.
    pub const fn set_limits(&mut self, limits: RetryLimits) {
        self.limits = limits;
    }

    /// A success earns a share of a retry.
    pub fn earn(&mut self, now: Time) {
        self.refill(now, self.limits.budget_share);
    }

    /// Takes one retry, if there is one.
    pub fn spend(&mut self, now: Time) -> bool {
        self.refill(now, 0.0);
        let may = self.saved >= 1.0;
        if may {
            self.saved -= 1.0;
        }
        may
    }

    fn refill(&mut self, now: Time, earned: f64) {
        let steady = self.limits.budget_per_sec * now.secs_since(self.at);
        // One retry can always be saved, or a small steady allowance would never reach it.
        let most = (self.limits.budget_per_sec * SAVED_SECS).max(1.0);
        let grown = (self.saved + steady).min(most.max(self.saved));
        self.saved = (grown + earned).min(most.max(SAVED_SUCCESSES * self.limits.budget_share));
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_share_of_successes() {
        let limits = RetryLimits {
            budget_per_sec: 0.0,
            ..RetryLimits::default()
        };
        let mut budget = RetryBudget::new(Time::ZERO, limits);
        for _ in 0..50 {
            budget.earn(Time::ZERO);
        }
        let retried = (0..1000).filter(|_| budget.spend(Time::ZERO)).count();
        assert!((9..=10).contains(&retried), "{retried}");
    }

    #[test]
    fn the_steady_allowance_is_saved_up_to_a_bound() {
        let limits = RetryLimits {
            budget_per_sec: 1.0,
            ..RetryLimits::default()
        };
        let mut budget = RetryBudget::new(Time::ZERO, limits);
        let later = Time::ZERO.after_secs(3600.0);
        let retried = (0..1000).filter(|_| budget.spend(later)).count();
        assert_eq!(retried, SAVED_SECS as usize);
    }
}
