//! Whether a failed attempt is followed by another.
//!
//! Two kinds of failure are told apart. A *refusal* (429, a revoked key, no money) cost the
//! provider nothing and took its cause out of the pool, so the next attempt goes elsewhere; it is
//! bounded only so that a large pool of dead keys cannot be walked to its end by one request. A
//! *breakdown* (5xx, a dead connection) may repeat everywhere, so it is bounded by attempts and,
//! for the pool as a whole, by a retry budget: retries are earned by successes, so that trouble is
//! never amplified. During a provider-wide storm the storm's own rate is the bound; requests are
//! held, not given up.
//!
//! A connection that dies after the request was sent and before an answer is *ambiguous*: the
//! provider may have done the work. Asking a model again costs tokens and changes nothing, so
//! that is retried like any breakdown; what makes something is sent again once at most.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::fault::{Blame, Fault};
use crate::ids::{AccountId, KeyId};
use crate::units::Time;

/// Refusals one request may meet, as a multiple of its attempts.
const REFUSALS_PER_ATTEMPT: u32 = 4;
/// Times one request may serve as a probe in a storm.
const STORM_ATTEMPTS_MAX: u32 = 32;
/// Retries that can be saved up, in seconds of the steady allowance.
const SAVED_SECS: f64 = 10.0;
/// How long a request that broke down twice waits before it is sent again.
const BREAKDOWN_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(250),
    cap: Duration::from_secs(8),
};
/// How long a key that failed a request is avoided for that request.
const AVOID_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    cap: Duration::from_secs(8),
};

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

/// One request's attempts so far.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    /// How many were sent.
    pub made: u32,
    creates: bool,
    breakdowns: u32,
    ambiguous: u32,
    /// Keys that failed it: others come first until the time given.
    pub(crate) avoided: Vec<KeyId>,
    pub(crate) avoided_until: Time,
    /// Not to be sent before this.
    pub(crate) not_before: Time,
    /// Accounts whose limits are too small for it.
    pub(crate) too_small: Vec<AccountId>,
}

impl Attempts {
    /// None yet. `creates`: the request makes something at the provider (a batch, a file) that
    /// would be there twice.
    pub fn of(creates: bool) -> Self {
        Self {
            creates,
            ..Self::default()
        }
    }

    /// Whether it has been tried before.
    pub fn is_retry(&self) -> bool {
        self.made > 0
    }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask the pool again, with the same [`Attempts`].
    Again,
    /// The client gets the provider's own answer, unmodified.
    PassThrough,
    /// The client gets our refusal: the provider's answer speaks of our keys, not of the request,
    /// or there is none.
    Refuse,
}

/// What an attempt met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a> {
    pub(crate) fault: &'a Fault,
    pub(crate) key: KeyId,
    pub(crate) account: AccountId,
    pub(crate) in_storm: bool,
    /// Jitter, in 0..1.
    pub(crate) draw: f64,
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

    /// A success earns a share of a retry.
    pub fn earn(&mut self, now: Time) {
        self.refill(now, self.limits.budget_share);
    }

    /// What follows the failure of an attempt that `attempts` already counts.
    pub(crate) fn next(
        &mut self,
        now: Time,
        attempts: &mut Attempts,
        failure: &Failure<'_>,
    ) -> Next {
        let last_word = last_word(failure.fault);
        let may_retry = match failure.fault.blame() {
            Blame::Nobody => {
                attempts.too_small.push(failure.account);
                self.may_be_refused_again(attempts)
            }
            Blame::Request | Blame::Us => false,
            Blame::Key | Blame::Account | Blame::AccountGroup => {
                self.may_be_refused_again(attempts)
            }
            Blame::KeyModel => {
                attempts.breakdowns += 1;
                attempts.breakdowns <= 1
            }
            Blame::KeyOrProvider => self.may_break_down_again(now, attempts, failure),
        };
        if may_retry { Next::Again } else { last_word }
    }

    fn may_be_refused_again(&self, attempts: &Attempts) -> bool {
        attempts.made
            < self
                .limits
                .attempts_max
                .saturating_mul(REFUSALS_PER_ATTEMPT)
    }

    fn may_break_down_again(
        &mut self,
        now: Time,
        attempts: &mut Attempts,
        failure: &Failure<'_>,
    ) -> bool {
        if failure.fault.is_ambiguous() {
            attempts.ambiguous += 1;
            if !self.limits.ambiguous || (attempts.creates && attempts.ambiguous > 1) {
                return false;
            }
        }
        if failure.in_storm {
            return attempts.made < STORM_ATTEMPTS_MAX;
        }
        attempts.avoided.push(failure.key);
        let backoff =
            |schedule: Backoff| now + schedule.after_full_jitter(attempts.breakdowns, failure.draw);
        // The first time it goes elsewhere at once; a fault that follows it there is given time.
        if attempts.breakdowns > 0 {
            attempts.not_before = backoff(BREAKDOWN_BACKOFF);
        }
        attempts.avoided_until = backoff(AVOID_BACKOFF);
        attempts.breakdowns += 1;
        attempts.breakdowns < self.limits.attempts_max && self.spend(now)
    }

    fn spend(&mut self, now: Time) -> bool {
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
        self.saved = (grown + earned).min(most.max(100.0 * self.limits.budget_share));
        self.at = self.at.max(now);
    }
}

