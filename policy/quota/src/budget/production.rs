//! How long after its admission a request's output is produced, in the mean: for so long what is pending
//! is set off against what flows in.

use super::Budget;

/// The longest delay that is learned: an answer that takes longer is not typical of any. Both SDKs
/// give up on a request after ten minutes.
pub(super) const PRODUCTION_DELAY_SECS_MAX: f64 = 600.0;

impl Budget {
    /// Learns that `tokens` were produced `secs` after admission in the mean; `weight` is the share
    /// of the new value. Tokens count, not answers: most of what is pending is pending for long.
    pub fn learn_production_delay(&mut self, secs: f64, tokens: f64, weight: f64) {
        let kept = 1.0 - weight;
        let secs = secs.clamp(0.0, PRODUCTION_DELAY_SECS_MAX);
        self.delayed.0 = kept * self.delayed.0 + tokens * secs;
        self.delayed.1 = kept * self.delayed.1 + tokens;
    }

    /// Whether an answer has told how long after admission its tokens were produced.
    pub fn knows_production_delay(&self) -> bool {
        self.delayed.1 > 0.0
    }

    /// Mean seconds between the admission of a request and the production of a token.
    pub(super) fn production_delay_secs(&self) -> f64 {
        if self.delayed.1 > 0.0 {
            self.delayed.0 / self.delayed.1
        } else {
            0.0
        }
    }
}
