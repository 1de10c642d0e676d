//! What a run amounted to.

use std::collections::BTreeMap;

use simulated_provider::{Counters, SetFault};

use super::all_knowing;
use super::client::{Ending, Seen};
use super::forecast::{Forecast, SETTLED_AT};
use super::ledger::{Entry, Ledger};
use super::weather::{STRIKES_AT, TOLD_BY_PROVIDER, UNTOLD};

/// A refusal that took no longer than this came at once.
const AT_ONCE_SECS: f64 = 0.05;
/// The default patience, and how late after its end a refusal may come.
const PATIENCE_SECS: f64 = 30.0;

/// Everything that was seen, on both sides.
pub(crate) struct Observed {
    /// By the clients.
    pub(crate) seen: Vec<Seen>,
    /// By the provider, over time.
    pub(crate) ledger: Ledger,
    /// By the provider, in all.
    pub(crate) counters: Counters,
    /// The faults that were set.
    pub(crate) faults: Vec<SetFault>,
    /// Seconds of arrivals.
    pub(crate) secs: f64,
}

/// The figures of one row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Requests of clients.
    pub(crate) requests: usize,
    /// Requests that were refused because their turn would not come in time.
    pub(crate) turned_away: usize,
    /// Share answered, of those whose turn came.
    pub(crate) success: f64,
    /// Requests at the provider per request whose turn came.
    pub(crate) upstream: f64,
    /// The same while the storm raged.
    pub(crate) upstream_in_storm: f64,
    /// Refusals for want of budget at the provider, per thousand of its requests.
    pub(crate) refused_upstream: f64,
    /// 429s and 529s that clients saw.
    pub(crate) limited_seen: (usize, usize),
    /// Waits: median and 99th percentile.
    pub(crate) waits: (f64, f64),
    /// The all-knowing scheduler's 99th percentile.
    pub(crate) waits_all_knowing: f64,
    /// Refusals that neither came at once nor when patience ended.
    pub(crate) late_refusals: usize,
    /// Seconds until the 99th percentile of refusals that came before patience ended.
    pub(crate) refused_after: f64,
    /// The longest that anybody heard nothing, in seconds.
    pub(crate) longest: f64,
    /// Until an answer's head, as the 99th percentile: before what happened, and after it.
    pub(crate) heads: (f64, f64),
    /// Share of the scarcest dimension that was taken, once settled.
    pub(crate) used: f64,
    /// Requests per second before the storm, and admitted in the first and second second after it.
    pub(crate) recovery: (f64, f64, f64),
    /// What the least favoured modest tenant got of its fair share.
    pub(crate) fairness: f64,
    /// Streams that broke.
    pub(crate) broken: Broken,
    /// Faults after content, by the provider's count: told by itself, and untold.
    pub(crate) struck: (u64, u64),
    /// How requests ended that were not answered.
    pub(crate) unanswered: BTreeMap<String, usize>,
    /// Attempts by their status at the provider.
    pub(crate) by_status: BTreeMap<u16, u64>,
}

/// Streams that broke, by what their clients saw.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Broken {
    /// An error event and a clean end, after content.
    pub(crate) told: usize,
    /// An error event and an unclean end, after content.
    pub(crate) told_unclean: usize,
    /// Anything else.
    pub(crate) otherwise: usize,
}

impl Figures {
    /// The figures of what was observed in this weather.
    pub(crate) fn of(forecast: &Forecast, observed: &Observed) -> Self {
        let mut figures = Self {
            requests: observed.seen.len(),
            by_status: observed.counters.by_status.clone(),
            ..Self::default()
        };
        figures.endings(observed);
        figures.waits(forecast, observed);
        figures.refusals(observed);
        figures.rates(forecast, observed);
        figures.fairness = fairness(forecast, observed);
        let struck = |faults: Option<&[SetFault]>| {
            let faults = faults.unwrap_or_default();
            faults.iter().map(|fault| fault.struck).sum()
        };
        figures.struck = (
            struck(observed.faults.get(TOLD_BY_PROVIDER..=TOLD_BY_PROVIDER)),
            struck(observed.faults.get(UNTOLD)),
        );
        figures
    }

    fn endings(&mut self, observed: &Observed) {
        let mut answered = 0;
        for seen in &observed.seen {
            match &seen.ending {
                Ending::Answered => {
                    answered += 1;
                    continue;
                }
                Ending::Broken {
                    told: true,
                    had_content: true,
                    clean: false,
                } => self.broken.told_unclean += 1,
                Ending::Broken {
                    told: true,
                    had_content: true,
                    clean: true,
                } => self.broken.told += 1,
                Ending::Broken { .. } => self.broken.otherwise += 1,
                Ending::Refused(429, _) => self.limited_seen.0 += 1,
                Ending::Refused(529, _) => self.limited_seen.1 += 1,
                Ending::Refused(..) | Ending::Lost(_) | Ending::Stuck => {}
            }
            *self.unanswered.entry(in_words(&seen.ending)).or_default() += 1;
        }
        self.turned_away = observed.seen.iter().filter(|it| is_turned_away(it)).count();
        let turns = (self.requests - self.turned_away).max(1) as f64;
        self.success = answered as f64 / turns;
        self.upstream = observed.counters.requests as f64 / turns;
    }

