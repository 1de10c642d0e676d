//! One token bucket of one account, as far as it can be known from outside.
//!
//! The provider keeps the real bucket; this is a model of it, driven by three things: the
//! refill, which is continuous; our own charges, which we know to the token; and snapshots from
//! response headers, which are true but late, rounded and out of order.
//!
//! - *Snapshots*: read as intervals, since they are that late (`bucket/reading.rs`).
//! - *Burst*: how much it saves up (`bucket/burst.rs`).
//! - *Caution*: what refusals that nobody expected leave behind (`bucket/caution.rs`).
//! - *Inflow*: what flows in where no header tells the limit (`bucket/inflow.rs`).
//! - *External use*: what others spend of the account (`bucket/external.rs`).
//! - *Cold start*: without limits a bucket is unknown and holds nobody back.
//! - *Other gateways*: until a snapshot tells, each takes its share (`bucket/shared.rs`); where they tell
//!   one another what they take, that is charged too (`bucket/others.rs`).
//! - *A clock that jumps* back adds no refill; one that jumps ahead fills the bucket, and the next
//!   snapshot corrects it.

mod burst;
mod caution;
mod external;
pub(crate) mod figures;
mod inflow;
pub mod learned;
mod lessons;
mod others;
mod outcomes;
mod peers;
mod reading;
mod recall;
mod shared;
mod spent;
mod totals;
mod untold;

use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

use self::burst::Burst;
use self::caution::Caution;
use self::external::ExternalUse;
use self::inflow::Inflow;
use self::others::Others;
use self::spent::Spent;
pub use self::totals::Mark;
use self::totals::Totals;
use self::untold::Learned;
pub use self::untold::Lesson;

/// External use never takes all: this share of the refill is always assumed to be ours, so that
/// requests go on being sent, which is what keeps the estimate alive. Any small share does: halved or
/// doubled, no simulated world changes.
const OWN_SHARE_MIN: f64 = 0.05;
/// Seconds of the window that a limit is for, where no header says otherwise: providers state theirs
/// per minute.
const WINDOW_SECS: f64 = 60.0;
/// Seconds for which what the last answer told of others is shown.
const TOLD_SECS_MAX: f64 = 60.0;
/// The shortest window believed: keeps a nonsensical header from being divided by.
const WINDOW_SECS_MIN: f64 = 1e-3;

/// What the policy file says of a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Declared {
    /// Its limit, per minute.
    pub per_minute: u64,
    /// How many seconds of refill it saves up, where that is said.
    pub burst_secs: Option<f64>,
}

/// A model of one bucket at the provider. Amounts are tokens or requests.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Refill of one window, as the provider or the policy file states it.
    limit: Option<f64>,
    /// The policy file's limit: an upper bound on what the provider states.
    limit_max: f64,
    /// A header or the policy file has told the limit.
    is_limit_told: bool,
    inflow: Inflow,
    learned: Learned,
    window_secs: f64,
    burst: Burst,
    caution: Caution,
    level: f64,
    at: Time,
    totals: Totals,
    /// The newest snapshot there was.
    newest: Option<Mark>,
    external: ExternalUse,
    /// The gateways that share it.
    replicas: Replicas,
    others: Others,
    /// A snapshot has told what is left.
    is_told: bool,
    /// The most that any has shown to be left, at least.
    shown: f64,
    spent: Spent,
    /// What outcomes have corrected the level by, in all.
    corrected: f64,
    /// What has flowed over, in all.
    overflowed: f64,
    /// For how long its account was left alone after the last refusal, in seconds.
    cooldown_secs: f64,
}

impl Bucket {
    /// A bucket nobody has said anything about.
    pub const fn unknown(now: Time) -> Self {
        Self {
            limit: None,
            limit_max: f64::INFINITY,
            is_limit_told: false,
            inflow: Inflow::UNKNOWN,
            learned: Learned::NOTHING,
            window_secs: WINDOW_SECS,
            burst: Burst::UNKNOWN,
            caution: Caution::none(now),
            level: f64::INFINITY,
            at: now,
            totals: Totals::new(now),
            newest: None,
            external: ExternalUse::unknown(now),
            replicas: Replicas::ONE,
            others: Others::unknown(now),
            is_told: false,
            shown: 0.0,
            spent: Spent::NOTHING,
            corrected: 0.0,
            overflowed: 0.0,
            cooldown_secs: 0.0,
        }
    }

