//! What a run must reach.

use crate::report::{Ending, Report};
use crate::scenario::Scenario;

/// An allowance over the all-knowing scheduler's 99th percentile of waits: half as much again,
/// and what a person does not notice.
const WAIT_FACTOR: f64 = 1.5;
const WAIT_EXTRA_SECS: f64 = 0.1;
/// A refusal is at once if it comes within this.
const AT_ONCE_SECS: f64 = 0.05;
/// Share of refusals that must come at once. The others were told to wait by what was known then.
const AT_ONCE_SHARE: f64 = 0.95;
/// Speed is full from this share of capacity on: arrivals are random.
const FULL_SPEED: f64 = 0.95;

/// Until when a run is not looked at for its steady speed: buckets start full.
const SETTLED_SECS: f64 = 10.0;

/// When overload begins and ends, wherever it does.
pub(crate) const STORM: (f64, f64) = (20.0, 30.0);

/// Bounds on a report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Least share of requests answered.
    pub success_min: f64,
    /// Most attempts per request that was sent.
    pub upstream_per_request_max: f64,
    /// Least answers as a share of an all-knowing scheduler's.
    pub goodput_min: Option<f64>,
    /// Whether refusals must come at once.
    pub at_once: bool,
    /// Whether waits are held to the all-knowing scheduler's.
    pub waits: bool,
    /// Whether the attempts are those of requests that come in the storm, and full speed is to
    /// follow it within a second.
    pub storm: bool,
    /// Whether an answer that broke off after its beginning counts as answered.
    pub streams: bool,
    /// Least share of what is due to them that the tenants get.
    pub fairness_min: Option<f64>,
    /// Most seconds that 99 of 100 answered requests wait.
    pub wait_p99_max: Option<f64>,
    /// Who answers while the first choice cannot, and afterwards.
    pub handover: Option<Handover>,
}

/// Who answers while the first choice cannot, and afterwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Handover {
    /// From when another choice is to have taken over, in seconds.
    pub from: f64,
    /// Until when.
    pub until: f64,
    /// Least share of the answers to requests of that time that it gives.
    pub over_min: f64,
    /// From when the first choice is to have them back.
    pub back_from: f64,
    /// Most that another gives from then on.
    pub back_max: f64,
}

impl Bounds {
    /// At least this share answered, with at most so many attempts per request.
    pub const fn answered(success_min: f64, upstream_per_request_max: f64) -> Self {
        Self {
            success_min,
            upstream_per_request_max,
            goodput_min: None,
            at_once: false,
            waits: false,
            storm: false,
            streams: false,
            fairness_min: None,
            wait_p99_max: None,
            handover: None,
        }
    }

    /// Every request answered.
    pub const fn all_answered(upstream_per_request_max: f64) -> Self {
        Self::answered(1.0, upstream_per_request_max)
    }

    /// More is asked for than there is: what there is must be used.
    pub const fn overrun(upstream_per_request_max: f64) -> Self {
        Self {
            goodput_min: Some(0.99),
            ..Self::answered(0.0, upstream_per_request_max)
        }
    }

    /// Refusals come at once.
    #[must_use]
    pub const fn at_once(self) -> Self {
        Self {
            at_once: true,
            ..self
        }
    }

    /// Waits are held to the all-knowing scheduler's.
    #[must_use]
    pub const fn waits(self) -> Self {
        Self {
            waits: true,
            ..self
        }
    }

    /// Attempts are counted in the storm, and full speed follows it.
    #[must_use]
    pub const fn storm(self) -> Self {
        Self {
            storm: true,
            ..self
        }
    }

    /// Answers that break off count as answered.
    #[must_use]
    pub const fn streams(self) -> Self {
        Self {
            streams: true,
            ..self
        }
    }

    /// Tenants get at least this share of what is due to them.
    #[must_use]
    pub const fn fair(self, least: f64) -> Self {
        Self {
            fairness_min: Some(least),
            ..self
        }
    }

    /// 99 of 100 answered requests wait no longer than this many seconds.
    #[must_use]
    pub const fn waiting(self, p99_max: f64) -> Self {
        Self {
            wait_p99_max: Some(p99_max),
            ..self
        }
    }

    /// Another choice takes over, and gives back.
    #[must_use]
    pub const fn hands_over(self, handover: Handover) -> Self {
        Self {
            handover: Some(handover),
            ..self
        }
    }

