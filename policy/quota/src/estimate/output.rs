//! How long answers are: the mean of those to requests with a like cap, since who asks for a word gives a
//! small one and who asks for a book a large one.
//!
//! A cap of which few answers are known begins with the mean of all: what is known of them counts as a
//! few answers. Caps are alike within a factor of two, so there are some twenty kinds at most.

use keyweir_terms::request::RequestSize;
use serde::{Deserialize, Serialize};

/// Output of a request nobody has seen the like of: a short answer. Half and twice of it
/// leave the bounds of all simulated worlds held.
const OUTPUT_START: f64 = 256.0;
/// Answers that must have ended before their mean says more than those that are still going on.
/// "long output 150" notices, by a percent of its answers; half and twice as many leave all bounds held.
const OUTPUTS_FEW: u32 = 20;
/// How much of each new value is taken in in the long run: the mean of some twenty answers. "long
/// output 150" notices, by a percent of its answers; half and twice of it leave all bounds held.
const WEIGHT_MIN: f64 = 0.05;
/// One answer counts as no longer than so many times the mean: the longest answers there are
/// (128,000 tokens) are learned in a few, and a count that is none spoils nothing for long.
const OUTPUT_ODD_FACTOR: f64 = 16.0;
/// Answers that the mean of all counts for where nothing is known of a cap.
const START_COUNTS: u32 = 3;

/// Kinds of caps, none among them.
const CAPS_MAX: u32 = u64::BITS + 1;

/// What the answers to some requests are expected to take.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct OutputEstimate {
    all: Mean,
    by_cap: Vec<(u32, Mean)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Mean {
    tokens: f64,
    seen: u32,
}

impl Default for Mean {
    fn default() -> Self {
        Self {
            tokens: OUTPUT_START,
            seen: 0,
        }
    }
}

impl OutputEstimate {
    /// Whether it can be what was learned, and is not damaged.
    pub(super) fn is_possible(&self) -> bool {
        let mut means = self.by_cap.iter().map(|(_, mean)| mean).chain([&self.all]);
        let caps = self.by_cap.iter().all(|(cap, _)| *cap < CAPS_MAX);
        let are_few = self.by_cap.len() <= CAPS_MAX as usize;
        caps && are_few && means.all(|mean| mean.tokens.is_finite() && mean.tokens >= 0.0)
    }

    /// Whether any answer has told.
    pub(super) const fn is_known(&self) -> bool {
        self.all.seen > 0
    }

    /// Tokens of an answer to a request of this size, its cap left aside.
    pub(super) fn tokens(&self, size: &RequestSize) -> f64 {
        let cap = kind(size);
        let of_cap = self.by_cap.iter().find(|(of, _)| *of == cap);
        of_cap.map_or(self.all, |(_, mean)| *mean).tokens
    }

    /// An answer has grown to `produced` tokens, beyond what was expected of it.
    pub(super) fn outgrown(&mut self, size: &RequestSize, produced: u64) {
        self.of_cap(size).outgrown(produced);
        self.all.outgrown(produced);
    }

    /// An answer took so many tokens.
    pub(super) fn learn(&mut self, size: &RequestSize, tokens: u64) {
        self.of_cap(size).learn(tokens);
        self.all.learn(tokens);
    }

    fn of_cap(&mut self, size: &RequestSize) -> &mut Mean {
        let cap = kind(size);
        let known = self.by_cap.iter().position(|(of, _)| *of == cap);
        let at = known.unwrap_or_else(|| {
            let start = Mean {
                seen: self.all.seen.min(START_COUNTS),
                ..self.all
            };
            self.by_cap.push((cap, start));
            self.by_cap.len() - 1
        });
        &mut self.by_cap[at].1
    }
}

/// Caps within a factor of two are of one kind; none is one of its own.
fn kind(size: &RequestSize) -> u32 {
    size.output_max.map_or(0, |cap| cap.max(1).ilog2() + 1)
}

impl Mean {
    fn outgrown(&mut self, produced: u64) {
        let least = match self.seen {
            // It may as well be halfway.
            0 => 2.0 * produced as f64,
            few if few < OUTPUTS_FEW => produced as f64,
            _ => return,
        };
        self.tokens = self.tokens.max(least);
    }

    fn learn(&mut self, tokens: u64) {
        let most = OUTPUT_ODD_FACTOR * self.tokens.max(OUTPUT_START);
        self.seen = self.seen.saturating_add(1);
        // The first value counts whole, the second half, until the long-run weight is reached.
        let weight = (1.0 / f64::from(self.seen)).max(WEIGHT_MIN);
        self.tokens += weight * ((tokens as f64).min(most) - self.tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capped(output_max: u64) -> RequestSize {
        RequestSize {
            output_max: Some(output_max),
            ..RequestSize::default()
        }
    }

    #[test]
    fn answers_are_learned_by_cap() {
        let mut estimate = OutputEstimate::default();
        for _ in 0..200 {
            estimate.learn(&capped(256), 50);
            estimate.learn(&capped(4_096), 2_000);
        }
        assert!((49.0..=51.0).contains(&estimate.tokens(&capped(500))));
        assert!((1_990.0..=2_010.0).contains(&estimate.tokens(&capped(4_096))));
        let other = estimate.tokens(&RequestSize::default());
        assert!((51.0..1_990.0).contains(&other), "{other}");
    }

    #[test]
    fn a_cap_without_answers_begins_with_the_mean_of_all() {
        let mut estimate = OutputEstimate::default();
        for _ in 0..200 {
            estimate.learn(&capped(256), 50);
        }
        estimate.learn(&capped(4_096), 1_000);
        let begun = estimate.tokens(&capped(4_096));
        assert!((50.0..500.0).contains(&begun), "{begun}");
    }
}
