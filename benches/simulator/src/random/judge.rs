//! What a random world must reach, beside the all-knowing scheduler.

use std::fmt;

use super::build::build;
use super::recipe::Recipe;
use crate::arrivals::arrivals;
use crate::oracle;
use crate::report::Report;
use crate::run::try_run;
use crate::scenario::Scenario;
use crate::seeing;
use crate::weathers::declaring;

/// Least share answered, as a share of what the all-knowing scheduler answers.
const SUCCESS_MIN: f64 = 0.999;
/// Waits are held to so many times the all-knowing scheduler's, and a little.
const WAIT_FACTOR: f64 = 1.5;
const WAIT_EXTRA_SECS: f64 = 0.25;
/// What no world may go beyond, over the all-knowing scheduler's waits.
const WAIT_EXTRA_MOST_SECS: f64 = 1.0;
/// Attempts per request where headers tell, and where they do not.
const ATTEMPTS_MAX: f64 = 1.03;
const ATTEMPTS_UNTOLD_MAX: f64 = 1.10;

/// What became of a world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// Requests that came.
    pub requests: usize,
    /// Answers as a share of requests, and of those that the all-knowing scheduler gave.
    pub success: f64,
    /// Waits, median and 99th percentile, in seconds.
    pub waits: (f64, f64),
    /// The all-knowing scheduler's.
    pub best_waits: (f64, f64),
    /// Attempts per request.
    pub attempts: f64,
    /// The most there may be.
    pub attempts_max: f64,
    /// Attempts sent to an account inside the wait that it had asked for.
    pub hasty: usize,
    /// It came to no end, or left leases open.
    pub broke: bool,
}

/// Runs a world.
pub fn judge(recipe: &Recipe) -> Verdict {
    judged(recipe, &build(recipe))
}

/// Runs a world whose limits the policy declares: what a policy reaches that has nothing to learn but
/// sizes.
pub fn judge_declared(recipe: &Recipe) -> Verdict {
    judged(recipe, &declaring(build(recipe)))
}

/// Runs a world whose refusals say in words which limit they are for.
pub fn judge_in_words(recipe: &Recipe) -> Verdict {
    let mut recipe = recipe.clone();
    recipe.told.words = true;
    judge(&recipe)
}

/// Runs a world without the policy, served by a scheduler that looks into the provider's buckets: what
/// there is to reach for who never errs, and cannot tell the future.
pub fn judge_seeing(recipe: &Recipe) -> Verdict {
    let scenario = build(recipe);
    let arrivals = arrivals(&scenario);
    let reached = seeing::serve(&scenario, &arrivals);
    let mut report = Report {
        requests: arrivals.len(),
        answered: reached.served,
        upstream: reached.served,
        waits: reached.waits,
        ..Report::default()
    };
    report.finish(oracle::serve(&scenario, &arrivals));
    Verdict::of(recipe, &report)
}

fn judged(recipe: &Recipe, scenario: &Scenario) -> Verdict {
    let Ok(report) = try_run(scenario) else {
        return Verdict {
            broke: true,
            ..Verdict::default()
        };
    };
    Verdict::of(recipe, &report)
}

impl Verdict {
    fn of(recipe: &Recipe, report: &Report) -> Self {
        let attempts_max = if recipe.told.is_any() {
            ATTEMPTS_MAX
        } else {
            ATTEMPTS_UNTOLD_MAX
        };
        Self {
            requests: report.requests,
            success: report.goodput().max(report.success()).min(1.0),
            waits: (report.wait(0.5), report.wait(0.99)),
            best_waits: (report.oracle_wait(0.5), report.oracle_wait(0.99)),
            attempts: report.amplification(),
            attempts_max,
            hasty: report.hasty,
            broke: report.leaked > 0,
        }
    }

    /// Seconds by which waits are longer than they may be.
    pub fn late_secs(&self) -> f64 {
        (self.waits.1 - WAIT_FACTOR * self.best_waits.1 - WAIT_EXTRA_SECS).max(0.0)
    }

    /// Whether waits go beyond what no world may.
    pub fn is_very_late(&self) -> bool {
        self.waits.1 > WAIT_FACTOR * self.best_waits.1 + WAIT_EXTRA_MOST_SECS
    }

    /// Whether enough were answered.
    pub fn is_answered(&self) -> bool {
        self.success >= SUCCESS_MIN
    }

    /// Whether it took few enough attempts; some are too few to be a share.
    pub fn is_sparing(&self) -> bool {
        let few = 5.0 / self.requests.max(1) as f64;
        self.attempts <= self.attempts_max + few
    }

    /// Whether all of it was held.
    pub fn is_held(&self) -> bool {
        !self.broke
            && self.is_answered()
            && self.late_secs() == 0.0
            && self.is_sparing()
            && self.hasty == 0
    }

    /// How bad it is: seconds late, and what weighs as much.
    pub fn badness(&self) -> f64 {
        let unanswered = 100.0 * (SUCCESS_MIN - self.success).max(0.0);
        let wasted = 10.0 * (self.attempts - self.attempts_max).max(0.0);
        let broke = if self.broke { 1e6 } else { 0.0 };
        self.late_secs() + unanswered + wasted + self.hasty as f64 * 0.01 + broke
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:6} requests, answered {:.4}, waits {:7.3} {:7.3} s (all-knowing {:7.3} {:7.3}), \
             attempts {:.4} of {:.2}, inside a retry-after {}",
            self.requests,
            self.success,
            self.waits.0,
            self.waits.1,
            self.best_waits.0,
            self.best_waits.1,
            self.attempts,
            self.attempts_max,
            self.hasty,
        )
    }
}