/// Who answers the client when no further attempt is made.
fn last_word(fault: &Fault) -> Next {
    match fault {
        Fault::None
        | Fault::BadRequest
        | Fault::ModelDenied
        | Fault::TooLargeForLimit
        | Fault::Overloaded { .. }
        | Fault::Broken { .. } => Next::PassThrough,
        Fault::RateLimited { .. }
        | Fault::RampLimited { .. }
        | Fault::KeyRejected
        | Fault::OutOfMoney { .. }
        | Fault::AccountDisabled
        | Fault::ConnectFailed
        | Fault::ConnectionLost
        | Fault::TimedOut
        | Fault::StreamBroken
        | Fault::ClientLeft
        | Fault::Aborted => Next::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(fault: &Fault) -> Failure<'_> {
        Failure {
            fault,
            key: KeyId(0),
            account: AccountId(0),
            in_storm: false,
            draw: 0.5,
        }
    }

    fn budget() -> RetryBudget {
        RetryBudget::new(Time::ZERO, RetryLimits::default())
    }

    fn tries(fault: Fault, in_storm: bool) -> (u32, Next) {
        let (mut budget, mut attempts) = (budget(), Attempts::default());
        loop {
            attempts.made += 1;
            let failure = Failure {
                in_storm,
                ..failure(&fault)
            };
            let next = budget.next(Time::ZERO, &mut attempts, &failure);
            if next != Next::Again {
                return (attempts.made, next);
            }
        }
    }

    #[test]
    fn each_fault_gets_its_attempts_and_its_last_word() {
        let wait = None;
        for (fault, attempts, last_word) in [
            (Fault::BadRequest, 1, Next::PassThrough),
            (Fault::ModelDenied, 2, Next::PassThrough),
            (Fault::Broken { wait }, 4, Next::PassThrough),
            (Fault::Overloaded { wait }, 4, Next::PassThrough),
            (Fault::ConnectFailed, 4, Next::Refuse),
            (Fault::ConnectionLost, 4, Next::Refuse),
            (Fault::TimedOut, 4, Next::Refuse),
            (Fault::StreamBroken, 4, Next::Refuse),
            (Fault::ClientLeft, 1, Next::Refuse),
            (Fault::KeyRejected, 16, Next::Refuse),
            (Fault::RateLimited { wait }, 16, Next::Refuse),
        ] {
            assert_eq!(tries(fault, false), (attempts, last_word), "{fault:?}");
        }
    }

    #[test]
    fn what_makes_something_is_sent_again_once_at_most() {
        let (mut budget, mut attempts) = (budget(), Attempts::of(true));
        let fault = Fault::ConnectionLost;
        let mut next = || budget.next(Time::ZERO, &mut attempts, &failure(&fault));
        assert_eq!((next(), next()), (Next::Again, Next::Refuse));
    }

    #[test]
    fn in_a_storm_a_request_is_held_rather_than_given_up() {
        let (attempts, _) = tries(Fault::Overloaded { wait: None }, true);
        assert_eq!(attempts, STORM_ATTEMPTS_MAX);
    }

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
        let fault = Fault::Broken { wait: None };
        let retried = (0..1000)
            .filter(|_| {
                let mut attempts = Attempts {
                    made: 1,
                    ..Attempts::default()
                };
                budget.next(Time::ZERO, &mut attempts, &failure(&fault)) == Next::Again
            })
            .count();
        assert!((9..=10).contains(&retried), "{retried}");
    }

    #[test]
    fn an_ambiguous_failure_is_not_repeated_where_that_is_switched_off() {
        let limits = RetryLimits {
            ambiguous: false,
            ..RetryLimits::default()
        };
        let mut budget = RetryBudget::new(Time::ZERO, limits);
        let mut attempts = Attempts {
            made: 1,
            ..Attempts::default()
        };
        let next = budget.next(Time::ZERO, &mut attempts, &failure(&Fault::ConnectionLost));
        assert_eq!(next, Next::Refuse);
    }
}
