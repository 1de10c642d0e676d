//! The arrivals of a scenario: given, or drawn from its demand.

use std::borrow::Cow;

use crate::scenario::Scenario;
use crate::traffic::Arrival;

/// All arrivals of a scenario, in order.
pub fn arrivals(scenario: &Scenario) -> Cow<'_, [Arrival]> {
    match &scenario.arrivals {
        Some(given) => Cow::Borrowed(given),
        None => Cow::Owned(drawn(scenario)),
    }
}

fn drawn(scenario: &Scenario) -> Vec<Arrival> {
    let mut draws = fastrand::Rng::with_seed(scenario.seed);
    let rate_max = scenario.demand_per_sec() * scenario.shape.factor_max();
    let shares: f64 = scenario.tenants.iter().map(|tenant| tenant.share).sum();
    let mut arrivals = Vec::new();
    let mut at = 0.0;
    loop {
        // Thinning: draw at the highest rate, keep in proportion to the rate at that moment.
        at += -(1.0 - draws.f64()).ln() / rate_max;
        if at >= scenario.duration_secs {
            return arrivals;
        }
        let kept = draws.f64() * scenario.shape.factor_max() < scenario.shape.factor(at);
        let mut pick = draws.f64() * shares;
        let tenant = scenario
            .tenants
            .iter()
            .position(|tenant| {
                pick -= tenant.share;
                pick < 0.0
            })
            .unwrap_or(0);
        let mut around = |mean: f64| (mean * (0.5 + draws.f64())).round();
        let (input, output) = (around(scenario.sizes.input), around(scenario.sizes.output));
        if kept {
            arrivals.push(Arrival {
                at,
                tenant,
                input,
                output,
                output_max: scenario.output_max,
                model: 0,
            });
        }
    }
}
