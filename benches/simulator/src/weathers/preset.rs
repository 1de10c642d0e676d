//! A named world and what it must reach.

use crate::bounds::Bounds;
use crate::scenario::Scenario;

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

pub(super) fn preset(
    name: &'static str,
    what: &'static str,
    bounds: Bounds,
    scenario: Scenario,
) -> Preset {
    Preset {
        name,
        what,
        bounds,
        scenario,
    }
}
