//! The share of failures among the outcomes of the last seconds.
//!
//! Kept in two halves, the older of which is dropped as time goes on: a sliding window of exact
//! outcomes would cost memory per outcome and decide no differently.

use std::time::Duration;

use keyweir_terms::time::Time;

/// Share of failures that trips, and the outcomes it takes to speak of a share. With fewer than ten, a
/// share of a half is often luck. No simulated world depends on these or on the window: there, keys
/// that fail fail always.
const TRIP_SHARE: f64 = 0.5;
pub(super) const TRIP_VOLUME: u32 = 10;
/// Outcomes older than this do not count towards the share.
const WINDOW: Duration = Duration::from_secs(10);

/// Outcomes of the last seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    started: Time,
    failures: [u32; 2],
    outcomes: [u32; 2],
}

impl Window {
    /// An attempt ended.
    pub(super) fn record(&mut self, now: Time, failed: bool) {
        self.turn_to(now);
        self.outcomes[0] = self.outcomes[0].saturating_add(1);
        self.failures[0] = self.failures[0].saturating_add(u32::from(failed));
    }

    /// An attempt that was recorded as failed says nothing after all.
    pub(super) fn absolve(&mut self, now: Time) {
        self.turn_to(now);
        let half = usize::from(self.failures[0] == 0);
        let was_failure = u32::from(self.failures[half] > 0);
        self.failures[half] -= was_failure;
        self.outcomes[half] -= was_failure;
    }

    /// Whether too many failed.
    pub(super) fn is_bad(&mut self, now: Time) -> bool {
        self.turn_to(now);
        let outcomes = self.outcomes[0].saturating_add(self.outcomes[1]);
        let failures = self.failures[0].saturating_add(self.failures[1]);
        outcomes >= TRIP_VOLUME && f64::from(failures) >= TRIP_SHARE * f64::from(outcomes)
    }

    fn turn_to(&mut self, now: Time) {
        let half = WINDOW / 2;
        let age = now.since(self.started);
        if age >= WINDOW {
            *self = Self {
                started: now,
                ..Self::default()
            };
        } else if age >= half {
            self.started = self.started + half;
            self.failures = [0, self.failures[0]];
            self.outcomes = [0, self.outcomes[0]];
        }
    }
}
