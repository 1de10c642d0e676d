//! One run: arrivals, gateways and the provider on one event queue.

use std::fmt;

use keyweir_policy::exchange::plan::Event as Happened;

use crate::account::StrictAccount;
use crate::arrivals::arrivals;
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
    report.charged = world
        .accounts
        .into_iter()
        .map(StrictAccount::into_charged)
        .collect();
    report.leaked = world
        .gateways
        .iter()
        .map(|gateway| gateway.pool.in_flight() + gateway.pool.waiting())
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
            Event::Arrive(request) => world.happened(request, Happened::Begin),
            Event::Reach(request) => world.reach(request),
            Event::Head(request, fault, snapshot) => world.head(request, fault, &snapshot),
            Event::Produce(request, piece) => world.produce(request, piece),
            Event::Piece(request, piece) => world.piece(request, piece),
            Event::Cut(request) => world.cut(request),
            Event::Wake(gateway, at) => world.wake(gateway, at),
        }
    }
    Ok(())
}
