//! What a run amounted to.

use std::fmt;

use keyweir_policy::pool::ask::Notice;

use crate::oracle::Reached;
use crate::taken::Amounts;

/// The figures of one run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Requests that came.
    pub requests: usize,
    /// Requests that were answered.
    pub answered: usize,
    /// Requests that were wrong in themselves, or for what there is not, and were told so.
    pub told: usize,
    /// Requests that were given a provider's failure as its last word.
    pub relayed: usize,
    /// Requests that were told that there is no such thing where there is; always zero.
    pub misled: usize,
    /// Attempts that were sent.
    pub upstream: usize,
    /// Attempts that the provider refused for want of budget.
    pub refused_upstream: usize,
    /// Attempts that were sent to an account within the wait that it had asked for.
    pub hasty: usize,
    /// Attempts that met an overloaded provider.
    pub overloaded_upstream: usize,
    /// Seconds each answered request waited before its last attempt was sent, sorted.
    pub waits: Vec<f64>,
    /// Seconds each refused request had waited, sorted.
    pub refusal_waits: Vec<f64>,
    /// Answers by tenant.
    pub answered_by_tenant: Vec<usize>,
    /// Requests by tenant.
    pub requests_by_tenant: Vec<usize>,
    /// Streams that broke or fell silent after some of their content had reached the client.
    pub cut: usize,
    /// What became of each request, in the order of arrival.
    pub journeys: Vec<Journey>,
    /// What the first provider charged each account, by minute of the run.
    pub charged: Vec<Vec<Amounts>>,
    /// What there was to reach.
    pub oracle_answered: usize,
    /// The all-knowing scheduler's waits, sorted.
    pub oracle_waits: Vec<f64>,
    /// What operators would have heard of, and when.
    pub notices: Vec<(f64, Notice)>,
    /// Leases still open at the end; always zero.
    pub leaked: usize,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Journey {
    /// Position of its tenant.
    pub tenant: usize,
    /// When it came, in seconds.
    pub arrived: f64,
    /// When its last attempt was sent; `None`: there was none.
    pub sent: Option<f64>,
    /// When its answer or its refusal was complete.
    pub ended: f64,
    /// How it ended.
    pub ending: Ending,
    /// Attempts made for it.
    pub attempts: u32,
    /// It turned to another choice than its first.
    pub fell_back: bool,
    /// Tokens it asked for, of both kinds.
    pub tokens: f64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It was refused.
    #[default]
    Refused,
    /// It was answered.
    Answered,
    /// Its answer broke off after some content.
    Cut,
    /// It was wrong, or for what there is not, and was told so.
    Told,
    /// It was given a provider's failure as its last word.
    Relayed,
}

impl Report {
    /// Share of requests that were answered, or rightly told that they are wrong.
    pub fn success(&self) -> f64 {
        share(self.answered + self.told, self.requests)
    }

    /// Share of requests whose answer began: failures after that can only be told.
    pub fn begun(&self) -> f64 {
        share(self.answered + self.told + self.cut, self.requests)
    }

    /// Answers as a share of what an all-knowing scheduler could have given.
    pub fn goodput(&self) -> f64 {
        share(self.answered, self.oracle_answered)
    }

    /// Attempts per request.
    pub fn amplification(&self) -> f64 {
        share(self.upstream, self.requests)
    }

    /// Attempts per request that was sent at all.
    pub fn amplification_of_answered(&self) -> f64 {
        share(self.upstream, self.answered)
    }

    /// 429s per thousand attempts.
    pub fn refused_per_thousand(&self) -> f64 {
        1000.0 * share(self.refused_upstream, self.upstream)
    }

    /// The wait that a share of answered requests did not exceed, in seconds.
    pub fn wait(&self, quantile: f64) -> f64 {
        at(&self.waits, quantile)
    }

    /// The same for the all-knowing scheduler.
    pub fn oracle_wait(&self, quantile: f64) -> f64 {
        at(&self.oracle_waits, quantile)
    }

    /// Answers sent per second in a span of the run.
    pub fn rate(&self, from: f64, until: f64) -> f64 {
        let in_span = |journey: &&Journey| {
            journey.ending == Ending::Answered
                && journey
                    .sent
                    .is_some_and(|sent| (from..until).contains(&sent))
        };
        self.journeys.iter().filter(in_span).count() as f64 / (until - from)
    }

    /// Of the requests that came in a span of the run and were answered, the share that another
    /// choice than the first answered.
    pub fn fell_back(&self, from: f64, until: f64) -> f64 {
        let answered = self.journeys.iter().filter(|journey| {
            (from..until).contains(&journey.arrived) && journey.ending == Ending::Answered
        });
        let (mut all, mut fell_back) = (0, 0);
        for journey in answered {
            all += 1;
            fell_back += usize::from(journey.fell_back);
        }
        share(fell_back, all)
    }

    /// Attempts per request, of the requests that came in a span of the run.
    pub fn amplification_of(&self, from: f64, until: f64) -> f64 {
        let came = |journey: &&Journey| (from..until).contains(&journey.arrived);
        let (mut requests, mut attempts) = (0, 0);
        for journey in self.journeys.iter().filter(came) {
            requests += 1;
            attempts += journey.attempts as usize;
        }
        share(attempts, requests)
    }

    /// Requests that the gateway refused.
    pub fn refused(&self) -> usize {
        self.refusal_waits.len()
    }

    /// The wait of a share of refused requests before they heard of it, in seconds.
    pub fn refusal_wait(&self, quantile: f64) -> f64 {
        at(&self.refusal_waits, quantile)
    }

    pub(crate) fn finish(&mut self, reached: Reached) {
        self.waits.sort_by(f64::total_cmp);
        self.refusal_waits.sort_by(f64::total_cmp);
        self.oracle_answered = reached.served;
        self.oracle_waits = reached.waits;
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / (whole.max(1)) as f64
}

fn at(sorted: &[f64], quantile: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * quantile).round() as usize)
        .copied()
        .unwrap_or(0.0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "requests {:6}  success {:.4}  goodput {:.4}  upstream/request {:.4}  429/1000 {:6.2}  \
             wait p50 {:6.3} p99 {:6.3} s (all-knowing p99 {:6.3} s)",
            self.requests,
            self.success(),
            self.goodput(),
            self.amplification(),
            self.refused_per_thousand(),
            self.wait(0.5),
            self.wait(0.99),
            self.oracle_wait(0.99),
        )
    }
}
