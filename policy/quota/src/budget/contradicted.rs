//! Limits that headers tell and that cannot be, since more was admitted than they allow.
//!
//! A bucket that saves up `burst` and gains `refill` per second admits, in any span, no more than the
//! burst and what flows in meanwhile; a request that is larger than the burst passes where it is full. So
//! what was admitted, less a generous refill, is a debt that stays below a burst and a request, unless the
//! headers tell too little. Where it does not, who goes on believing them holds back for ever what would
//! be served at once, and learns nothing of it: what is not sent is not admitted. The worlds "lie one" and
//! "lie tenth" are of that kind.
//!
//! From then on the dimension is one of which nothing is told: refusals alone tell of it.

use keyweir_terms::time::Time;

/// How many times what is told is granted, before it is held to be wrong: charges are estimates, and what
/// is generated is charged after it was admitted.
const GENEROUS: f64 = 2.0;
/// The same of what flows in, which adds up.
const FLOWS: f64 = 1.25;
/// Seconds for which headers are not read that were wrong: whoever tells them may be mended.
const DOUBTED_SECS: f64 = 600.0;
/// Seconds for which what was admitted before any limit was told counts.
const UNTOLD_SECS: f64 = 10.0;
/// Seconds for which a large request may have filled the bucket's place: the window of limits.
const LARGEST_SECS: f64 = 60.0;

/// Whoever tells of a bucket that holds no more than so many requests is tried …
const TINY: f64 = 2.0;
/// … so many seconds after the last request at first, and twice as many after each refusal. An account
/// that is as small as it says refuses some six times in its life.
const TRIED_SECS: f64 = 1.0;
/// However many refusals there were, it is tried so often.
const TRIED_SECS_MAX: f64 = 300.0;
/// Weight of a new request in the mean.
const MEAN_WEIGHT: f64 = 0.1;

/// When an account is tried that seems to hold next to nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    sent: Time,
    every_secs: f64,
}

impl Trial {
    pub(super) const NEW: Self = Self {
        sent: Time::ZERO,
        every_secs: TRIED_SECS,
    };

    /// Something is sent.
    pub(super) const fn send(&mut self, now: Time) {
        self.sent = now;
    }

    /// Something was refused.
    pub(super) fn refused(&mut self) {
        self.every_secs = (2.0 * self.every_secs).min(TRIED_SECS_MAX);
    }

    /// What is free at least of a bucket that is told to save up `burst` and to gain `refill` per second,
    /// where a request takes `mean` of it, and what that gains at least per second: in shares of what it
    /// holds. `None`: it is no smaller than is to be believed.
    pub(super) fn sooner(
        &self,
        now: Time,
        (burst, refill): (f64, f64),
        mean: f64,
    ) -> Option<(f64, f64)> {
        let is_tiny = burst < TINY * mean;
        let is_slow = refill * self.every_secs < burst;
        let free = (now.secs_since(self.sent) / self.every_secs).min(1.0);
        (is_tiny && is_slow).then_some((free, 1.0 / self.every_secs))
    }
}

/// What was admitted of one dimension beyond what its headers allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    debt: f64,
    largest: f64,
    mean: f64,
    at: Time,
    /// What flows in per second, as was told last.
    told: Option<f64>,
    /// Some of it is generated after the request was admitted.
    is_generated: bool,
    /// Since when more was taken than they allow; `None`: no more was.
    beyond_since: Option<Time>,
    doubted_until: Time,
}

impl Admitted {
    pub(super) const NOTHING: Self = Self {
        debt: 0.0,
        largest: 0.0,
        mean: 0.0,
        at: Time::ZERO,
        told: None,
        is_generated: false,
        beyond_since: None,
        doubted_until: Time::ZERO,
    };
}

impl Admitted {
    /// Of a dimension of which `told` is told, its burst and its refill per second, `amount` was admitted,
    /// or turned out to have been; where it is negative, it was not. A request that was `sent` then took `own`
    /// of it in all, and what it generates is charged `delay_secs` after it was admitted. Returns whether
    /// that is more than can be: from now on the headers are doubted.
    ///
    /// What is generated is charged whatever there is; only who is admitted afterwards shows that there was
    /// enough.
    pub(super) fn note(
        &mut self,
        now: Time,
        told: Option<(f64, f64)>,
        (amount, request): (f64, Option<(Time, f64)>),
        delay_secs: f64,
    ) -> bool {
        let secs = now.secs_since(self.at);
        self.at = now;
        let flowed = match (self.told, told) {
            // What was admitted by another limit says nothing of this one.
            (Some(before), Some((_, refill))) if before != refill => self.debt,
            (_, Some((_, refill))) => FLOWS * refill * secs,
            (_, None) => self.debt * (secs / UNTOLD_SECS).min(1.0),
        };
        self.told = told.map(|(_, refill)| refill);
        let own = request.map_or(0.0, |(_, own)| own);
        if own > 0.0 {
            self.is_generated = own > amount;
            let is_first = self.mean == 0.0;
            self.mean += if is_first {
                own
            } else {
                MEAN_WEIGHT * (own - self.mean)
            };
        }
        let remembered = (1.0 - secs / LARGEST_SECS).max(0.0);
        self.largest = (self.largest * remembered).max(own);
        self.debt = (self.debt - flowed).max(0.0) + amount;
        let Some((burst, refill)) = told else {
            return false;
        };
        // What is generated is charged when it is no longer to be held back.
        let most = GENEROUS * (burst + self.largest + refill * delay_secs);
        if self.debt <= most {
            self.beyond_since = None;
            return false;
        }
        let since = *self.beyond_since.get_or_insert(now);
        let is_contradicted =
            !self.is_generated || request.is_some_and(|(sent, own)| own > 0.0 && sent > since);
        if is_contradicted {
            *self = Self {
                doubted_until: now.after_secs(DOUBTED_SECS),
                ..Self::NOTHING
            };
        }
        is_contradicted
    }

    /// Whether anything was admitted that took of it.
    pub(super) const fn is_any(&self) -> bool {
        self.mean > 0.0
    }

    /// What a request took in the mean.
    pub(super) const fn mean(&self) -> f64 {
        self.mean
    }

    /// Whether what headers tell is not to be read.
    pub(super) fn is_doubted(&self, now: Time) -> bool {
        now < self.doubted_until
    }
}
