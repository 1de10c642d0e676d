//! Moments of the policy core's clock as seconds since 1970, as JSON has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyweir_policy::terms::time::Time;

use crate::runtime::clock::Clock;

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    now: Time,
    wall: Duration,
}

impl Moments {
    pub(super) fn now(clock: Clock) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            now: clock.now(),
            wall: wall.unwrap_or_default(),
        }
    }

    /// The present.
    pub(super) fn present(&self) -> f64 {
        rounded(self.wall.as_secs_f64())
    }

    /// Seconds since 1970 at `time`.
    pub(super) fn epoch(&self, time: Time) -> f64 {
        let wall = self.wall.as_secs_f64();
        let ahead = time.since(self.now).as_secs_f64();
        let behind = self.now.since(time).as_secs_f64();
        rounded(wall + ahead - behind)
    }
}

/// Seconds since 1970 of the system's clock.
pub(super) fn epoch_of(at: SystemTime) -> f64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    rounded(since.as_secs_f64())
}

/// To the millisecond.
fn rounded(secs: f64) -> f64 {
    (secs * 1e3).round() / 1e3
}
