//! What is done to an ordinary world to make another of it.

use crate::bounds::STORM;
use crate::scenario::{Demand, Latency, Scenario, Sizes, TenantTraffic};
use crate::traffic::Shape;
use crate::weather::Weather;

pub(super) const INPUT_BOUND: Sizes = Sizes {
    input: 6000.0,
    output: 20.0,
};
pub(super) const OUTPUT_BOUND: Sizes = Sizes {
    input: 200.0,
    output: 1500.0,
};

pub(super) fn lasting(duration_secs: f64, scenario: Scenario) -> Scenario {
    Scenario {
        duration_secs,
        ..scenario
    }
}

pub(super) fn overrun(scenario: Scenario) -> Scenario {
    Scenario {
        demand: Demand::OfCapacity(1.5),
        ..lasting(90.0, scenario)
    }
}

pub(super) fn burst(scenario: Scenario) -> Scenario {
    Scenario {
        demand: Demand::OfCapacity(0.5),
        shape: Shape::Burst {
            factor: 10.0,
            from: 20.0,
            until: 23.0,
        },
        ..scenario
    }
}

pub(super) fn sized(sizes: Sizes, scenario: Scenario) -> Scenario {
    Scenario { sizes, ..scenario }
}

pub(super) fn sick(scenario: Scenario) -> Scenario {
    Scenario {
        demand: Demand::OfCapacity(0.6),
        weather: vec![
            Weather::Revoked { key: 1, from: 10.0 },
            Weather::OutOfMoney {
                account: 2,
                from: 10.0,
            },
            Weather::AlwaysRefused { key: 6 },
        ],
        ..scenario
    }
}

pub(super) fn storm(share: f64, scenario: Scenario) -> Scenario {
    let (from, until) = STORM;
    Scenario {
        demand: Demand::OfCapacity(0.5),
        weather: vec![Weather::Overloaded { share, from, until }],
        ..scenario
    }
}

pub(super) fn streams(scenario: Scenario) -> Scenario {
    Scenario {
        demand: Demand::OfCapacity(0.6),
        weather: vec![
            Weather::Reset { share: 0.03 },
            Weather::ErrorEvent { share: 0.03 },
            Weather::Cut { share: 0.02 },
            Weather::Stall { share: 0.02 },
        ],
        ..scenario
    }
}

pub(super) fn foreign(mut scenario: Scenario) -> Scenario {
    scenario.accounts[0].foreign = 0.5;
    scenario
}

pub(super) fn flood(scenario: Scenario) -> Scenario {
    Scenario {
        demand: Demand::OfCapacity(3.0),
        tenants: [10.0, 1.0, 1.0].map(TenantTraffic::with_share).to_vec(),
        ..scenario
    }
}

pub(super) fn replicas(replicas: usize, scenario: Scenario) -> Scenario {
    Scenario {
        replicas,
        ..scenario
    }
}

/// Gateways that tell one another what they take.
pub(super) fn exchanging(scenario: Scenario) -> Scenario {
    Scenario {
        exchange_secs: Some(0.1),
        ..scenario
    }
}

pub(super) fn long(scenario: Scenario) -> Scenario {
    Scenario {
        latency: Latency {
            network: (0.03, 0.15),
            first_token: (1.0, 4.0),
            per_token: 0.02,
        },
        ..lasting(120.0, scenario)
    }
}

/// Answers that begin after 5 to 60 s.
pub(super) fn very_long(scenario: Scenario) -> Scenario {
    Scenario {
        latency: Latency {
            network: (0.03, 0.15),
            first_token: (5.0, 60.0),
            per_token: 0.02,
        },
        ..scenario
    }
}

pub(super) fn mixed(scenario: Scenario) -> Scenario {
    let mut scenario = Scenario {
        demand: Demand::PerSecond(8.0),
        ..lasting(20.0, scenario)
    };
    let bursts = [1.0, 60.0, 3.0, 1.0, 3.0];
    for (account, burst_secs) in scenario.accounts.iter_mut().zip(bursts) {
        account.rpm = 60.0;
        account.burst_secs = burst_secs;
    }
    scenario
}

pub(super) fn scaled(by: f64, burst_secs: f64, mut scenario: Scenario) -> Scenario {
    for account in &mut scenario.accounts {
        account.rpm *= by;
        account.itpm *= by;
        account.otpm *= by;
        account.burst_secs = burst_secs;
    }
    scenario
}

pub(super) fn apart(mut scenario: Scenario) -> Scenario {
    let factors = [2.0, 1.0, 0.2, 0.1, 0.05];
    for (account, factor) in scenario.accounts.iter_mut().zip(factors) {
        account.rpm *= factor;
        account.itpm *= factor;
        account.otpm *= factor;
    }
    scenario
}

pub(super) fn one_key(mut scenario: Scenario) -> Scenario {
    scenario.accounts.truncate(1);
    scenario.accounts[0].keys = 1;
    scenario
}
