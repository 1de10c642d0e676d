//! What sets worlds apart in which one is held and the other is not: what is told of the buckets, and
//! whether some of them hold only a few requests.

use std::fmt;

use super::recipe::Recipe;

/// Requests of mean size; a bucket that holds fewer is shallow.
const FEW: f64 = 3.0;
/// Dimensions that worlds have buckets of: requests, input, output.
const DIMENSIONS: usize = 3;

/// What headers tell of the buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Telling {
    /// All that there is to tell, of each limit that there is.
    All,
    /// Nothing of some limit.
    SomeDimensions,
    /// Not what remains.
    NoRemaining,
    /// Not the limit.
    NoLimit,
    /// Nothing but on refusals.
    OnRefusals,
    /// Nothing.
    Nothing,
}

/// A kind of world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// What is told.
    pub telling: Telling,
    /// The smallest account's bucket holds few requests.
    pub is_shallow: bool,
}

impl Kind {
    /// The kind of a world.
    pub fn of(recipe: &Recipe) -> Self {
        let holds = |secs: f64, per_sec: f64| secs * per_sec;
        let accounts = recipe.accounts.iter();
        let least = accounts.map(|it| holds(it.burst_secs, it.per_sec));
        Self {
            telling: telling(recipe),
            is_shallow: least.fold(f64::INFINITY, f64::min) < FEW,
        }
    }
}

fn telling(recipe: &Recipe) -> Telling {
    let told = &recipe.told;
    let is_hidden = |dimension: usize| {
        let mut slacks = recipe.accounts.iter().map(|it| it.slack[dimension]);
        !told.dimensions[dimension] && slacks.any(|slack| slack > 0.0)
    };
    if !told.limit && !told.remaining {
        Telling::Nothing
    } else if told.on_refusals_only {
        Telling::OnRefusals
    } else if !told.limit {
        Telling::NoLimit
    } else if !told.remaining {
        Telling::NoRemaining
    } else if (0..DIMENSIONS).any(is_hidden) {
        Telling::SomeDimensions
    } else {
        Telling::All
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let telling = match self.telling {
            Telling::All => "all told",
            Telling::SomeDimensions => "some dimensions untold",
            Telling::NoRemaining => "no remaining",
            Telling::NoLimit => "no limit",
            Telling::OnRefusals => "on refusals only",
            Telling::Nothing => "nothing told",
        };
        let depth = if self.is_shallow { "shallow" } else { "deep" };
        f.pad(&format!("{telling}, {depth}"))
    }
}
