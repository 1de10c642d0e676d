//! The all-knowing scheduler: the same arrivals, served by someone who sees every bucket as the
//! provider keeps it, knows each request's tokens beforehand and when every fault begins and ends.
//!
//! It goes by arrival: each request starts at the earliest moment at which some account has room,
//! on that account, and is refused if that is beyond its patience. Output is charged over the time
//! it is produced in, so the output bucket may be overdrawn at admission by what flows in
//! meanwhile.

use keyweir_policy::terms::amount::Dimension;

use crate::account::StrictBucket;
use crate::scenario::{AccountWorld, Scenario};
use crate::taken::Amounts;
use crate::traffic::Arrival;
use crate::weather::Weather;

/// What was to be had.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// Requests served.
    pub served: usize,
    /// Seconds each of them waited, sorted.
    pub waits: Vec<f64>,
}

/// Serves `arrivals` knowing everything.
pub fn serve(scenario: &Scenario, arrivals: &[Arrival]) -> Reached {
    let mut accounts: Vec<Buckets> = scenario
        .accounts
        .iter()
        .map(|account| Buckets::of(scenario, account))
        .collect();
    let of_model = |model| (0..scenario.accounts.len()).map(move |at| scenario.serves(at, model));
    let serving: Vec<Vec<bool>> = (0..scenario.models.len())
        .map(|model| of_model(model).collect())
        .collect();
    let mut reached = Reached::default();
    for arrival in arrivals {
        let from = after_storms(scenario, arrival.at);
        let needs = scenario.taken_by(arrival).total();
        let best = accounts
            .iter_mut()
            .enumerate()
            .filter(|(index, _)| serving[arrival.model][*index])
            .filter(|(index, _)| serves(scenario, *index, from))
            .map(|(index, account)| (account.earliest(from, &needs), index))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let Some((start, index)) = best else { continue };
        if start - arrival.at > scenario.patience_of(arrival.tenant) {
            continue;
        }
        accounts[index].take(start, &needs);
        reached.served += 1;
        reached.waits.push(start - arrival.at);
    }
    reached.waits.sort_by(f64::total_cmp);
    reached
}

/// Buckets of one account, from which the future may be taken: levels are kept as of the latest
/// start.
struct Buckets([StrictBucket; Dimension::COUNT]);

impl Buckets {
    fn of(scenario: &Scenario, account: &AccountWorld) -> Self {
        let sizes = &scenario.sizes;
        let taken = scenario.taken(sizes.input, sizes.output);
        let production = scenario.latency.first_token.1
            + scenario.latency.per_token * scenario.sizes.output / 2.0;
        let limits = account.limits();
        Self(std::array::from_fn(|index| {
            // Half of the mean output is produced after half of the time that production takes.
            let is_produced = taken.by_and_by[index] > 0.0;
            let slack = if is_produced { production } else { 0.0 };
            StrictBucket::new(limits[index], account.burst_secs + slack, account.foreign)
        }))
    }

    fn earliest(&mut self, from: f64, needs: &Amounts) -> f64 {
        let wait = |(bucket, need): (&mut StrictBucket, &f64)| bucket.start_for(from, *need);
        self.0.iter_mut().zip(needs).map(wait).fold(from, f64::max)
    }

    fn take(&mut self, at: f64, needs: &Amounts) {
        for (bucket, need) in self.0.iter_mut().zip(needs) {
            bucket.take(at, *need);
        }
    }
}

/// Whether any key of the account works at `at`.
fn serves(scenario: &Scenario, account: usize, at: f64) -> bool {
    if scenario.weather.is_empty() {
        // Spares counting keys, which takes long where accounts are many.
        return scenario.accounts[account].keys > 0;
    }
    let dead = |key: usize| {
        scenario.weather.iter().any(|weather| match *weather {
            Weather::Revoked { key: it, from } => it == key && at >= from,
            Weather::AlwaysRefused { key: it } => it == key,
            _ => false,
        })
    };
    let broke = scenario.weather.iter().any(|weather| {
        matches!(*weather, Weather::OutOfMoney { account: it, from } if it == account && at >= from)
    });
    let first: usize = scenario.accounts[..account].iter().map(|it| it.keys).sum();
    !broke && (first..first + scenario.accounts[account].keys).any(|key| !dead(key))
}

/// It waits out what it knows will fail.
fn after_storms(scenario: &Scenario, at: f64) -> f64 {
    scenario
        .weather
        .iter()
        .fold(at, |at, weather| match *weather {
            Weather::Overloaded {
                share, from, until, ..
            } if share > 0.5 && (from..until).contains(&at) => until,
            _ => at,
        })
}