    /// A bucket the policy file declares.
    pub fn declared(now: Time, declared: Declared) -> Self {
        let limit = declared.per_minute as f64;
        let burst = Burst::declared(limit, limit / WINDOW_SECS, declared.burst_secs);
        let mut bucket = Self {
            limit: Some(limit),
            limit_max: limit,
            is_limit_told: true,
            burst,
            ..Self::unknown(now)
        };
        bucket.level = bucket.top();
        bucket
    }

    /// Whether a limit is known.
    pub const fn is_known(&self) -> bool {
        self.limit.is_some()
    }

    /// The stated limit of one window.
    pub const fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// The same where a header or the policy file has told it.
    pub fn told_limit(&self) -> Option<u64> {
        let told = self.limit.filter(|_| self.is_limit_told);
        told.map(|limit| limit as u64)
    }

    /// What it saves up and what flows in per second, where a header and not the policy file says so.
    pub fn told_by_headers(&self) -> Option<(f64, f64)> {
        let limit = self.limit.filter(|_| self.is_limit_told)?;
        let most = match self.burst.is_observed() {
            true => self.burst.size(),
            false => limit,
        };
        (limit < self.limit_max).then(|| (most, self.refill()))
    }

    /// Whether headers would show as much as `need` were it there. What is rounded down to nothing on every
    /// answer shows nothing.
    pub fn would_show(&self, need: f64) -> bool {
        !self.is_told || self.shown >= need
    }

    /// The limit per minute, whatever the window is.
    pub fn limit_per_minute(&self) -> Option<f64> {
        self.limit.map(|limit| limit * 60.0 / self.window_secs)
    }

    /// The most this bucket is relied on to save up for us.
    pub fn burst(&self) -> f64 {
        self.burst.size() * self.share()
    }

    /// What is held back of it, since others turned out to be quicker, or are before us.
    pub fn reserve(&self) -> f64 {
        let burst = self.burst();
        self.caution.reserve(burst).max(self.others.held(burst))
    }

    /// What has to flow in beyond what is needed, before it is believed to be there.
    pub fn grace(&self) -> f64 {
        let (burst, refill) = (self.burst(), self.refill());
        self.caution.grace(burst, refill) + self.others.grace(burst, refill)
    }

    /// The most that the level comes to.
    fn top(&self) -> f64 {
        self.burst() + self.grace()
    }

    /// What can be had of it at most.
    pub fn usable(&self) -> f64 {
        self.burst() - self.reserve()
    }

    /// What it gains per second at the provider.
    pub fn refill(&self) -> f64 {
        self.limit.map_or(0.0, |limit| limit / self.window_secs)
    }

    /// What it gains per second for us, after external use and ramp limits.
    pub fn refill_own(&self) -> f64 {
        let refill = self.refill() * self.share() * self.caution.ramp();
        (refill - self.external.held_per_sec()).max(refill * OWN_SHARE_MIN)
    }

    /// What others are believed to take per second.
    pub fn external_per_sec(&self) -> f64 {
        self.external.per_sec().min(self.refill())
    }

    /// The same of the minute before `now`, for people to look at: of others nothing is known but by
    /// what answers tell, so what was once believed is nothing where none has told for a minute.
    pub fn external_in_minute(&self, now: Time) -> f64 {
        let told = self.newest.map(|newest| now.secs_since(newest.sent));
        match told {
            Some(secs) if secs <= TOLD_SECS_MAX => self.external_per_sec(),
            _ => 0.0,
        }
    }

    /// What we have spent of it in the minute before `now`.
    pub fn spent_per_minute(&self, now: Time) -> f64 {
        self.spent.per_minute(now)
    }

    /// What is there at `now`. May be negative: what is produced can exceed the refill.
    pub fn level(&self, now: Time) -> f64 {
        self.figures(now).level
    }

    /// What is there at `now`, but for what others are believed to have taken.
    pub fn refilled(&self, now: Time) -> f64 {
        self.refilled_by(now, self.refill_own(), self.top())
    }

    pub(super) fn refilled_by(&self, now: Time, refill_own: f64, top: f64) -> f64 {
        let refilled = self.level + refill_own * now.secs_since(self.at);
        refilled.min(top.max(self.level))
    }

