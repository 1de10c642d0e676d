//! Which of an account's limits refusals are for that no header explains: nobody says it. What the
//! limit is then, [`crate::envelope`] tells.
//!
//! A bucket of the dimension that is meant explains all of them; of another one some are refused that
//! should not have been. What is generated is known late and evens out, so that a bucket of it explains
//! nearly anything: it is believed only where no other does.

use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

use crate::charge::{Amounts, Marks};

/// Requests after which what was learned before them counts for a third.
const MEMORY_REQUESTS: f64 = 64.0;
/// How much better another dimension has to explain them before it is believed: for two whose requests
/// are all of one size it is chance.
const BETTER: f64 = 0.7;
/// How many mean requests others have to leave unexplained before what is generated is believed in.
const GENERATED: f64 = 1.0;

/// A refusal: when its request was sent and when it came, and what had been taken by then.
#[derive(Clone, Copy, Debug)]
struct Refused {
    sent: Time,
    told: Time,
    taken: Amounts,
}

/// What an account's refusals have told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refusals {
    last: Option<Refused>,
    /// What was taken of each dimension between them.
    taken: Amounts,
    /// The dimension that explains them best.
    best: Option<usize>,
}

impl Refusals {
    /// Whether the request of `marks` was not on its way when the last refusal came that told anything.
    pub(crate) fn is_first(&self, marks: &Marks) -> bool {
        self.last.is_none_or(|last| marks[0].sent >= last.told)
    }

    /// The account refused the request of `marks`, which no longer contain what it was to take. Returns
    /// whether that tells anything: of those that were on their way together the first has told.
    pub(crate) fn learn(&mut self, now: Time, marks: &Marks) -> bool {
        let refused = Refused {
            sent: marks[0].sent,
            told: now,
            taken: std::array::from_fn(|d| marks[d].kept),
        };
        let Some(last) = self.last else {
            self.last = Some(refused);
            return true;
        };
        let requests = refused.taken[0] - last.taken[0];
        // Where nothing was taken in between, what flows in makes good what was overdrawn.
        if refused.sent < last.told || requests < 1.0 {
            return false;
        }
        self.last = Some(refused);
        let kept = (-requests / MEMORY_REQUESTS).exp();
        for (d, sum) in self.taken.iter_mut().enumerate() {
            *sum = kept * *sum + (refused.taken[d] - last.taken[d]).max(0.0);
        }
        true
    }

    /// Which of the dimensions explains them best of which `unexplained` tells how much of a refusal is
    /// not explained; `None`: it cannot be meant.
    pub(crate) fn explained_by(
        &mut self,
        unexplained: impl Fn(usize) -> Option<f64>,
    ) -> Option<usize> {
        let error = |d: usize| {
            let unexplained = unexplained(d).filter(|_| self.taken[d] > 0.0)?;
            Some(match Dimension::ALL[d] {
                Dimension::OutputTokens => unexplained + GENERATED,
                _ => unexplained,
            })
        };
        let all = (0..Dimension::COUNT).filter_map(|d| Some((d, error(d)?)));
        let (best, least) = all.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let before = self
            .best
            .filter(|d| error(*d).is_some_and(|it| BETTER * it <= least));
        self.best = before.or(Some(best));
        self.best
    }

    /// What a request takes of it in the mean.
    pub(crate) fn mean(&self, d: usize) -> f64 {
        self.taken[d] / self.taken[0].max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Mark;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    /// A request that is refused after so many requests and tokens were taken.
    fn refuse(refusals: &mut Refusals, secs: f64, taken: (f64, f64)) -> bool {
        let mark = |kept: f64| Mark {
            sent: at(secs),
            kept,
            ..Mark::default()
        };
        let marks = [mark(taken.0), mark(taken.1), mark(0.0), mark(0.0)];
        refusals.learn(at(secs), &marks)
    }

    #[test]
    fn refusals_between_which_nothing_was_taken_tell_nothing() {
        let mut refusals = Refusals::default();
        refuse(&mut refusals, 10.0, (5.0, 500.0));
        assert!(!refuse(&mut refusals, 11.0, (5.0, 500.0)));
        assert!(refuse(&mut refusals, 15.0, (10.0, 1_000.0)));
        assert_eq!(refusals.mean(1), 100.0);
    }

    #[test]
    fn what_leaves_least_unexplained_is_believed_and_what_is_generated_last() {
        let mut refusals = Refusals::default();
        let mark = |kept: f64| Mark {
            sent: at(kept),
            kept,
            ..Mark::default()
        };
        for taken in [0.0, 10.0] {
            refusals.learn(at(taken), &[mark(taken); Dimension::COUNT]);
        }
        let left = |requests: f64, input: f64| move |d: usize| Some([requests, input, 0.0, 9.0][d]);
        assert_eq!(refusals.explained_by(left(0.0, 0.0)), Some(0));
        assert_eq!(
            refusals.explained_by(left(0.8, 0.6)),
            Some(0),
            "it is chance"
        );
        assert_eq!(refusals.explained_by(left(0.8, 0.1)), Some(1));
        assert_eq!(refusals.explained_by(left(2.0, 1.8)), Some(2));
    }
}
