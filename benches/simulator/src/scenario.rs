//! What a simulated world is made of.

use keyweir_policy::pool::spec::PoolSpec;
use keyweir_policy::quota::budget::Charging;
use keyweir_policy::terms::request::Priority;

use crate::account::AccountWorld;
use crate::beyond::Beyond;
use crate::taken::Taken;
use crate::told::Told;
use crate::traffic::{Arrival, Shape};
use crate::weather::Weather;

/// A world, and how long to watch it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What the first provider has.
    pub accounts: Vec<AccountWorld>,
    /// Who asks, in the order of their handles.
    pub tenants: Vec<TenantTraffic>,
    /// How many requests come, over all tenants.
    pub demand: Demand,
    /// How arrivals spread over time.
    pub shape: Shape,
    /// How big requests are.
    pub sizes: Sizes,
    /// How long things take.
    pub latency: Latency,
    /// What goes wrong at the first provider, and with the gateways' clocks.
    pub weather: Vec<Weather>,
    /// Gateways that share the traffic.
    pub replicas: usize,
    /// How often they tell one another what they take, in seconds; `None`: they know nothing of each
    /// other.
    pub exchange_secs: Option<f64>,
    /// How many gateways each of them believes that there are.
    pub replicas_told: u32,
    /// Seconds of arrivals; the run goes on until all are answered.
    pub duration_secs: f64,
    /// How long a request waits.
    pub patience_secs: f64,
    /// After how long the gateway gives up a stream that has fallen silent.
    pub idle_secs: f64,
    /// The first provider's pool as a policy file makes it; `None`: one that knows nothing but its
    /// keys.
    pub pool: Option<PoolSpec>,
    /// The models that are asked for; arrivals that are drawn here all ask for the first.
    pub models: Vec<String>,
    /// The clients' cap on output; where arrivals are given, the mean of theirs.
    pub output_max: Option<u64>,
    /// The arrivals, in order, where they are not to be drawn from demand, shape and sizes. Sizes
    /// are to be their means then.
    pub arrivals: Option<Vec<Arrival>>,
    /// When a response's headers are made.
    pub snapshot_taken: SnapshotTaken,
    /// What the first provider's headers say, and how; `None`: all of it, as the dialect means it.
    pub told: Option<Told>,
    /// Further providers, fallbacks to them, and requests that must go to one account.
    pub beyond: Beyond,
    /// Everything random follows from it.
    pub seed: u64,
}

/// How many requests come, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Demand {
    /// As a share of what the accounts can take.
    OfCapacity(f64),
    /// Per second.
    PerSecond(f64),
}

/// One tenant's part of the traffic.
#[derive(Clone, Debug)]
pub struct TenantTraffic {
    /// Its share of all arrivals, relative to the others'.
    pub share: f64,
    /// Its weight in the policy.
    pub weight: f64,
    /// The class its requests wait in.
    pub priority: Priority,
    /// How long its requests wait, where that is not the scenario's.
    pub patience_secs: Option<f64>,
}

impl TenantTraffic {
    /// A tenant like any other, with this share of the arrivals.
    pub const fn with_share(share: f64) -> Self {
        Self {
            share,
            weight: 1.0,
            priority: Priority::Normal,
            patience_secs: None,
        }
    }
}

/// Sizes of requests, in tokens; each is drawn between half and one and a half of the mean.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Mean input.
    pub input: f64,
    /// Mean output.
    pub output: f64,
}

/// How long things take, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// One way between gateway and provider, at least and at most.
    pub network: (f64, f64),
    /// From admission to the head of the answer, at least and at most.
    pub first_token: (f64, f64),
    /// Per output token.
    pub per_token: f64,
}

/// When a response's headers are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotTaken {
    /// When the request is admitted.
    AtAdmission,
    /// When the answer's head is sent.
    AtHead,
    /// Never: the provider sends no budget headers.
    Never,
}

impl Scenario {
    /// Eight keys in five accounts with limits up to ten times apart, steady traffic.
    pub fn standard(seed: u64) -> Self {
        let account = |keys, rpm: f64| AccountWorld {
            keys,
            rpm,
            itpm: rpm * 2_000.0,
            otpm: rpm * 400.0,
            tpm: 0.0,
            burst_secs: 3.0,
            foreign: 0.0,
        };
        Self {
            accounts: vec![
                account(2, 4000.0),
                account(2, 2000.0),
                account(2, 1000.0),
                account(1, 600.0),
                account(1, 400.0),
            ],
            tenants: vec![TenantTraffic::with_share(1.0)],
            demand: Demand::OfCapacity(0.95),
            shape: Shape::Steady,
            sizes: Sizes {
                input: 1000.0,
                output: 100.0,
            },
            latency: Latency {
                network: (0.0005, 0.002),
                first_token: (0.2, 0.5),
                per_token: 0.005,
            },
            weather: Vec::new(),
            replicas: 1,
            exchange_secs: None,
            replicas_told: 1,
            duration_secs: 60.0,
            patience_secs: 30.0,
            idle_secs: 5.0,
            pool: None,
            models: vec!["claude-sonnet-4-5".to_owned()],
            output_max: Some(4096),
            arrivals: None,
            snapshot_taken: SnapshotTaken::AtAdmission,
            told: None,
            beyond: Beyond::default(),
            seed,
        }
    }

    /// Requests per second that the first provider's accounts can take of these sizes, others' use
    /// left out.
    pub fn capacity_per_sec(&self) -> f64 {
        let need = self.taken(self.sizes.input, self.sizes.output).total();
        self.accounts
            .iter()
            .map(|account| {
                account
                    .limits()
                    .iter()
                    .zip(need)
                    .filter(|(limit, need)| **limit > 0.0 && *need > 0.0)
                    .map(|(limit, need)| limit * (1.0 - account.foreign) / 60.0 / need)
                    .fold(f64::INFINITY, f64::min)
            })
            .sum()
    }

    /// Requests per second that come on average.
    pub fn demand_per_sec(&self) -> f64 {
        match self.demand {
            Demand::OfCapacity(share) => share * self.capacity_per_sec(),
            Demand::PerSecond(rate) => rate,
        }
    }

    /// How the provider charges.
    pub fn charging(&self) -> Charging {
        self.pool
            .as_ref()
            .map_or(Charging::AsProduced, PoolSpec::charging)
    }

    /// What a request of these tokens takes of an account.
    pub fn taken(&self, input: f64, output: f64) -> Taken {
        Taken::of(self.charging(), input, output, self.output_max)
    }

    /// What a request takes of an account.
    pub fn taken_by(&self, arrival: &Arrival) -> Taken {
        Taken::of(
            self.charging(),
            arrival.input,
            arrival.output,
            arrival.output_max,
        )
    }

    /// How long requests of a tenant wait.
    pub fn patience_of(&self, tenant: usize) -> f64 {
        self.tenants[tenant]
            .patience_secs
            .unwrap_or(self.patience_secs)
    }
}
