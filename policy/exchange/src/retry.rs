//! Whether a failed attempt is followed by another at the same provider.
//!
//! Two kinds of failure are told apart. A *refusal* (429, a revoked key, no money) cost the
//! provider nothing and took its cause out of the pool, so the next attempt goes elsewhere; it is
//! bounded only so that a large pool of dead keys cannot be walked to its end by one request. A
//! *breakdown* (5xx, a dead connection) may repeat everywhere, so it is bounded by attempts and,
//! for the pool as a whole, by its retry budget. While the overload gate is active its own rate is
//! the bound; requests are held, not given up.
//!
//! A connection that dies after the request was sent and before an answer is *ambiguous*: the
//! provider may have done the work. Asking a model again costs tokens and changes nothing, so
//! that is retried like any breakdown; what makes something is sent again once at most.

use std::time::Duration;

use keyweir_health::backoff::Backoff;
use keyweir_pool::Pool;
use keyweir_pool::attempts::Attempts;
use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::ids::KeyId;
use keyweir_terms::time::Time;

/// Refusals one request may meet, as a multiple of its attempts.
const REFUSALS_PER_ATTEMPT: u32 = 4;
/// Times one request may serve as a probe while the provider is overloaded.
const OVERLOAD_ATTEMPTS_MAX: u32 = 32;
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
#[derive(Clone, Debug)]
pub(crate) struct Retries {
    /// What the pool is told of them.
    pub(crate) attempts: Attempts,
    /// It makes something at the provider that would be there twice.
    creates: bool,
    breakdowns: u32,
    ambiguous: u32,
}

impl Retries {
    /// None yet. `creates`: the request makes something at the provider (a batch, a file).
    pub(crate) fn none(creates: bool) -> Self {
        Self {
            attempts: Attempts::default(),
            creates,
            breakdowns: 0,
            ambiguous: 0,
        }
    }

    /// Notes that an attempt with `key` failed, and says whether another may follow.
    pub(crate) fn failed(&mut self, pool: &mut Pool, now: Time, key: KeyId, fault: &Fault) -> bool {
        self.attempts.count();
        match fault.attribution() {
            Attribution::Nobody => {
                if let Some(account) = pool.account_of(key) {
                    self.attempts.exceeds(account);
                }
                self.may_be_refused_again(pool)
            }
            Attribution::Request | Attribution::Us => false,
            Attribution::Key | Attribution::Account | Attribution::AccountGroup => {
                self.may_be_refused_again(pool)
            }
            Attribution::KeyModel => {
                self.breakdowns += 1;
                self.breakdowns <= 1
            }
            Attribution::KeyOrProvider => self.may_break_down_again(pool, now, key, fault),
        }
    }

    fn may_be_refused_again(&self, pool: &Pool) -> bool {
        let most = pool.retry_limits().attempts_max;
        self.attempts.made() < most.saturating_mul(REFUSALS_PER_ATTEMPT)
    }

    fn may_break_down_again(
        &mut self,
        pool: &mut Pool,
        now: Time,
        key: KeyId,
        fault: &Fault,
    ) -> bool {
        let limits = *pool.retry_limits();
        if fault.is_ambiguous() {
            self.ambiguous += 1;
            if !limits.ambiguous || (self.creates && self.ambiguous > 1) {
                return false;
            }
        }
        if pool.is_overloaded() {
            return self.attempts.made() < OVERLOAD_ATTEMPTS_MAX;
        }
        let draw = pool.draw();
        let backoff = |schedule: Backoff| now + schedule.after_full_jitter(self.breakdowns, draw);
        // The first time it goes elsewhere at once; a fault that follows it there is given time.
        if self.breakdowns > 0 {
            self.attempts.hold_until(backoff(BREAKDOWN_BACKOFF));
        }
        self.attempts.avoid(key, backoff(AVOID_BACKOFF));
        self.breakdowns += 1;
        self.breakdowns < limits.attempts_max && pool.spend_retry(now)
    }
}
