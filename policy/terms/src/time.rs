//! Time, as the policy core counts it.
//!
//! The core never asks for the time: the driver passes it. `Time` is therefore just a number of
//! microseconds since whatever moment the driver calls zero; only differences matter. It is not
//! `std::time::Instant` because a simulator must be able to make one out of nothing.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Hours of a day, where hours are counted since 1970-01-01 UTC.
pub const HOURS_PER_DAY: u32 = 24;
/// Seconds of a day that has no leap second and no change of clocks.
pub const SECS_PER_DAY: u64 = 86_400;

/// A moment, in microseconds since the driver's own zero.
///
/// All arithmetic saturates: a clock that jumps backwards yields a zero difference, never a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The driver's zero.
    pub const ZERO: Self = Self(0);
    /// Later than anything; stands for "not by itself".
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `micros` microseconds after zero.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since zero.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Seconds since zero.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The time that has passed since `earlier`, or zero if it is later than `self`.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since `earlier`, or zero if it is later than `self`.
    pub fn secs_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e6
    }

    /// The moment `secs` seconds after this one; negative and NaN count as zero.
    pub fn after_secs(self, secs: f64) -> Self {
        // A float beyond the range of u64 saturates, so infinity becomes `NEVER`.
        Self(self.0.saturating_add((secs.max(0.0) * 1e6).ceil() as u64))
    }
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

impl Sub<Duration> for Time {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}
