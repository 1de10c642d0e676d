//! Whether a failed attempt is followed by another at the same provider, and when.
//!
//! The operator's bound on attempts holds whatever they meet. What does not count towards it is an
//! attempt that only showed that a key or an account cannot be used (revoked, no money, too small): it
//! cost the provider nothing and took its cause out of the request's way. Of those there are so many
//! more and no more, so that a large pool of dead keys cannot be walked to its end by one request.
//!
//! A *breakdown* (5xx, a dead connection) goes elsewhere at once. One that follows the request there is
//! given time: a little in any case, and where nobody is served, the rest of its patience, so that the
//! attempts are not over before the provider is back. What others are served meanwhile ends that wait.
//! For the pool as a whole breakdowns are bounded by its retry budget.
//!
//! A refusal for want of budget that does not say for how long is given time in the same way. That
//! others are served meanwhile shortens the wait, but does not end it: they may be what takes the
//! budget. Where the provider says how long, the pool keeps to that.

use std::time::Duration;

use keyweir_health::backoff::Backoff;
use keyweir_pool::Pool;
use keyweir_pool::attempts::Attempts;
use keyweir_queue::hold::Hold;
use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::time::Time;

use crate::step::Failure;

/// Attempts in all, those counted that only showed a key or an account to be out, as a multiple of the
/// operator's bound: half of a pool may be out, and a request still finds the other half. Not measured: two is
/// the least that is more than the bound.
pub(crate) const ATTEMPTS_FACTOR: u32 = 2;
/// How long a request that failed twice waits before it is sent again, whoever is served. Not measured: it
/// begins within what nobody notices beside an answer, and ends well below the usual patience of 30 s.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(250),
    cap: Duration::from_secs(8),
};
/// How long a key that failed a request is avoided for that request. Not measured: it begins at
/// twice the backoff above, so that the request is sent elsewhere before it comes back to the key.
const AVOID_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    cap: Duration::from_secs(8),
};
/// The part of its patience after which a request's last attempt is made, where nobody is served; the
/// rest is for the attempt to find a key. Not measured: of 30 s it leaves 4.5 s.
const SPREAD_SHARE: f64 = 0.85;
/// Of what is left until then, the part that each attempt leaves to those after it. A quarter first,
/// then a quarter of the rest …: most outages are short. Not measured.
const SPREAD_FACTOR: f64 = 4.0;

/// The part of that which a request waits for budget although others are served. Not measured: it is one
/// step of [`SPREAD_FACTOR`].
const SERVED_SHARE: f64 = 0.25;

/// An attempt that breaks down after so long is not made again where there is a fallback. Far above the
/// time in which a provider says that it is down, and well within what a client waits for a first word. Not
/// measured.
const LONG: Duration = Duration::from_secs(5);

/// Whether it took long to learn of `fault`, which another key may well meet too: who has somebody
/// else to ask does not spend that time again.
pub(crate) fn took_long(fault: &Fault, took: Duration) -> bool {
    let is_breakdown = fault.attribution() == Attribution::KeyOrProvider;
    *fault == Fault::TimedOut || is_breakdown && took >= LONG
}

/// How long a request that failed is given, where nobody says how long.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    /// Where nobody is served.
    patience: Duration,
    /// The part of that which it waits although others are served.
    served_share: f64,
}

/// What a request's failures at one provider add up to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retries {
    /// What the pool is told of them.
    pub(crate) attempts: Attempts,
    /// Breakdowns, and refusals for want of budget.
    failures: u32,
    denials: u32,
}

impl Retries {
    /// Notes a failed attempt, which was sent at `sent`, and says whether another may follow. `patience`: how long the request
    /// may be held back, where nobody is served.
    pub(crate) fn failed(
        &mut self,
        pool: &mut Pool,
        now: Time,
        (failure, sent): (&Failure, Time),
        patience: Duration,
    ) -> bool {
        self.attempts.count();
        let (key, account) = (failure.key, pool.account_of(failure.key));
        match failure.fault.attribution() {
            Attribution::Request | Attribution::Us => return false,
            Attribution::Nobody => {
                if let Some(account) = account {
                    self.attempts.note_exceeded(account);
                }
            }
            Attribution::Key => self.attempts.rejected(now, (key, sent), None),
            Attribution::Account => self.attempts.rejected(now, (key, sent), account),
            Attribution::KeyModel => {
                // Another key may have access; if not, the model is what is wrong.
                self.attempts.denied(key, sent);
                self.denials += 1;
                if self.denials > 1 {
                    return false;
                }
            }
            Attribution::AccountGroup => {
                if let Some(account) = account {
                    self.attempts.refused(now, key, account);
                }
                let given = match failure.fault.wait() {
                    Some(wait) if !wait.is_zero() => Given::default(),
                    _ => Given {
                        patience,
                        served_share: SERVED_SHARE,
                    },
                };
                self.fail(pool, now, given);
            }
            // Perhaps one of several that answer there is wrong; it will be so for longer than anybody waits.
            Attribution::KeyOrProvider if failure.fault == Fault::Unverified => {
                self.failures += 1;
                return self.may_follow(pool) && pool.spend_retry(now);
            }
            Attribution::KeyOrProvider => {
                let until = now + AVOID_BACKOFF.after_full_jitter(self.failures, pool.draw());
                self.attempts.broke_down(now, key, until);
                let given = Given {
                    patience,
                    served_share: 0.0,
                };
                self.fail(pool, now, given);
                if self.may_follow(pool) {
                    return pool.spend_retry(now);
                }
            }
        }
        self.may_follow(pool)
    }

    /// Whether `fault` is a breakdown and not the first here: what follows would be held back, which
    /// who has somebody else to ask need not be.
    pub(crate) fn broke_down_before(&self, fault: &Fault) -> bool {
        self.failures > 0 && fault.attribution() == Attribution::KeyOrProvider
    }

    fn may_follow(&self, pool: &Pool) -> bool {
        let most = pool.retry_limits().attempts_max;
        self.failures < most && self.attempts.made() < most.saturating_mul(ATTEMPTS_FACTOR)
    }

    fn fail(&mut self, pool: &mut Pool, now: Time, given: Given) {
        let (earlier, draw) = (self.failures, pool.draw());
        self.failures += 1;
        // The first time it goes elsewhere at once.
        if earlier == 0 {
            return;
        }
        let left = pool
            .retry_limits()
            .attempts_max
            .saturating_sub(self.failures);
        let backoff = BACKOFF.after_full_jitter(earlier, draw);
        let spread = Backoff {
            first: given.patience.mul_f64(share_before_next(left)),
            cap: given.patience,
        };
        let spread = spread.after(0, draw);
        self.attempts.hold(Hold {
            not_before: now + backoff.max(spread.mul_f64(given.served_share)),
            until: now + spread,
            since: now,
        });
    }
}

/// The share of a request's patience after which the next of `left` attempts is made.
fn share_before_next(left: u32) -> f64 {
    let others = i32::try_from(left.saturating_sub(1)).unwrap_or(i32::MAX);
    SPREAD_SHARE / SPREAD_FACTOR.powi(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_spread_over_the_patience() {
        let mut patience = 30.0;
        let mut at = Vec::new();
        for left in [3, 2, 1] {
            let wait = patience * share_before_next(left);
            patience -= wait;
            at.push((30.0 - patience).round() as u32);
        }
        assert_eq!(at, [2, 8, 27]);
        assert_eq!(share_before_next(u32::MAX), 0.0);
    }
}
