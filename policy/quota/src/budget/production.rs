//! How long after its admission a request's output is produced, in the mean: for so long what is pending
//! is set off against what flows in.

/// The longest delay that is learned: an answer that takes longer is not typical of any. Both SDKs
/// give up on a request after ten minutes.
const DELAY_SECS_MAX: f64 = 600.0;

/// The mean delay, by tokens and not by answers: most of what is pending is pending for long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProductionDelay {
    /// Seconds between the admission of a request and the production of a token, times tokens; and
    /// these tokens.
    sums: (f64, f64),
}

impl ProductionDelay {
    /// `tokens` were produced `secs` after admission in the mean; `weight` is the share of the new value.
    pub(super) fn learn(&mut self, secs: f64, tokens: f64, weight: f64) {
        let kept = 1.0 - weight;
        let secs = secs.clamp(0.0, DELAY_SECS_MAX);
        self.sums.0 = kept * self.sums.0 + tokens * secs;
        self.sums.1 = kept * self.sums.1 + tokens;
    }

    /// Whether anything was learned.
    pub(super) fn is_known(&self) -> bool {
        self.sums.1 > 0.0
    }

    /// Mean seconds.
    pub(super) fn secs(&self) -> f64 {
        if self.sums.1 > 0.0 {
            self.sums.0 / self.sums.1
        } else {
            0.0
        }
    }

    /// In the form in which it outlives the process.
    pub(super) const fn learned(&self) -> (f64, f64) {
        self.sums
    }

    /// Knows again what was learned, if it can be.
    pub(super) fn recall(&mut self, sums: (f64, f64)) {
        let (product, tokens) = sums;
        let most = DELAY_SECS_MAX * tokens;
        if tokens.is_finite() && tokens > 0.0 && (0.0..=most).contains(&product) {
            self.sums = sums;
        }
    }
}
