//! Which of an account's limits refusals are for that no header explains: nobody says it. What the
//! limit is then, [`crate::envelope`] tells.
//!
//! What an account took from one refusal to the next is what flowed in. The dimension that explains
//! refusals best is the one in which it took as much per second from each to the next: what is counted in
//! another swings with the sizes of requests.

use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

use crate::charge::{Amounts, Marks};

/// Requests after which what was learned before them counts for a third.
const MEMORY_REQUESTS: f64 = 64.0;
/// How much better another dimension has to explain them before it is believed: for two whose requests
/// are all of one size it is chance.
const BETTER: f64 = 0.7;
/// What a mean request squared of unevenness counts, of what a bucket does not explain.
const UNEVEN: f64 = 0.003;

/// What was learned of one dimension.
#[derive(Clone, Copy, Debug, Default)]
struct Learned {
    /// What was taken, and in the spans that the rate is from.
    taken: f64,
    /// By how much each span differed from what those before it foretold, squared, in mean requests.
    error: f64,
}

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
    by: [Learned; Dimension::COUNT],
    secs: f64,
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
        let secs = refused.sent.secs_since(last.sent).max(1e-3);
        let kept = (-requests / MEMORY_REQUESTS).exp();
        for d in 0..Dimension::COUNT {
            let taken = (refused.taken[d] - last.taken[d]).max(0.0);
            let mean = self.mean(d);
            let it = &mut self.by[d];
            if self.secs > 0.0 && mean > 0.0 {
                let foretold = it.taken / self.secs * secs;
                it.error = kept * it.error + ((taken - foretold) / mean).powi(2);
            }
            it.taken = kept * it.taken + taken;
        }
        self.secs = kept * self.secs + secs;
        true
    }

    /// Which of the dimensions explains them best of which `unexplained` tells how much of a refusal is
    /// not explained; `None`: it cannot be meant.
    pub(crate) fn explained_by(
        &mut self,
        unexplained: impl Fn(usize) -> Option<f64>,
    ) -> Option<usize> {
        let error = |d: usize| {
            let unexplained = unexplained(d).filter(|_| self.by[d].taken > 0.0)?;
            Some(unexplained + UNEVEN * self.by[d].error)
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
        self.by[d].taken / self.by[0].taken.max(1.0)
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
    fn the_dimension_that_is_taken_evenly_explains_refusals() {
        let mut refusals = Refusals::default();
        let (mut requests, mut tokens) = (0.0, 0.0);
        for span in 0..8 {
            refuse(&mut refusals, f64::from(span) * 10.0, (requests, tokens));
            requests += if span % 2 == 0 { 5.0 } else { 40.0 };
            tokens += 10_000.0;
        }
        assert_eq!(refusals.explained_by(|_| Some(0.0)), Some(1));
        assert_eq!(refusals.explained_by(|d| (d == 0).then_some(0.0)), Some(0));
    }
}
