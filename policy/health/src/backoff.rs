//! How long to wait when nobody told us: exponential, with jitter, capped.
//!
//! The jitter spreads over the upper half of the span. Full jitter (from zero) is right for many
//! clients of one server, which must not come back together; for the breaker of one key it would
//! mean that a third of all probes come at once.

use std::time::Duration;

/// An exponential schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait, at most.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
}

impl Backoff {
    /// The wait after `failures` earlier ones; `draw` in 0..1 picks it from the upper half.
    pub fn after(&self, failures: u32, draw: f64) -> Duration {
        self.span(failures)
            .mul_f64(0.5 + 0.5 * draw.clamp(0.0, 1.0))
    }

    /// The wait of one of many clients: anywhere from zero (full jitter).
    pub fn after_full_jitter(&self, failures: u32, draw: f64) -> Duration {
        self.span(failures).mul_f64(draw.clamp(0.0, 1.0))
    }

    fn span(&self, failures: u32) -> Duration {
        self.first
            .saturating_mul(1u32.checked_shl(failures.min(30)).unwrap_or(u32::MAX))
            .min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let backoff = Backoff {
            first: Duration::from_secs(1),
            cap: Duration::from_secs(10),
        };
        let waits: Vec<_> = (0..6).map(|n| backoff.after(n, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.after(u32::MAX, 0.0), Duration::from_secs(5));
        assert_eq!(backoff.after_full_jitter(3, 0.0), Duration::ZERO);
    }
}
