//! The second table: harder worlds, in which nothing may break, leak or run away.

use keyweir_policy::terms::request::Priority;

use super::attribution::attribution;
use super::declared::declared;
use super::preset::{Preset, preset};
use super::worlds::*;
use crate::bounds::Bounds;
use crate::scenario::{Demand, Scenario, SnapshotTaken, TenantTraffic};
use crate::traffic::Shape;
use crate::weather::{Lie, Weather};

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

fn liars(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    let liars = [
        (
            "lie above",
            "headers: ten times the limit left",
            Lie::RemainingAboveLimit,
        ),
        (
            "lie past",
            "headers: every reset an hour ago",
            Lie::ResetInThePast,
        ),
        (
            "lie absurd",
            "headers: beyond any number, below zero, the year 9999",
            Lie::Absurd,
        ),
        (
            "lie missing",
            "headers: each missing half of the time",
            Lie::Missing,
        ),
        (
            "lie minute",
            "headers show a bucket of a minute, 3 s are enforced",
            Lie::MinuteScale,
        ),
        (
            "lie nothing",
            "headers: nothing is ever left",
            Lie::NothingLeft,
        ),
        (
            "lie full",
            "headers: all of the limit is always left",
            Lie::AllLeft,
        ),
        ("lie one", "headers: limits of one", Lie::LimitOfOne),
        (
            "lie tenth",
            "headers: a tenth of the limit, and of what is left",
            Lie::Tenth,
        ),
        (
            "lie far",
            "headers: every reset an hour ahead",
            Lie::ResetFarAhead,
        ),
        (
            "lie tenfold",
            "headers: ten times the limit, and what is left",
            Lie::Tenfold,
        ),
        (
            "lie random",
            "headers: what is left is drawn at random",
            Lie::RandomLeft,
        ),
    ];
    let preset_of = |(name, what, lie)| {
        let bounds = match lie {
            // What they tell holds everything back until it is found out.
            Lie::LimitOfOne => Bounds::answered(0.96, 1.1),
            Lie::Tenth => Bounds::answered(0.98, 1.4),
            _ => Bounds::answered(0.99, 1.1),
        };
        let weather = vec![Weather::Lies(lie)];
        preset(name, what, bounds, Scenario { weather, ..base() })
    };
    liars.map(preset_of).to_vec()
}

fn clocks(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    let jump = |by| Scenario {
        weather: vec![Weather::ClockJump { at: 30.0, by }],
        ..base()
    };
    let drift = |by| Scenario {
        weather: vec![Weather::ClockDrift { by }],
        ..base()
    };
    let steady = Bounds::answered(0.99, 1.1);
    vec![
        preset(
            "clock ahead",
            "the gateway's clock jumps 20 s ahead",
            steady,
            jump(20.0),
        ),
        preset(
            "clock back",
            "the gateway's clock jumps 20 s back",
            steady,
            jump(-20.0),
        ),
        preset(
            "clock fast",
            "the gateway's clock runs 2 % fast",
            steady,
            drift(0.02),
        ),
        preset(
            "clock slow",
            "the gateway's clock runs 2 % slow",
            steady,
            drift(-0.02),
        ),
    ]
}
