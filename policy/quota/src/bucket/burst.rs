//! How much a bucket saves up.
//!
//! No provider states it. It follows from `remaining` and the time until the bucket is full, as an
//! interval as wide as the grains of both. Until a header tells, some seconds of refill are assumed,
//! and that grows as long as nothing contradicts it.

use keyweir_terms::snapshot::Reading;

/// Seconds of refill that a bucket is assumed to save up before any header tells.
///
/// Small beside the minute that limits are stated for: what is assumed too low costs a little of the
/// first minute, what is assumed too high is refused. Halved or doubled, no simulated world changes:
/// their headers tell from the first answer on.
const ASSUMED_SECS: f64 = 3.0;
/// Growth of the assumed burst per second without a surprise: doubled in 35 s, so that a provider
/// that tells nothing is found out within some minutes. No simulated world depends on it.
const ASSUMED_GROWTH_PER_SEC: f64 = 0.02;

/// What the size is known from, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Assumed,
    Observed,
    Declared,
}

/// The most a bucket saves up, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    size: f64,
    source: Source,
}

impl Burst {
    /// Of a bucket nobody has said anything about.
    pub(super) const UNKNOWN: Self = Self {
        size: f64::INFINITY,
        source: Source::Assumed,
    };

    /// Of a bucket with a limit that gains `refill` per second; `secs` of it, where the policy file
    /// says so.
    pub(super) fn declared(limit: f64, refill: f64, secs: Option<f64>) -> Self {
        Self {
            size: (refill * secs.unwrap_or(ASSUMED_SECS)).max(limit.min(1.0)),
            source: match secs {
                Some(_) => Source::Declared,
                None => Source::Assumed,
            },
        }
    }

    pub(super) const fn size(&self) -> f64 {
        self.size
    }

    /// Whether headers have told.
    pub(super) fn is_observed(&self) -> bool {
        self.source == Source::Observed
    }

    /// Time has passed without a surprise.
    pub(super) fn grow(&mut self, elapsed_secs: f64, limit: f64) {
        if self.source == Source::Assumed {
            let grown = self.size * (1.0 + ASSUMED_GROWTH_PER_SEC * elapsed_secs);
            self.size = grown.min(limit.max(1.0));
        }
    }

    /// A limit became known, but not what is left of it.
    pub(super) fn assume(&mut self, limit: f64, refill: f64) {
        self.size = (refill * ASSUMED_SECS).clamp(limit.min(1.0), limit);
    }

    /// The limit is another one now.
    pub(super) fn scale(&mut self, by: f64, limit: f64) {
        self.size = (self.size * by).max(limit.min(1.0));
    }

    /// No bucket saves up more than one window's limit.
    pub(super) fn cap(&mut self, limit: f64) {
        self.size = self.size.min(limit);
    }

    /// `burst = remaining + refill · time to full`, as exactly as the grains allow.
    pub(super) fn learn(&mut self, remaining: f64, reading: &Reading, limit: f64, refill: f64) {
        let grain = reading.remaining_grain as f64;
        let (low, high) = match reading.reset {
            None => (remaining - grain, f64::INFINITY),
            Some(reset) => {
                let (reset, slack) = (reset.as_secs_f64(), reading.reset_grain.as_secs_f64());
                (
                    remaining - grain + refill * (reset - slack).max(0.0),
                    remaining + grain.max(1.0) + refill * (reset + slack),
                )
            }
        };
        let (low, high) = (
            low.clamp(limit.min(1.0), limit),
            high.clamp(limit.min(1.0), limit),
        );
        match self.source {
            Source::Assumed => {
                self.size = low;
                self.source = Source::Observed;
            }
            Source::Observed | Source::Declared => {
                self.size = self.size.clamp(low.min(high), high);
            }
        }
    }
}
