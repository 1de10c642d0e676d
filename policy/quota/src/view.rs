//! Whether what a provider tells of `tokens` is of a bucket of its own, or only shows input or output again.
//!
//! Anthropic's `tokens-*` headers show "the most restrictive limit currently in effect": a workspace's,
//! or what input and output leave together. Others show the one of the two that is nearer to its end, so
//! that limit and remaining change their meaning from answer to answer; read as a bucket of its own, which
//! takes input and output, that would hold back nearly everything. Whose reading it is, its limit tells: it
//! is that of input or of output, where that is known, or comes back after another one was shown.

use keyweir_terms::amount::Dimension;
use keyweir_terms::snapshot::{Reading, Snapshot};

const INPUT: usize = Dimension::InputTokens.index();
const OUTPUT: usize = Dimension::OutputTokens.index();
const TOKENS: usize = Dimension::Tokens.index();

/// What readings of `tokens` are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shows {
    /// A bucket of its own, as far as is known.
    #[default]
    Itself,
    /// Input or output.
    Either,
    /// Both together.
    Both,
}

/// What readings of `tokens` have turned out to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TokensView {
    shows: Shows,
    /// The limit that was told last, and the one before it.
    limits: [Option<u64>; 2],
}

/// What is known of limits: those that headers or the policy file have told.
pub(crate) type ToldLimits = [Option<u64>; Dimension::COUNT];

impl TokensView {
    /// Learns from a response whose readings are `snapshot`. Returns whether `tokens` is no bucket any
    /// more that it was taken for until now.
    pub(crate) fn learn(&mut self, snapshot: &Snapshot, told: &ToldLimits) -> bool {
        let Some(limit) = snapshot.readings[TOKENS].and_then(|it| it.limit) else {
            return false;
        };
        let before = self.shows;
        let [input, output] = [INPUT, OUTPUT].map(|d| limit_of(d, snapshot, told));
        let sum = input.zip(output).map(|(a, b)| a.saturating_add(b));
        let [last, earlier] = self.limits;
        if Some(limit) == input || Some(limit) == output {
            self.shows = Shows::Either;
        } else if Some(limit) == sum && self.shows == Shows::Itself {
            self.shows = Shows::Both;
        } else if Some(limit) == earlier && last != earlier {
            self.shows = Shows::Either;
        }
        if last != Some(limit) {
            self.limits = [Some(limit), last];
        }
        before == Shows::Itself && self.shows != Shows::Itself
    }

    /// The readings of a response, each at the bucket that it is of.
    pub(crate) fn sorted(
        &self,
        snapshot: &Snapshot,
        told: &ToldLimits,
    ) -> [Option<Reading>; Dimension::COUNT] {
        let mut readings = snapshot.readings;
        if self.shows == Shows::Itself {
            return readings;
        }
        let view = readings[TOKENS].take();
        if self.shows == Shows::Either
            && let Some(of) = view.and_then(|view| whose(view.limit?, snapshot, told))
        {
            readings[of] = readings[of].or(view);
        }
        readings
    }
}

fn limit_of(dimension: usize, snapshot: &Snapshot, told: &ToldLimits) -> Option<u64> {
    let reading = snapshot.readings[dimension].and_then(|it| it.limit);
    reading.or(told[dimension])
}

/// Whose limit is `limit`: the one's that is known by it, or else the only one's that is not known.
fn whose(limit: u64, snapshot: &Snapshot, told: &ToldLimits) -> Option<usize> {
    let known = [INPUT, OUTPUT].map(|d| limit_of(d, snapshot, told));
    match known {
        [Some(input), _] if input == limit => Some(INPUT),
        [_, Some(output)] if output == limit => Some(OUTPUT),
        [Some(_), None] => Some(OUTPUT),
        [None, Some(_)] => Some(INPUT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(input: Option<u64>, output: Option<u64>, tokens: Option<u64>) -> Snapshot {
        let reading = |limit: Option<u64>| {
            limit.map(|limit| Reading {
                limit: Some(limit),
                remaining: Some(limit / 2),
                ..Reading::default()
            })
        };
        let mut snapshot = Snapshot::default();
        snapshot.readings[INPUT] = reading(input);
        snapshot.readings[OUTPUT] = reading(output);
        snapshot.readings[TOKENS] = reading(tokens);
        snapshot
    }

    const NONE: ToldLimits = [None; Dimension::COUNT];

    #[test]
    fn a_limit_of_its_own_is_a_bucket_of_its_own() {
        let mut view = TokensView::default();
        let told = snapshot(Some(1_000), Some(200), Some(700));
        assert!(!view.learn(&told, &NONE) && !view.learn(&told, &NONE));
        assert_eq!(view.sorted(&told, &NONE), told.readings);
        // It was raised, for good.
        assert!(!view.learn(&snapshot(None, None, Some(800)), &NONE));
    }

    #[test]
    fn what_shows_input_output_or_their_sum_again_is_none() {
        for limit in [1_000, 200, 1_200] {
            let mut view = TokensView::default();
            let told = snapshot(Some(1_000), Some(200), Some(limit));
            assert!(view.learn(&told, &NONE), "{limit}");
            assert_eq!(view.sorted(&told, &NONE)[TOKENS], None);
            assert_eq!(view.sorted(&told, &NONE)[..TOKENS], told.readings[..TOKENS]);
        }
    }

    #[test]
    fn what_shows_sometimes_input_is_otherwise_output() {
        let mut view = TokensView::default();
        let other = snapshot(Some(1_000), None, Some(200));
        assert!(!view.learn(&other, &NONE), "it may be a workspace's");
        assert!(view.learn(&snapshot(Some(1_000), None, Some(1_000)), &NONE));
        let sorted = view.sorted(&other, &NONE);
        assert_eq!(sorted[OUTPUT], other.readings[TOKENS]);
        assert_eq!(sorted[TOKENS], None);
    }

    #[test]
    fn a_limit_that_comes_back_after_another_is_none_of_its_own() {
        let mut view = TokensView::default();
        assert!(!view.learn(&snapshot(None, None, Some(1_000)), &NONE));
        assert!(!view.learn(&snapshot(None, None, Some(200)), &NONE));
        assert!(view.learn(&snapshot(None, None, Some(1_000)), &NONE));
        let told = snapshot(None, None, Some(200));
        assert_eq!(view.sorted(&told, &NONE), [None; Dimension::COUNT]);
    }

    #[test]
    fn limits_of_the_policy_file_tell_whose_a_reading_is() {
        let mut view = TokensView::default();
        let mut told = NONE;
        (told[INPUT], told[OUTPUT]) = (Some(1_000), Some(200));
        let shown = snapshot(None, None, Some(200));
        assert!(view.learn(&shown, &told));
        assert_eq!(view.sorted(&shown, &told)[OUTPUT], shown.readings[TOKENS]);
    }
}
