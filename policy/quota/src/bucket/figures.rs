//! All that a bucket comes to at one moment. Most of it follows from the same few figures, and choosing an
//! account asks for all of them.

use keyweir_terms::time::Time;

use super::Bucket;

/// What a bucket comes to at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// [`Bucket::burst`].
    pub(crate) burst: f64,
    /// [`Bucket::refill_own`].
    pub(crate) refill_own: f64,
    /// [`Bucket::reserve`].
    pub(crate) reserve: f64,
    /// [`Bucket::grace`].
    pub(crate) grace: f64,
    /// [`Bucket::level`].
    pub(crate) level: f64,
}

impl Figures {
    /// [`Bucket::usable`].
    pub(crate) fn usable(&self) -> f64 {
        self.burst - self.reserve
    }
}

impl Bucket {
    /// What it comes to at `now`.
    pub(crate) fn figures(&self, now: Time) -> Figures {
        let (burst, refill_own, grace) = (self.burst(), self.refill_own(), self.grace());
        Figures {
            burst,
            refill_own,
            reserve: self.reserve(),
            grace,
            level: self.refilled_by(now, refill_own, burst + grace) - self.taken_elsewhere(now),
        }
    }
}
