//! How many gateways share the same accounts and tenants without telling one another anything.

use std::num::NonZeroU32;

/// How many gateways there are, this one included. An input that may change at any time, and that may
/// be wrong: whoever reads it keeps the harm of that bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replicas(NonZeroU32);

impl Replicas {
    /// This one alone.
    pub const ONE: Self = Self(NonZeroU32::MIN);
    /// The most that are believed: beyond, somebody has mistyped.
    pub const MAX: u32 = 1_000;

    /// So many; at least one, and at most [`Self::MAX`].
    pub fn new(count: u32) -> Self {
        Self(NonZeroU32::new(count.min(Self::MAX)).unwrap_or(NonZeroU32::MIN))
    }

    /// How many.
    pub const fn count(self) -> u32 {
        self.0.get()
    }

    /// The part of a whole that is this one's.
    pub fn share(self) -> f64 {
        1.0 / f64::from(self.count())
    }

    /// How many others there are for each.
    pub fn others(self) -> f64 {
        f64::from(self.count() - 1)
    }
}

impl Default for Replicas {
    fn default() -> Self {
        Self::ONE
    }
}