    fn waits(&mut self, forecast: &Forecast, observed: &Observed) {
        let answered = observed.seen.iter().filter(|it| it.is_answered());
        let mut waits: Vec<f64> = answered.map(|it| it.waited).collect();
        waits.sort_by(f64::total_cmp);
        self.waits = (quantile(&waits, 0.5), quantile(&waits, 0.99));
        let heads = |is_after: bool| {
            let answered = observed.seen.iter().filter(|it| it.is_answered());
            let ours = answered.filter(|it| (it.arrival.at >= STRIKES_AT) == is_after);
            let mut heads: Vec<f64> = ours.map(|it| it.head_at - it.arrival.at).collect();
            heads.sort_by(f64::total_cmp);
            quantile(&heads, 0.99)
        };
        self.heads = (heads(false), heads(true));
        let arrivals: Vec<_> = observed.seen.iter().map(|it| it.arrival).collect();
        let least = all_knowing::waits(&arrivals, &forecast.shares());
        self.waits_all_knowing = quantile(&least, 0.99);
    }

    fn refusals(&mut self, observed: &Observed) {
        let turned_away = observed.seen.iter().filter(|it| is_turned_away(it));
        let mut early: Vec<f64> = turned_away
            .map(|it| it.ended_at - it.arrival.at)
            .filter(|took| *took < PATIENCE_SECS - AT_ONCE_SECS)
            .collect();
        early.sort_by(f64::total_cmp);
        self.late_refusals = early.iter().filter(|took| **took > AT_ONCE_SECS).count();
        self.refused_after = quantile(&early, 0.99);
        let until_head = observed.seen.iter().map(|it| it.head_at - it.arrival.at);
        self.longest = until_head.fold(0.0, f64::max);
    }

    fn rates(&mut self, forecast: &Forecast, observed: &Observed) {
        let ledger = &observed.ledger;
        let settled = ledger.between(SETTLED_AT, observed.secs);
        self.used = settled
            .taken
            .iter()
            .zip(forecast.refill())
            .map(|(taken, refill)| taken / (refill * settled.at))
            .fold(0.0, f64::max);
        let all = ledger.between(0.0, f64::INFINITY);
        self.refused_upstream = 1e3 * all.refused / all.requests.max(1.0);
        let Some((from, until)) = forecast.storm() else {
            return;
        };
        let came = observed
            .seen
            .iter()
            .filter(|it| (from..until).contains(&it.arrival.at));
        self.upstream_in_storm = ledger.between(from, until).requests / came.count().max(1) as f64;
        let rate = |entry: Entry| entry.taken[0] / entry.at;
        self.recovery = (
            rate(ledger.between(SETTLED_AT, STRIKES_AT)),
            rate(ledger.between(until, until + 1.0)),
            rate(ledger.between(until + 1.0, until + 2.0)),
        );
    }
}

impl Seen {
    fn is_answered(&self) -> bool {
        self.ending == Ending::Answered
    }
}

/// Refused because its turn would not have come within its patience, or because the room is full.
/// An overloaded provider is no such reason.
fn is_turned_away(seen: &Seen) -> bool {
    matches!(&seen.ending, Ending::Refused(429 | 529, why)
        if why.contains("budget for") || why.contains("are waiting already"))
}

/// What the modest tenants got, as a share of the least of their fair share and what they asked.
fn fairness(forecast: &Forecast, observed: &Observed) -> f64 {
    let tenants = forecast.loads.len();
    let span = SETTLED_AT..observed.secs;
    let fair = forecast.capacity_per_sec() / tenants as f64 * (observed.secs - SETTLED_AT);
    let got = |tenant: usize| {
        let of_tenant = || {
            observed
                .seen
                .iter()
                .filter(move |it| it.arrival.tenant == tenant)
        };
        let asked = of_tenant().filter(|it| span.contains(&it.arrival.at));
        let begun = |it: &&Seen| span.contains(&(it.arrival.at + it.waited));
        let answered = of_tenant().filter(|it| it.is_answered()).filter(begun);
        answered.count() as f64 / fair.min(asked.count() as f64).max(1.0)
    };
    (1..tenants).map(got).fold(f64::INFINITY, f64::min)
}

fn in_words(ending: &Ending) -> String {
    match ending {
        Ending::Refused(status, why) => {
            // Seconds differ from refusal to refusal.
            let why = why.split(';').next().unwrap_or(why);
            format!("{status}: {why}")
        }
        Ending::Lost(why) => format!("no answer: {why}"),
        other => format!("{other:?}"),
    }
}

/// The value that a share of `sorted` does not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    let found = sorted.get((last * share).round() as usize);
    found.copied().unwrap_or(0.0)
}
