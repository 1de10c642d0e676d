//! Refusals that no header explains, and that were attributed in vain to limits that headers tell.
//!
//! Who tells a limit is refused for want of it, most likely. What is believed of that limit is corrected
//! then, and few refusals follow. Where they go on and on, it is another limit, which nobody tells.

use keyweir_terms::time::Time;

/// So many refusals, each of a request that was sent after the last one had come, were in vain. With 8
/// instead of 4 random worlds are held as often, and 0.5 % fewer keep to their attempts.
const IN_VAIN: f64 = 4.0;
/// Admitted requests after which a refusal counts for a third.
const MEMORY_REQUESTS: f64 = 64.0;

/// What was attributed to limits that headers tell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributed {
    count: f64,
    last: Time,
}

impl Attributed {
    /// A request was admitted.
    pub(super) fn admitted(&mut self) {
        self.count *= (-1.0 / MEMORY_REQUESTS).exp();
    }

    /// The refusal of a request sent at `sent` came, and was attributed to a limit that is told.
    pub(super) fn note(&mut self, now: Time, sent: Time) {
        if sent >= self.last {
            self.count += 1.0;
            self.last = now;
        }
    }

    /// Whether they would have ceased if that were right.
    pub(super) fn is_in_vain(&self) -> bool {
        self.count >= IN_VAIN
    }
}
