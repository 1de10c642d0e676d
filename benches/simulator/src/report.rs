//! What a run amounted to.

use std::fmt;

use keyweir_policy::pool::Notice;

use crate::oracle::Reached;

/// The figures of one run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Requests that came.
    pub requests: usize,
    /// Requests that were answered.
    pub answered: usize,
    /// Attempts that reached the provider.
    pub upstream: usize,
    /// Attempts that the provider refused for want of budget.
    pub refused_upstream: usize,
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
    /// Attempts that failed during an overload, and requests that came during it.
    pub storm: (usize, usize),
    /// When each answered request's last attempt was sent.
    pub sent_at: Vec<f64>,
    /// What there was to reach.
    pub oracle_answered: usize,
    /// The all-knowing scheduler's waits, sorted.
    pub oracle_waits: Vec<f64>,
    /// What operators would have heard of, and when.
    pub notices: Vec<(f64, Notice)>,
    /// Leases still open at the end; always zero.
    pub leaked: usize,
}

impl Report {
    /// Share of requests that were answered.
    pub fn success(&self) -> f64 {
        share(self.answered, self.requests)
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
        let sent = self.sent_at.iter().filter(|at| (from..until).contains(*at));
        sent.count() as f64 / (until - from)
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
