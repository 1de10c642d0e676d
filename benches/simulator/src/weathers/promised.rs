//! The first table: what is promised.

use super::preset::{Preset, preset};
use super::worlds::*;
use crate::bounds::Bounds;
use crate::scenario::{Scenario, SnapshotTaken};

/// The first table.
pub fn promised(seed: u64, snapshot_taken: SnapshotTaken) -> Vec<Preset> {
    let base = || Scenario {
        snapshot_taken,
        ..Scenario::standard(seed)
    };
    let mut presets = alone(&base);
    presets.extend(among_others(&base));
    presets
}

/// One gateway's whole pool.
fn alone(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    vec![
        preset(
            "95",
            "95 % of capacity",
            Bounds::all_answered(1.005).waits(),
            base(),
        ),
        preset(
            "150",
            "150 % of capacity",
            Bounds::overrun(1.02).at_once(),
            overrun(base()),
        ),
        preset(
            "burst",
            "ten-fold burst for 3 s at 50 %",
            Bounds::answered(0.995, 1.02),
            burst(base()),
        ),
        preset(
            "input",
            "input-bound, 95 %",
            Bounds::all_answered(1.02),
            sized(INPUT_BOUND, base()),
        ),
        preset(
            "output",
            "output-bound, 95 %",
            Bounds::all_answered(1.02),
            sized(OUTPUT_BOUND, base()),
        ),
        preset(
            "sick",
            "a key revoked, one out of credit, one always 429 without headers, at 60 %",
            Bounds::answered(0.999, 1.05),
            sick(base()),
        ),
        preset(
            "storm",
            "90 % of answers 529 for 10 s at 50 %",
            Bounds::answered(0.99, 1.3).storm(),
            storm(0.9, base()),
        ),
        preset(
            "streams",
            "resets, error events, broken and silent streams, 60 %",
            Bounds::answered(0.999, 1.2).streams(),
            streams(base()),
        ),
    ]
}

/// A pool that others use too.
fn among_others(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    vec![
        preset(
            "foreign",
            "half of the largest account used by somebody else, 95 % of the rest",
            Bounds::answered(0.999, 1.03),
            foreign(base()),
        ),
        preset(
            "flood",
            "three tenants, one asking for ten times its share",
            Bounds::overrun(1.02).fair(0.97),
            flood(base()),
        ),
        preset(
            "2 replicas",
            "2 replicas without a store, 95 %",
            Bounds::answered(0.99, 1.05),
            replicas(2, base()),
        ),
        preset(
            "4 replicas",
            "4 replicas without a store, 95 %",
            Bounds::answered(0.99, 1.05),
            replicas(4, base()),
        ),
    ]
}
