//! Whether a failed attempt is followed by another at the same provider.
//!
//! Two kinds of failure are told apart. A *refusal* (429, a revoked key, no money) cost the
//! provider nothing and took its cause out of the pool, so the next attempt goes elsewhere; it is
//! bounded only so that a large pool of dead keys cannot be walked to its end by one request. A
//! *breakdown* (5xx, a dead connection) may repeat everywhere, so it is bounded by attempts and,
//! for the pool as a whole, by its retry budget. While the overload gate is active its own rate is
//! the bound; requests are held, not given up.
//!
//! Each kind is counted by itself: a request that was held as a probe for long can still be refused
//! by one account and served by the next.

use std::time::Duration;

use keyweir_health::backoff::Backoff;
use keyweir_pool::Pool;
use keyweir_pool::attempts::Attempts;
use keyweir_terms::fault::Attribution;
use keyweir_terms::ids::KeyId;
use keyweir_terms::time::Time;

use crate::step::Failure;

/// Refusals one request may meet, as a multiple of its attempts.
pub(crate) const REFUSALS_PER_ATTEMPT: u32 = 4;
/// Times one request may serve as a probe while the provider is overloaded.
pub(crate) const OVERLOAD_ATTEMPTS_MAX: u32 = 32;
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

/// What a request's failures at one provider add up to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retries {
    /// What the pool is told of them.
    pub(crate) attempts: Attempts,
    refusals: u32,
    breakdowns: u32,
    /// Breakdowns while the overload gate was active.
    overloads: u32,
}

impl Retries {
    /// Notes a failed attempt, and says whether another may follow.
    pub(crate) fn failed(&mut self, pool: &mut Pool, now: Time, failure: &Failure) -> bool {
        self.attempts.count();
        match failure.fault.attribution() {
            Attribution::Nobody => {
                if let Some(account) = pool.account_of(failure.key) {
                    self.attempts.exceeds(account);
                }
                self.may_be_refused_again(pool)
            }
            Attribution::Request | Attribution::Us => false,
            Attribution::Key | Attribution::Account | Attribution::AccountGroup => {
                self.may_be_refused_again(pool)
            }
            Attribution::KeyModel => {
                // Another key may have access; if not, the model is what is wrong.
                self.breakdowns += 1;
                self.breakdowns <= 1
            }
            Attribution::KeyOrProvider => self.may_break_down_again(pool, now, failure.key),
        }
    }

    fn may_be_refused_again(&mut self, pool: &Pool) -> bool {
        self.refusals += 1;
        let most = pool.retry_limits().attempts_max;
        self.refusals < most.saturating_mul(REFUSALS_PER_ATTEMPT)
    }

    fn may_break_down_again(&mut self, pool: &mut Pool, now: Time, key: KeyId) -> bool {
        if pool.is_overloaded() {
            self.overloads += 1;
            return self.overloads < OVERLOAD_ATTEMPTS_MAX;
        }
        let draw = pool.draw();
        let backoff = |schedule: Backoff| now + schedule.after_full_jitter(self.breakdowns, draw);
        // The first time it goes elsewhere at once; a fault that follows it there is given time.
        if self.breakdowns > 0 {
            self.attempts.hold_until(backoff(BREAKDOWN_BACKOFF));
        }
        self.attempts.avoid(key, backoff(AVOID_BACKOFF));
        self.breakdowns += 1;
        self.breakdowns < pool.retry_limits().attempts_max && pool.spend_retry(now)
    }
}
