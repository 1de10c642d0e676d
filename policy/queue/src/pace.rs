//! How much capacity was lately used for each step of the virtual time.
//!
//! Tenants that come and go use some of what those who wait seem to be due; how much shows only
//! here.

/// Seconds of capacity after which what was used counts for less than half: within the half minute that
/// clients wait. Halved or doubled, no simulated world changes.
const MEMORY_SECS: f64 = 10.0;
/// Capacity used before a pace can be told. Halved or doubled, no simulated world changes.
const USED_MIN_SECS: f64 = 2.0;
/// Others may come less often, and a refusal cannot be undone: the pace counts for a little less than
/// it was. With more than all of it every world with more demand than capacity refuses requests that
/// would have been served in time ("150": 10 % of all); with half, those that are refused wait longer
/// before they are.
const HOPE: f64 = 0.9;

/// What was lately used, and how far the virtual time went meanwhile.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    used: f64,
    progress: f64,
}

impl Pace {
    /// Capacity was used for someone.
    pub(crate) fn used(&mut self, cost: f64) {
        let kept = (-cost / MEMORY_SECS).exp();
        self.used = self.used * kept + cost;
        self.progress *= kept;
    }

    /// The virtual time went on.
    pub(crate) fn progressed(&mut self, progress: f64) {
        self.progress += progress;
    }

    /// Seconds of capacity used for each second of virtual time; zero while it cannot be told.
    pub(crate) fn cost_per_progress(self) -> f64 {
        if self.used < USED_MIN_SECS || self.progress <= 0.0 {
            return 0.0;
        }
        HOPE * self.used / self.progress
    }
}
