//! The second table: harder worlds, in which nothing may break, leak or run away.

use keyweir_policy::terms::request::Priority;

use super::attribution::attribution;
use super::declared::declared;
use super::misleading::{clocks, liars};
use super::preset::{Preset, preset};
use super::worlds::*;
use crate::bounds::Bounds;
use crate::scenario::{Demand, Scenario, SnapshotTaken, TenantTraffic};
use crate::traffic::Shape;
use crate::weather::Weather;

/// The second table.
pub fn harder(seed: u64, snapshot_taken: SnapshotTaken) -> Vec<Preset> {
    let base = || Scenario {
        snapshot_taken,
        ..Scenario::standard(seed)
    };
    let mut presets = other_bursts(&base);
    presets.extend(other_pools(&base));
    presets.extend(breakdowns(&base));
    presets.extend(long_answers(&base));
    presets.extend(many_sides(&base));
    presets.extend(declared(&base));
    presets.extend(liars(&base));
    presets.extend(clocks(&base));
    presets.extend(attribution(&base));
    presets
}

fn other_bursts(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    let steady = Bounds::answered(0.99, 1.05);
    vec![
        preset(
            "burst 1 s",
            "buckets of 1 s",
            steady,
            scaled(1.0, 1.0, base()),
        ),
        preset(
            "burst 10 s",
            "buckets of 10 s",
            steady,
            scaled(1.0, 10.0, base()),
        ),
        preset(
            "mixed bursts",
            "small accounts, one of which saves up a minute's refill and others a second's",
            Bounds::answered(1.0, 1.02),
            mixed(base()),
        ),
        preset(
            "burst 60 s",
            "buckets of a minute",
            steady,
            scaled(1.0, 60.0, base()),
        ),
        preset(
            "small",
            "a twentieth of the limits",
            steady,
            lasting(300.0, scaled(0.05, 3.0, base())),
        ),
        preset(
            "large",
            "ten times the limits",
            steady,
            lasting(20.0, scaled(10.0, 3.0, base())),
        ),
    ]
}

fn other_pools(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    let steady = Bounds::answered(0.99, 1.05);
    let over = Bounds::overrun(1.05);
    vec![
        preset("one key", "a single key", steady, one_key(base())),
        preset(
            "no headers",
            "no budget headers at all",
            Bounds::answered(0.99, 1.1),
            Scenario {
                snapshot_taken: SnapshotTaken::Never,
                ..lasting(120.0, base())
            },
        ),
        preset(
            "input 150",
            "input-bound, 150 %",
            over,
            overrun(sized(INPUT_BOUND, base())),
        ),
        preset(
            "output 150",
            "output-bound, 150 %",
            Bounds {
                goodput_min: Some(0.97),
                ..over
            },
            overrun(sized(OUTPUT_BOUND, base())),
        ),
        preset(
            "replicas 150",
            "4 replicas, 150 %",
            over,
            overrun(replicas(4, base())),
        ),
    ]
}

fn breakdowns(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    vec![
        preset(
            "half dead",
            "half of the keys revoked at 10 s, 30 %",
            Bounds::answered(0.999, 1.05),
            Scenario {
                demand: Demand::OfCapacity(0.3),
                weather: (0..4)
                    .map(|key| Weather::Revoked { key, from: 10.0 })
                    .collect(),
                ..base()
            },
        ),
        preset(
            "whole storm",
            "every answer 529 for 10 s at 50 %",
            Bounds::answered(0.99, 1.3).storm(),
            storm(1.0, base()),
        ),
        preset(
            "small storm",
            "90 % of answers 529, a tenth of the limits",
            Bounds::answered(0.98, 1.5),
            storm(0.9, scaled(0.1, 3.0, base())),
        ),
        preset(
            "all greedy",
            "three tenants ask for 1.5, 3 and 6 times their share",
            Bounds::overrun(1.05).fair(0.97),
            Scenario {
                demand: Demand::OfCapacity(3.5),
                tenants: [1.0, 2.0, 4.0].map(TenantTraffic::with_share).to_vec(),
                ..base()
            },
        ),
    ]
}

fn long_answers(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    let steady = Bounds::answered(0.99, 1.05);
    let over = Bounds::overrun(1.05);
    vec![
        preset(
            "long",
            "slow network, slow answers, 95 %",
            steady,
            long(base()),
        ),
        preset("long 150", "the same at 150 %", over, overrun(long(base()))),
        preset(
            "long input",
            "the same, input-bound",
            steady,
            sized(INPUT_BOUND, long(base())),
        ),
        preset(
            "long output",
            "the same, output-bound",
            steady,
            sized(OUTPUT_BOUND, long(base())),
        ),
        preset(
            "long output 150",
            "the same at 150 %",
            Bounds {
                goodput_min: Some(0.97),
                ..over
            },
            overrun(sized(OUTPUT_BOUND, long(base()))),
        ),
        preset(
            "long replicas",
            "4 replicas, slow answers",
            steady,
            replicas(4, long(base())),
        ),
        preset(
            "long foreign",
            "slow answers, half of the largest account used by somebody else",
            steady,
            foreign(long(base())),
        ),
        preset(
            "long storm",
            "slow answers, 90 % of them 529 for 10 s",
            Bounds::answered(0.99, 1.3),
            storm(0.9, lasting(60.0, long(base()))),
        ),
        preset(
            "long burst",
            "slow answers, ten-fold burst",
            Bounds::answered(0.99, 1.05),
            burst(lasting(60.0, long(base()))),
        ),
    ]
}

/// Several gateways, several classes, and demand that swings.
fn many_sides(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    let steady = Bounds::answered(0.99, 1.05);
    vec![
        preset(
            "8 replicas",
            "8 replicas without a store, 95 %",
            steady,
            replicas(8, base()),
        ),
        preset(
            "replicas 1 s",
            "4 replicas, buckets of 1 s",
            steady,
            replicas(4, scaled(1.0, 1.0, base())),
        ),
        preset(
            "replicas 60 s",
            "4 replicas, buckets of a minute",
            steady,
            replicas(4, scaled(1.0, 60.0, base())),
        ),
        preset(
            "exchange 4",
            "4 replicas that tell one another what they take",
            Bounds::answered(0.999, 1.01),
            exchanging(replicas(4, base())),
        ),
        preset(
            "exchange 1 s",
            "the same, buckets of 1 s",
            Bounds::answered(0.999, 1.01),
            exchanging(replicas(4, scaled(1.0, 1.0, base()))),
        ),
        preset(
            "very long",
            "4 replicas, answers that begin after 5 to 60 s",
            // News of ten times the age of what the buckets hold.
            Bounds::answered(0.97, 1.1),
            very_long(replicas(4, lasting(180.0, base()))),
        ),
        preset(
            "apart",
            "limits a hundred times apart",
            steady,
            apart(base()),
        ),
        preset(
            "classes",
            "three tenants of high, normal and low priority, 120 %",
            Bounds::overrun(1.02),
            Scenario {
                demand: Demand::OfCapacity(1.2),
                tenants: [Priority::High, Priority::Normal, Priority::Low]
                    .map(|priority| TenantTraffic {
                        priority,
                        ..TenantTraffic::with_share(1.0)
                    })
                    .to_vec(),
                ..lasting(90.0, base())
            },
        ),
        preset(
            "day",
            "demand swings between nothing and 120 % within a minute",
            Bounds::answered(0.999, 1.01),
            Scenario {
                demand: Demand::OfCapacity(0.6),
                shape: Shape::Day { secs: 60.0 },
                ..lasting(120.0, base())
            },
        ),
    ]
}
