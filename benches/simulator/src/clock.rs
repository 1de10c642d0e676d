//! The gateways' clocks, which weather may make wrong.

use keyweir_policy::terms::time::Time;

use crate::scenario::Scenario;
use crate::weather::Weather;

/// What a gateway's clock shows at the start: late enough for it to jump back.
const CLOCK_START_SECS: f64 = 1_000.0;
/// What the gateways' clocks show at a moment of the world.
pub(crate) fn clock(scenario: &Scenario, now: f64) -> Time {
    let shown = |shown: f64, weather: &Weather| match *weather {
        Weather::ClockJump { at, by } if now >= at => shown + by,
        Weather::ClockDrift { by } => shown + now * by,
        _ => shown,
    };
    let secs = scenario.weather.iter().fold(CLOCK_START_SECS + now, shown);
    Time::ZERO.after_secs(secs)
}
