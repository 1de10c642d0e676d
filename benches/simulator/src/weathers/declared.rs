//! Gateways that have only the policy's limits to go by, and know how many they are or believe to be
//! alone.

use keyweir_policy::pool::spec::{LimitScope, LimitSpec};

use super::preset::{Preset, preset};
use super::worlds::{exchanging, replicas, scaled};
use crate::bounds::Bounds;
use crate::scenario::{Scenario, SnapshotTaken};
use crate::site::Site;

pub(super) fn declared(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    vec![
        preset(
            "declared",
            "4 replicas, limits that only the policy tells, no headers",
            Bounds::answered(0.9, 4.0),
            silent(replicas(4, base())),
        ),
        preset(
            "declared told",
            "4 replicas that know how many they are, else as before",
            Bounds::answered(0.995, 1.05),
            told(silent(replicas(4, base()))),
        ),
        preset(
            "declared 1 s",
            "4 replicas, limits that only the policy tells, buckets of 1 s",
            Bounds::answered(0.9, 4.0),
            silent(replicas(4, scaled(1.0, 1.0, base()))),
        ),
        preset(
            "declared 1 s told",
            "4 replicas that know how many they are, else as before",
            Bounds::answered(0.995, 1.05),
            told(silent(replicas(4, scaled(1.0, 1.0, base())))),
        ),
        preset(
            "declared exchange",
            "4 replicas that tell one another what they take, else as before",
            Bounds::answered(0.999, 1.01),
            exchanging(silent(replicas(4, scaled(1.0, 1.0, base())))),
        ),
    ]
}

/// The same, where each gateway knows how many there are.
fn told(scenario: Scenario) -> Scenario {
    Scenario {
        replicas_told: scenario.replicas as u32,
        ..scenario
    }
}

/// A provider that tells nothing, and a policy that declares its limits.
fn silent(scenario: Scenario) -> Scenario {
    Scenario {
        snapshot_taken: SnapshotTaken::Never,
        ..declaring(scenario)
    }
}

/// The same, with a policy that declares all of the first provider's limits.
pub(crate) fn declaring(scenario: Scenario) -> Scenario {
    let mut pool = Site::all(&scenario)[0].pool_spec(0);
    for (id, account) in pool.accounts.iter_mut() {
        let world = &scenario.accounts[id.index()];
        let per_minute = |limit: f64| (limit > 0.0).then_some(limit as u64);
        account.limits = vec![LimitSpec {
            scope: LimitScope::EveryGroup,
            per_minute: world.limits().map(per_minute),
            burst_secs: Some(world.burst_secs),
        }];
    }
    Scenario {
        pool: Some(pool),
        ..scenario
    }
}