    /// What others are believed to have taken that the level does not show.
    fn taken_elsewhere(&self, now: Time) -> f64 {
        self.external.matched(now, self.refill()) + self.others.expected(now)
    }

    /// The running totals, for a request that is being sent and was charged `own`.
    pub fn mark(&mut self, now: Time, own: f64) -> Mark {
        self.advance(now);
        Mark {
            had: self.level - self.taken_elsewhere(now) + own,
            corrected: self.corrected,
            overflowed: self.overflowed,
            ..self.totals.mark(now, own)
        }
    }

    /// Takes `amount`; a negative one gives back.
    pub fn charge(&mut self, now: Time, amount: f64) {
        self.advance(now);
        self.totals.charge(now, amount);
        self.spent.charge(now, amount);
        self.external.charged(amount);
        if amount > 0.0 {
            self.level = self.level.min(self.burst());
        }
        self.level -= amount;
        self.spill();
    }

    /// Of what was charged at `mark` so much more was taken; a negative amount was not. What is measured
    /// from readings that contain that charge is measured anew.
    pub fn true_up(&mut self, now: Time, amount: f64, mark: &mut Mark) {
        self.charge(now, amount);
        mark.kept += amount;
        for base in [self.external.base(), self.inflow.base()]
            .into_iter()
            .flatten()
        {
            if base.sent >= mark.sent {
                base.kept += amount;
            }
        }
    }

    /// What is above the burst flows over.
    fn spill(&mut self) {
        let above = self.level - self.top();
        if above > 0.0 {
            self.level = self.top();
            self.overflowed += above;
        }
    }

    /// The provider refused because traffic grows too fast: use less of the refill for a while.
    pub fn slow_down(&mut self, now: Time) {
        if self.is_known() {
            self.advance(now);
            self.level = self.level.min(0.0);
        }
        self.caution.slow_down();
    }

    /// The policy file declares something else, or nothing any more. It stays as full as it was,
    /// and what was learned of others and taken by ourselves stays too.
    pub fn redeclare(&mut self, now: Time, declared: Option<Declared>) {
        self.advance(now);
        let before = *self;
        let fresh = declared.map_or(Self::unknown(now), |declared| Self::declared(now, declared));
        // What headers stated below what was declared is as true as it was.
        let stated = before.limit.filter(|limit| {
            *limit < before.limit_max || (declared.is_none() && before.newest.is_some())
        });
        self.limit_max = fresh.limit_max;
        self.is_limit_told |= fresh.is_limit_told;
        self.limit = stated.map_or(fresh.limit, |stated| Some(stated.min(fresh.limit_max)));
        match (before.limit, self.limit) {
            (Some(old), Some(new)) if before.burst.is_observed() && old > 0.0 => {
                self.burst.scale(new / old, new);
            }
            (Some(_), Some(_)) if declared.is_none() => {}
            (_, new) => {
                self.burst = fresh.burst;
                self.burst.cap(new.unwrap_or(f64::INFINITY));
            }
        }
        let size = before.burst();
        self.level = if before.is_known() && self.is_known() && size > 0.0 {
            self.burst() * (before.level / size)
        } else {
            self.burst()
        };
        self.newest = None;
    }

    /// What headers have told of it was not of it.
    pub fn forget(&mut self, now: Time) {
        self.advance(now);
        let declared = self.limit_max.is_finite().then_some(Declared {
            per_minute: self.limit_max as u64,
            burst_secs: None,
        });
        let fresh = declared.map_or(Self::unknown(now), |declared| Self::declared(now, declared));
        *self = Self {
            totals: self.totals,
            spent: self.spent,
            replicas: self.replicas,
            others: self.others,
            ..fresh
        };
    }

    /// Moves the level to `now`.
    fn advance(&mut self, now: Time) {
        let elapsed = now.secs_since(self.at);
        if elapsed <= 0.0 {
            // One request is several steps of one moment.
            return;
        }
        let level = self.refilled(now);
        if self.is_known() {
            let most = self.level + self.refill() * elapsed;
            self.overflowed += (most - self.top()).clamp(0.0, self.refill() * elapsed);
        }
        self.caution.relax(elapsed);
        if let Some(limit) = self.limit {
            self.burst.grow(elapsed, limit);
        }
        self.level = level;
        self.at = now;
    }
}

#[cfg(test)]
mod tests;
