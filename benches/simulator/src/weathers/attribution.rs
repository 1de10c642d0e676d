//! Worlds in which it is hard to tell whose fault it is: requests that no key can serve, keys that are
//! sick beside well ones of their account, pools of a single key.

use super::preset::{Preset, preset};
use super::worlds::*;
use crate::bounds::Bounds;
use crate::scenario::{Demand, Scenario};
use crate::weather::{Poison, Weather};

/// The share of requests that are poison, where some are: one in fifty is more than any client's
/// mistakes, and enough to take every key out many times over if each charged what it met.
const POISONED: f64 = 0.02;
/// What others wait beside them: nothing that anybody notices.
const UNDISTURBED_SECS: f64 = 0.1;
/// What they may wait where an account of one key rests after a refusal that nothing explains: it may
/// well be true.
const RESTED_SECS: f64 = 0.5;

pub(super) fn attribution(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    let mut presets: Vec<Preset> = [
        (
            "poison 500",
            "are answered with 500, whoever is asked",
            Poison::Broken,
        ),
        (
            "poison 529",
            "are answered with 529, whoever is asked",
            Poison::Overloaded,
        ),
        (
            "poison 401",
            "are told that the key is wrong, whichever it is",
            Poison::Rejected,
        ),
        (
            "poison 402",
            "are told that there is no money, whoever is asked",
            Poison::Poor,
        ),
        (
            "poison 429",
            "are refused without a reason, whoever is asked",
            Poison::Refused,
        ),
    ]
    .into_iter()
    .map(|(name, what, poison)| {
        // All others are answered, and a poison request has its attempts and no more.
        let attempts = 1.0 + 9.0 * POISONED;
        let others = 1.0 - 1.5 * POISONED;
        let share = POISONED;
        let wait = match poison {
            Poison::Refused => RESTED_SECS,
            _ => UNDISTURBED_SECS,
        };
        preset(
            name,
            what,
            Bounds::answered(others, attempts).waiting(wait),
            weathered(0.6, Weather::Poison { share, poison }, base()),
        )
    })
    .collect();
    presets.push(preset(
        "sick key",
        "one of three keys of the largest account always 429 without headers, 60 %",
        Bounds::answered(0.999, 1.02).waiting(UNDISTURBED_SECS),
        sick_key(base()),
    ));
    presets.push(preset(
        "one key down",
        "a single key, no connection for 20 s, 30 %, patience 30 s",
        // Whoever came in the outage is held until its end, and served then.
        Bounds::answered(0.97, 1.3),
        weathered(
            0.3,
            Weather::Unreachable {
                from: 20.0,
                until: 40.0,
            },
            lasting(90.0, one_key(base())),
        ),
    ));
    presets
}

fn weathered(demand: f64, weather: Weather, scenario: Scenario) -> Scenario {
    Scenario {
        demand: Demand::OfCapacity(demand),
        weather: vec![weather],
        ..scenario
    }
}

fn sick_key(mut scenario: Scenario) -> Scenario {
    scenario.accounts[0].keys = 3;
    weathered(0.6, Weather::AlwaysRefused { key: 1 }, scenario)
}
