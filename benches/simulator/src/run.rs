//! One run: arrivals, gateways and the provider on one event queue.

use std::fmt;

use crate::arrivals::arrivals;
use crate::metered::Metered;
use crate::oracle;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::world::{Event, World};

/// Events after which a run is stuck, per request.
const EVENTS_PER_REQUEST_MAX: usize = 2_000;

/// A run that comes to no end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stuck {
    /// What it was drawn from.
    pub seed: u64,
    /// Where it got to, in seconds.
    pub at: f64,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: stuck at {} s", self.seed, self.at)
    }
}

impl std::error::Error for Stuck {}

/// Runs a scenario to its end. The same scenario gives the same report.
///
/// # Panics
/// If there is none.
pub fn run(scenario: &Scenario) -> Report {
    try_run(scenario).unwrap_or_else(|stuck| panic!("{stuck}"))
}

/// Runs a scenario that may come to no end.
///
/// # Errors
/// If it does not.
pub fn try_run(scenario: &Scenario) -> Result<Report, Stuck> {
    let arrivals = arrivals(scenario);
    let mut world = World::new(scenario, &arrivals);
    live(&mut world)?;
    let mut report = world.report;
    let mut metered = world.metered.into_iter();
    report.charged = metered.next().map_or_else(Vec::new, Metered::into_charged);
    let desks = world.gateways.iter().flat_map(|gateway| &gateway.desks);
    report.leaked = desks
        .map(|desk| desk.pool.in_flight() + desk.pool.waiting())
        .sum();
    report.finish(oracle::serve(scenario, &arrivals));
    Ok(report)
}

/// Lets everything happen, one thing after the other.
fn live(world: &mut World<'_>) -> Result<(), Stuck> {
    let mut events = 0;
    let mut at = world.now;
    while let Some(event) = world.next() {
        events += 1;
        if events >= EVENTS_PER_REQUEST_MAX * (world.requests.len() + 100) {
            return Err(Stuck {
                seed: world.scenario.seed,
                at,
            });
        }
        at = world.now;
        match event {
            Event::Arrive(request) => world.arrive(request),
            Event::Reach(request) => world.reach(request),
            Event::Head(request, head) => world.head(request, &head),
            Event::Produce(request, piece) => world.produce(request, piece),
            Event::Piece(request, piece) => world.piece(request, piece),
            Event::Cut(request) => world.cut(request),
            Event::Say(gateway) => world.say(gateway),
            Event::Hear(gateway) => world.hear(gateway),
            Event::Wake {
                gateway,
                provider,
                at,
            } => world.wake(gateway, provider, at),
        }
    }
    Ok(())
}
