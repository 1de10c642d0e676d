//! How long a plan may wait, and how long its attempts may go on.

use std::time::Duration;

use keyweir_terms::time::Time;

use super::Plan;

impl Plan {
    /// How long it may still wait at the present choice. Patience is for waiting: time that attempts
    /// took is not counted against it.
    pub(super) fn patience(&self) -> Duration {
        let patience = self.limits.patience.saturating_sub(self.waited);
        if self.choices.is_last() {
            return patience;
        }
        let waited_here = self.waited.saturating_sub(self.waited_before);
        patience.min(self.limits.fallback.saturating_sub(waited_here))
    }

    pub(super) fn deadline(&self, now: Time) -> Time {
        let patience = now + self.patience();
        if self.progress.attempts == 0 {
            return patience;
        }
        patience.min(self.request.arrived + self.limits.attempts)
    }

    /// Whether there is time for another attempt, whoever is asked. There always is for a first.
    pub(super) fn may_go_on(&self, now: Time) -> bool {
        let since = now.since(self.request.arrived);
        self.progress.attempts == 0 || since < self.limits.attempts
    }

    pub(super) fn stop_waiting(&mut self, now: Time) {
        if let Some(since) = self.waits_since.take() {
            self.waited += now.since(since);
        }
    }
}
