//! What we have taken of a bucket in all, and how much of it the provider had surely counted when
//! some request was sent.

use std::time::Duration;

use keyweir_terms::time::Time;

/// How long a request may take to reach the provider, connection set-up included. Requests sent
/// within this span of each other may arrive in any order.
///
/// What setting up a TLS connection takes across an ocean: two round trips of some 100 ms. The
/// simulator's requests arrive out of order by less, and no bound of its worlds depends on it.
const OVERTAKING: Duration = Duration::from_millis(200);

/// Where an account's level stood at the provider when some request was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mark {
    /// When it was sent.
    pub sent: Time,
    /// The running total of what we had surely taken at the provider by then, its own charge
    /// included; what was given back later is still in it.
    pub settled: f64,
    /// The running total of what we had taken by then, its own charge included, less what had been
    /// given back.
    pub kept: f64,
    /// What the model said was there before its own charge, and what outcomes had corrected it by.
    pub had: f64,
    /// See [`Self::had`].
    pub corrected: f64,
    /// What had flowed over by then, in all.
    pub overflowed: f64,
    /// When something was taken before it.
    pub previous: Time,
}

/// Running totals of our own charges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    taken: f64,
    /// `taken` as it was at some moment at least [`OVERTAKING`] ago, and at a later moment.
    settled: f64,
    settling: (Time, f64),
    kept: f64,
    /// When something was taken last, and before that.
    taken_at: (Time, Time),
}

impl Totals {
    pub(super) const fn new(now: Time) -> Self {
        Self {
            taken: 0.0,
            settled: 0.0,
            settling: (now, 0.0),
            kept: 0.0,
            taken_at: (now, now),
        }
    }

    /// What was taken in all, less what was given back.
    pub(super) const fn kept(&self) -> f64 {
        self.kept
    }

    /// Adds `amount`; a negative one was given back.
    pub(super) fn charge(&mut self, now: Time, amount: f64) {
        if now.since(self.settling.0) >= OVERTAKING {
            self.settled = self.settling.1;
            self.settling = (now, self.taken);
        }
        if amount > 0.0 {
            self.taken_at = (now, self.taken_at.0);
        }
        self.taken += amount.max(0.0);
        self.kept += amount;
    }

    /// As they stand for a request that is being sent and was charged `own`.
    pub(super) fn mark(&self, now: Time, own: f64) -> Mark {
        Mark {
            sent: now,
            settled: self.settled + own,
            kept: self.kept,
            had: 0.0,
            corrected: 0.0,
            overflowed: 0.0,
            previous: self.taken_at.1,
        }
    }

    /// The most that was taken since `mark` and may not have been counted then.
    ///
    /// What was taken later and has been given back counts in full: that only makes the lower end
    /// of what a snapshot leaves open lower. Setting it off would raise it by charges that lie
    /// before the mark.
    pub(super) fn unseen(&self, mark: Mark) -> f64 {
        self.taken - mark.settled
    }
}
