//! The output of one open lease: what of it was produced, what is still foreseen, and how long after
//! the grant it comes.

use keyweir_quota::budget::Charge;
use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

/// Output beyond the estimate: a stream that outgrew it is expected to go on by this share. "long
/// output 150" notices, by one or two percent of its answers; half and twice of it leave all bounds
/// held.
const GROWTH_FORESEEN: f64 = 0.25;
/// The share of its expected output after which a stream's pace is known: enough to be more than the
/// first chunk, early enough for the long worlds ("long output 150") to learn before answers end.
const PACE_SHARE: f64 = 0.2;

/// Output of an open lease, in tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// What was expected when it was granted.
    expected: f64,
    produced: f64,
    foreseen: f64,
    /// When the first was reported, and how much it was.
    first: Option<(Time, f64)>,
    /// Its delay was learned from its beginning.
    is_paced: bool,
}

/// What a report of progress tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// Tokens produced since the last report.
    pub(crate) produced: f64,
    /// How many of those that were foreseen are not any more.
    pub(crate) from_foreseen: f64,
    /// The mean time from the grant to the production of a token, where that can be told by now.
    pub(crate) delay_secs: Option<f64>,
    /// All it has produced, where that is more than was expected.
    pub(crate) outgrown: Option<f64>,
}

impl Output {
    /// What `charge` expects.
    pub(crate) const fn of(charge: &Charge) -> Self {
        let expected = charge.pending[Dimension::OutputTokens.index()];
        Self {
            expected,
            produced: 0.0,
            foreseen: expected,
            first: None,
            is_paced: false,
        }
    }

    /// What it is expected to come to.
    pub(crate) const fn expected(&self) -> f64 {
        self.expected
    }

    pub(crate) const fn produced(&self) -> f64 {
        self.produced
    }

    pub(crate) const fn foreseen(&self) -> f64 {
        self.foreseen
    }

    /// It has grown to `so_far` tokens of at most `most`, granted at `granted`. `None`: it has not.
    pub(crate) fn grow(
        &mut self,
        now: Time,
        granted: Time,
        so_far: f64,
        most: f64,
    ) -> Option<Growth> {
        let first = *self.first.get_or_insert((now, so_far));
        let produced = so_far - self.produced;
        if produced <= 0.0 {
            return None;
        }
        self.produced += produced;
        let left = (self.foreseen - produced).max(GROWTH_FORESEEN * self.produced);
        let left = left.clamp(0.0, (most - self.produced).max(0.0));
        let from_foreseen = self.foreseen - left;
        self.foreseen = left;
        let (outgrown, delay_secs) = (
            (self.produced > self.expected).then_some(self.produced),
            self.pace(now, granted, first),
        );
        Some(Growth {
            produced,
            from_foreseen,
            delay_secs,
            outgrown,
        })
    }

    fn pace(&mut self, now: Time, granted: Time, (first, at_first): (Time, f64)) -> Option<f64> {
        let since_first = self.produced - at_first;
        if self.is_paced || since_first <= PACE_SHARE * self.expected {
            return None;
        }
        self.is_paced = true;
        let production = now.secs_since(first) * self.expected / since_first;
        Some(first.secs_since(granted) + production / 2.0)
    }

    /// The mean time from the grant to the production of a token, as the end of the answer tells it.
    pub(crate) fn delay_at_end(&self, now: Time, granted: Time) -> f64 {
        let first = self.first.map_or(now, |(first, _)| first);
        (first.secs_since(granted) + now.secs_since(granted)) / 2.0
    }
}
