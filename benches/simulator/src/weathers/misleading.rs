//! Worlds in which the gateway is told what is not so: by a provider's headers, or by its own clock.

use super::preset::{Preset, preset};
use crate::bounds::Bounds;
use crate::scenario::Scenario;
use crate::weather::{Lie, Weather};

/// What headers say is not so.
pub(super) fn liars(base: &impl Fn() -> Scenario) -> Vec<Preset> {
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

/// The gateway's clock is not the provider's.
pub(super) fn clocks(base: &impl Fn() -> Scenario) -> Vec<Preset> {
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