    /// What of it was not reached; empty if all was.
    pub fn missed(&self, scenario: &Scenario, report: &Report) -> Vec<String> {
        let mut missed = Missed::default();
        let success = if self.streams {
            report.begun()
        } else {
            report.success()
        };
        missed.below("success", success, self.success_min);
        if let Some(least) = self.goodput_min {
            missed.below("capacity used", capacity_used(scenario, report), least);
        }
        missed.above(
            "upstream per request",
            self.amplification(report),
            self.upstream_per_request_max,
        );
        if self.waits {
            let most = report.oracle_wait(0.99) * WAIT_FACTOR + WAIT_EXTRA_SECS;
            missed.above("wait p99, s", report.wait(0.99), most);
        }
        if self.storm {
            // At most the first second is lost: three bring two seconds' worth.
            let full = 2.0 * FULL_SPEED * scenario.capacity_per_sec();
            let sent = 3.0 * report.rate(STORM.1, STORM.1 + 3.0);
            missed.below("answers in 3 s after the storm", sent, full);
        }
        if let Some(most) = self.wait_p99_max {
            missed.above("wait p99, s", report.wait(0.99), most);
        }
        if let Some(handover) = &self.handover {
            handover.missed(scenario, report, &mut missed);
        }
        if let Some(least) = self.fairness_min {
            missed.below("fair share", fairness(scenario, report), least);
        }
        missed.above(
            "longest wait, s",
            report.wait(1.0),
            scenario.patience_secs + AT_ONCE_SECS,
        );
        if self.at_once {
            let heard = report.refusal_wait(AT_ONCE_SHARE);
            missed.above("time to refusal p95, s", heard, AT_ONCE_SECS);
        }
        missed.above("leaks", report.leaked as f64, 0.0);
        missed.above("told of no such thing", report.misled as f64, 0.0);
        missed.0
    }

    /// Attempts per request that was sent at all, in the storm or over all.
    pub fn amplification(&self, report: &Report) -> f64 {
        if self.storm {
            report.amplification_of(STORM.0, STORM.1)
        } else {
            let sent = report.answered + report.told + report.relayed + report.cut;
            report.upstream as f64 / sent.max(1) as f64
        }
    }
}

impl Handover {
    fn missed(&self, scenario: &Scenario, report: &Report, missed: &mut Missed) {
        let over = report.fell_back(self.from, self.until);
        missed.below("taken over", over, self.over_min);
        let still = report.fell_back(self.back_from, scenario.duration_secs);
        missed.above("not given back", still, self.back_max);
    }
}

/// Answers sent while requests came, as a share of what could be sent in that time; or answers as
/// a share of the all-knowing scheduler's, whichever is more. The first knows no burst saved up
/// for after the end; the second is judged by a tail that no gateway can foresee: that after the
/// last arrival nobody else will come.
pub fn capacity_used(scenario: &Scenario, report: &Report) -> f64 {
    let from = SETTLED_SECS.min(scenario.duration_secs / 2.0);
    let used = report.rate(from, scenario.duration_secs) / scenario.capacity_per_sec();
    used.max(report.goodput())
}

/// The least that a tenant got while all of them asked, as a share of what was due to it: what it
/// asked for, or its weight's part of the answers where it asked for more.
pub fn fairness(scenario: &Scenario, report: &Report) -> f64 {
    let (got, asked) = by_tenant(scenario, report);
    let due = due(scenario, got.iter().sum(), &asked);
    got.iter()
        .zip(due)
        .filter(|(_, due)| *due > 0.0)
        .map(|(got, due)| got / due)
        .fold(f64::INFINITY, f64::min)
}

/// Answers and requests by tenant, once the buckets' first fill is spent and until nobody comes
/// any more: after that there is nothing to share out.
fn by_tenant(scenario: &Scenario, report: &Report) -> (Vec<f64>, Vec<f64>) {
    let span = SETTLED_SECS.min(scenario.duration_secs / 2.0)..scenario.duration_secs;
    let (mut got, mut asked) = (
        vec![0.0; scenario.tenants.len()],
        vec![0.0; scenario.tenants.len()],
    );
    for journey in &report.journeys {
        if span.contains(&journey.arrived) {
            asked[journey.tenant] += 1.0;
        }
        let sent = journey.sent.filter(|_| journey.ending == Ending::Answered);
        if sent.is_some_and(|sent| span.contains(&sent)) {
            got[journey.tenant] += 1.0;
        }
    }
    (got, asked)
}

/// Shares out `left` answers by weight; what a tenant does not ask for goes to the others.
fn due(scenario: &Scenario, mut left: f64, asked: &[f64]) -> Vec<f64> {
    let mut due = vec![0.0; asked.len()];
    loop {
        let wants_more = |tenant: &usize| due[*tenant] + 0.5 < asked[*tenant];
        let open: Vec<usize> = (0..asked.len()).filter(wants_more).collect();
        if left < 0.5 || open.is_empty() {
            return due;
        }
        let weights: f64 = open.iter().map(|it| scenario.tenants[*it].weight).sum();
        let per_weight = left / weights;
        for tenant in open {
            let share = per_weight * scenario.tenants[tenant].weight;
            let more = share.min(asked[tenant] - due[tenant]);
            due[tenant] += more;
            left -= more;
        }
    }
}

#[derive(Default)]
struct Missed(Vec<String>);

impl Missed {
    fn below(&mut self, what: &str, is: f64, least: f64) {
        if is < least {
            self.0.push(format!("{what}: {is:.4}, at least {least:.4}"));
        }
    }

    fn above(&mut self, what: &str, is: f64, most: f64) {
        if is > most {
            self.0.push(format!("{what}: {is:.4}, at most {most:.4}"));
        }
    }
}
