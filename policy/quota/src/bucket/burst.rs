//! How much a bucket saves up.
//!
//! No provider states it. It follows from `remaining` and the time until the bucket is full, as an
//! interval as wide as the grains of both. Until a header tells, some seconds of refill are assumed,
//! and that grows as long as nothing contradicts it.

use keyweir_terms::snapshot::Reading;

use super::learned::LearnedBurst;

/// Seconds of refill that a bucket is assumed to save up before any header tells.
///
/// Small beside the minute that limits are stated for: what is assumed too low costs a little of the
/// first minute, what is assumed too high is refused. Halved or doubled, no simulated world changes:
/// their headers tell from the first answer on.
const ASSUMED_SECS: f64 = 3.0;
/// Growth of the assumed burst per second without an unexplained refusal: doubled in 35 s, so that a provider
/// that tells nothing is found out within some minutes. No simulated world depends on it.
const ASSUMED_GROWTH_PER_SEC: f64 = 0.02;

/// Once a refusal has shown where it ends it grows with what is admitted: after so many requests by so
/// much of one.
const PROBED_AFTER: f64 = 50.0;
const PROBE_SHARE: f64 = 0.1;
/// How much fuller than it was a bucket has to be that refused a request larger than all it was known
/// to hold.
const FULLER: f64 = 1.03;

/// What the size is known from, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Assumed,
    Learned,
    Observed,
    Declared,
}

/// The most a bucket saves up, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    size: f64,
    source: Source,
    /// The most that was ever seen to remain, at least.
    seen: f64,
    /// `reset` has said less than what remains.
    is_reset_odd: bool,
    /// Requests admitted since outcomes last showed a guess to be too large; `None`: never.
    admitted: Option<f64>,
}

impl Burst {
    /// Of a bucket nobody has said anything about.
    pub(super) const UNKNOWN: Self = Self {
        size: f64::INFINITY,
        source: Source::Assumed,
        seen: 0.0,
        is_reset_odd: false,
        admitted: None,
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
            ..Self::UNKNOWN
        }
    }

    /// What is learned of it; `None`: it is as the policy file says.
    pub(super) fn learned(&self) -> Option<LearnedBurst> {
        (self.source != Source::Declared).then_some(LearnedBurst {
            size: self.size,
            seen: self.seen,
            is_observed: self.is_observed(),
            admitted: self.admitted,
        })
    }

    /// Knows again what was learned of a bucket that has this limit now.
    pub(super) fn recall(&mut self, learned: &LearnedBurst, limit: f64) {
        if self.source != Source::Declared {
            *self = Self {
                size: learned.size.clamp(limit.min(1.0), limit.max(1.0)),
                source: match learned.is_observed {
                    true => Source::Observed,
                    false => Source::Assumed,
                },
                seen: learned.seen.min(limit),
                is_reset_odd: false,
                admitted: learned.admitted,
            };
        }
    }

    /// Of a bucket that nobody tells of; outcomes have told what it saves up.
    pub(super) fn learned_from_outcomes(size: f64) -> Self {
        Self {
            size: size.max(1.0),
            source: Source::Learned,
            ..Self::UNKNOWN
        }
    }

    pub(super) const fn size(&self) -> f64 {
        self.size
    }

    /// Whether headers have told.
    pub(super) fn is_observed(&self) -> bool {
        self.source == Source::Observed
    }

    /// Whether nothing has told yet.
    pub(super) fn is_guess(&self) -> bool {
        self.source == Source::Assumed
    }

    /// Time has passed without an unexplained refusal.
    pub(super) fn grow(&mut self, elapsed_secs: f64, limit: f64) {
        if self.source == Source::Assumed && self.admitted.is_none() {
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
        self.seen *= by;
    }

    /// No bucket saves up more than one window's limit.
    pub(super) fn cap(&mut self, limit: f64) {
        self.size = self.size.min(limit);
        self.seen = self.seen.min(limit);
    }

    /// `burst = remaining + refill · time to full`, as exactly as the grains allow. A debt is shown as
    /// nothing left, and says nothing of it.
    ///
    /// It is never less than what was seen to remain: a `reset` that says otherwise means something
    /// else (the next moment at which anything is left), and is not read any more.
    ///
    /// Where only refusals tell, they show what is left when nothing is, and of the burst nothing: what is
    /// assumed stays, and outcomes correct it.
    pub(super) fn learn(
        &mut self,
        remaining: f64,
        reading: &Reading,
        (limit, refill): (f64, f64),
        only_refusals_tell: bool,
    ) {
        let grain = reading.remaining_grain as f64;
        // Thousands may have been rounded up.
        self.seen = self.seen.max(remaining - grain).min(limit);
        let reset = reading
            .reset
            .filter(|_| !self.is_reset_odd && !only_refusals_tell);
        let (mut low, mut high) = (self.seen, limit);
        if let Some(reset) = reset {
            let (reset, slack) = (reset.as_secs_f64(), reading.reset_grain.as_secs_f64());
            high = remaining + grain.max(1.0) + refill * (reset + slack);
            if high < self.seen {
                self.is_reset_odd = true;
                high = limit;
            } else if remaining > grain {
                low = low.max(remaining - grain + refill * (reset - slack).max(0.0));
            }
        }
        let (least, most) = (limit.min(1.0), limit);
        let (low, high) = (low.clamp(least, most), high.clamp(least, most));
        // Coarse grains tell nothing of a bucket that holds less than one.
        let is_fine = !only_refusals_tell && (grain <= 1.0 || self.seen > 2.0 * grain);
        if self.source <= Source::Learned && is_fine {
            self.size = low;
            self.source = Source::Observed;
        } else {
            self.size = self.size.clamp(low.min(high), high);
        }
    }

    /// It was refused `need`, with `remaining` left, though that seemed to be all there can be: it
    /// is not.
    pub(super) fn outgrow(&mut self, (remaining, grain): (f64, f64), need: f64, limit: f64) {
        let next = (remaining * FULLER)
            .max(remaining + grain.max(1.0))
            .min(need);
        self.size = self.size.max(next).min(limit.max(1.0));
    }

    /// A request for `need` was admitted: a guess that was cut grows by it, slowly first, then quicker.
    ///
    /// `patience`: how many times as many it takes, where a refusal costs more than itself.
    pub(super) fn admitted(&mut self, need: f64, limit: f64, patience: f64) {
        if self.source != Source::Assumed {
            return;
        }
        if let Some(before) = self.admitted {
            let now = before + 1.0;
            self.admitted = Some(now);
            let cube = |count: f64| (count / (PROBED_AFTER * patience)).powi(3);
            let grown = self.size + PROBE_SHARE * need * (cube(now) - cube(before));
            self.size = grown.min(limit.max(1.0));
        }
    }

    /// By how much less than was guessed it holds, where a request for `need` was refused that left
    /// `surplus` of the guess: half of what was never seen, at least.
    pub(super) fn excess(&self, surplus: f64, need: f64) -> f64 {
        let unproven = (self.size - self.seen.max(need)).max(0.0);
        (surplus + PROBE_SHARE * need).max(unproven / 2.0)
    }

    /// Outcomes tell that it holds `by` more, or less where that is negative, than was guessed.
    pub(super) fn correct(&mut self, by: f64, limit: f64) {
        if self.source == Source::Assumed {
            self.size = (self.size + by).clamp(limit.min(1.0), limit.max(1.0));
            if by < 0.0 {
                self.admitted = Some(0.0);
            }
        }
    }
}
