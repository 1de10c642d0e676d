//! What refusals that no header explains tell of an account's limits: what it took from one to the next
//! is what flowed in.
//!
//! Which dimension they were for, nobody says. The one that explains them best is the one in which the
//! account took as much per second from each refusal to the next: what is counted in another swings with
//! the sizes of requests.

use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

use crate::charge::{Amounts, Charge, Marks};

/// Requests after which what was learned before them counts for a third.
const MEMORY_REQUESTS: f64 = 64.0;
/// How much better another dimension has to explain them before it is believed: for two whose requests
/// are all of one size it is chance.
const BETTER: f64 = 0.7;

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

/// From one refusal to the next: how long, and what was taken.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    secs: f64,
    taken: Amounts,
}

/// What an account's refusals have told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refusals {
    first: Option<Refused>,
    last: Option<Refused>,
    span: Span,
    by: [Learned; Dimension::COUNT],
    secs: f64,
    /// The dimension that explains them best.
    best: Option<usize>,
}

impl Refusals {
    /// The account refused the request of `marks`, which was to take `charge`. Returns whether that
    /// tells anything: of those that were on their way together the first has told.
    pub(crate) fn learn(&mut self, now: Time, marks: &Marks, charge: &Charge) -> bool {
        let refused = Refused {
            sent: marks[0].sent,
            told: now,
            taken: std::array::from_fn(|d| marks[d].kept - charge.prompt[d]),
        };
        self.first.get_or_insert(refused);
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
        self.span = Span {
            secs: refused.sent.secs_since(last.sent).max(1e-3),
            taken: std::array::from_fn(|d| (refused.taken[d] - last.taken[d]).max(0.0)),
        };
        let kept = (-requests / MEMORY_REQUESTS).exp();
        for d in 0..Dimension::COUNT {
            let (taken, mean) = (self.span.taken[d], self.mean(d));
            let it = &mut self.by[d];
            if self.secs > 0.0 && mean > 0.0 {
                let foretold = it.taken / self.secs * self.span.secs;
                it.error = kept * it.error + ((taken - foretold) / mean).powi(2);
            }
            it.taken = kept * it.taken + taken;
        }
        self.secs = kept * self.secs + self.span.secs;
        true
    }

    /// Which of the dimensions that `may` be meant explains them best.
    pub(crate) fn explained_by(&mut self, may: impl Fn(usize) -> bool) -> Option<usize> {
        let may = |d: &usize| self.by[*d].taken > 0.0 && may(*d);
        let error = |d: usize| self.by[d].error;
        let best = (0..Dimension::COUNT)
            .filter(may)
            .min_by(|a, b| error(*a).total_cmp(&error(*b)))?;
        let before = self.best.filter(may);
        let is_better = |before: usize| error(best) < BETTER * error(before);
        self.best = before.filter(|it| !is_better(*it)).or(Some(best));
        self.best
    }

    /// What flowed in per second from the refusal before to the last, at least and, where nothing flowed
    /// over, at most: at either there was less left than a request needs.
    pub(crate) fn per_sec(&self, d: usize) -> (f64, f64) {
        let (taken, mean) = (self.span.taken[d], self.mean(d));
        let per_sec = |taken: f64| taken.max(0.0) / self.span.secs;
        (per_sec(taken - mean), per_sec(taken + mean))
    }

    /// What a request takes of it in the mean.
    pub(crate) fn mean(&self, d: usize) -> f64 {
        self.by[d].taken / self.by[0].taken.max(1.0)
    }

    /// What was saved up when the account was used first, where so much flows in per second.
    pub(crate) fn burst(&self, d: usize, per_sec: f64, began: Time) -> f64 {
        self.first.map_or(0.0, |first| {
            first.taken[d] - per_sec * first.sent.secs_since(began)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Mark;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    /// A request of `input` tokens that is refused after so many requests and tokens were taken.
    fn refuse(refusals: &mut Refusals, secs: f64, taken: (f64, f64), input: f64) -> bool {
        let mut charge = Charge::default();
        (charge.prompt[0], charge.prompt[1]) = (1.0, input);
        let mark = |kept: f64| Mark {
            sent: at(secs),
            kept,
            ..Mark::default()
        };
        let marks = [
            mark(taken.0 + 1.0),
            mark(taken.1 + input),
            mark(0.0),
            mark(0.0),
        ];
        refusals.learn(at(secs), &marks, &charge)
    }

    #[test]
    fn what_is_taken_from_one_refusal_to_the_next_is_what_flows_in() {
        let mut refusals = Refusals::default();
        refuse(&mut refusals, 10.0, (50.0, 50_000.0), 1_000.0);
        assert!(refuse(&mut refusals, 20.0, (70.0, 70_000.0), 1_000.0));
        let (least, most) = refusals.per_sec(0);
        assert!(least < 2.0 && 2.0 < most && most - least < 0.3);
        assert_eq!(refusals.burst(0, 2.0, at(0.0)), 30.0);
    }

    #[test]
    fn refusals_between_which_nothing_was_taken_tell_nothing() {
        let mut refusals = Refusals::default();
        refuse(&mut refusals, 10.0, (5.0, 500.0), 100.0);
        assert!(!refuse(&mut refusals, 11.0, (5.0, 500.0), 100.0));
        assert!(refuse(&mut refusals, 15.0, (10.0, 1_000.0), 100.0));
        let (least, most) = refusals.per_sec(0);
        assert!(least < 1.0 && 1.0 < most);
    }

    #[test]
    fn the_dimension_that_is_taken_evenly_explains_refusals() {
        let mut refusals = Refusals::default();
        let (mut requests, mut tokens) = (0.0, 0.0);
        for span in 0..8 {
            refuse(
                &mut refusals,
                f64::from(span) * 10.0,
                (requests, tokens),
                500.0,
            );
            requests += if span % 2 == 0 { 5.0 } else { 40.0 };
            tokens += 10_000.0;
        }
        assert_eq!(refusals.explained_by(|_| true), Some(1));
        assert_eq!(refusals.explained_by(|d| d == 0), Some(0));
    }
}
