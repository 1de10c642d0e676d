//! The worlds that have to be held, each with what it must reach: one configuration of the policy,
//! the default, for all of them.
//!
//! The first table is the promise. The second holds harder worlds (other bursts, long answers,
//! small and large pools, lying headers, jumping clocks), in which nothing may break, leak or run
//! away, though waits may be longer than an all-knowing scheduler's.

mod harder;
mod promised;
mod worlds;

use crate::bounds::Bounds;
use crate::scenario::Scenario;

pub use harder::harder;
pub use promised::promised;
pub(crate) use worlds::STORM;

/// A named world and what it must reach.
#[derive(Clone, Debug)]
pub struct Preset {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is like.
    pub what: &'static str,
    /// What it must reach.
    pub bounds: Bounds,
    /// The world itself.
    pub scenario: Scenario,
}

fn preset(name: &'static str, what: &'static str, bounds: Bounds, scenario: Scenario) -> Preset {
    Preset {
        name,
        what,
        bounds,
        scenario,
    }
}
