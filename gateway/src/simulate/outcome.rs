//! What became of the traffic in each case, in figures.

use keyweir_policy::terms::amount::Dimension;
use serde::{Serialize, Serializer};

use super::curves::Curves;

/// All that was found out.
#[derive(Debug, Serialize)]
pub(super) struct Simulation {
    /// Everything random followed from it.
    pub(super) seed: u64,
    /// For how long requests came.
    pub(super) minutes: u64,
    /// What is to be known of what was simulated, and what could not be.
    pub(super) notes: Vec<String>,
    /// The policy as it is, then each what-if.
    pub(super) cases: Vec<Outcome>,
}

/// One case, for the plot as well as for the tables.
pub(super) struct Simulated {
    pub(super) outcome: Outcome,
    /// Per part: its name, and what it looked like over time.
    pub(super) curves: Vec<(String, Curves)>,
}

/// The figures of one case.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Outcome {
    /// What was different.
    pub(super) case: String,
    /// What it comes to, in words.
    pub(super) verdict: String,
    pub(super) requests: usize,
    pub(super) answered: usize,
    pub(super) refused: usize,
    /// Share of requests that were answered.
    pub(super) success: f64,
    /// Answers as a share of those that a scheduler which knows everything beforehand would give.
    pub(super) of_all_knowing: f64,
    pub(super) upstream_per_request: f64,
    /// 429s of the provider per thousand requests sent to it.
    pub(super) rate_limited_per_thousand: f64,
    pub(super) wait_secs: Waits,
    /// Empty where the policy has no tenants.
    pub(super) tenants: Vec<TenantOutcome>,
    /// What was asked of each dimension beside what is declared.
    pub(super) demand: Vec<Demanded>,
    /// What was used of each account's limits.
    pub(super) budgets: Vec<Budget>,
    /// The one that was fullest.
    pub(super) bottleneck: Option<Budget>,
}

/// How long answered requests waited.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Waits {
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
}

/// What became of one tenant's requests.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TenantOutcome {
    pub(super) tenant: String,
    pub(super) requests: usize,
    pub(super) answered: usize,
    pub(super) success: f64,
    pub(super) wait_secs: Waits,
}

/// What a model group was asked for in one dimension, by the minute.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Demanded {
    pub(super) provider: String,
    pub(super) group: String,
    #[serde(serialize_with = "name")]
    pub(super) dimension: Dimension,
    pub(super) mean_per_minute: f64,
    pub(super) busiest_minute: f64,
    /// The limits of all accounts together; `None`: some account has none.
    pub(super) declared_per_minute: Option<f64>,
}

/// What was used of one account's limit for a model group in one dimension.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Budget {
    pub(super) provider: String,
    pub(super) group: String,
    pub(super) account: String,
    #[serde(serialize_with = "name")]
    pub(super) dimension: Dimension,
    pub(super) limit_per_minute: f64,
    /// Mean share of the limit; more than all of it where the bucket's first fill was used too.
    pub(super) used: f64,
    /// The same in the minute in which most was used.
    pub(super) used_in_busiest_minute: f64,
}

impl Waits {
    /// Of these waits, in any order.
    pub(super) fn of(mut waits: Vec<f64>) -> Self {
        waits.sort_by(f64::total_cmp);
        let last = waits.len().saturating_sub(1) as f64;
        let at = |quantile: f64| {
            let found = waits.get((last * quantile).round() as usize);
            found.copied().unwrap_or_default()
        };
        Self {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
        }
    }
}

fn name<S: Serializer>(dimension: &Dimension, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(dimension.as_str())
}
