//! What gateways that serve the same tenants tell one another of them.
//!
//! Each tells what *it* has taken since it began to count, again and again: a sum that only its owner
//! writes. So a word that is lost, late or said twice changes nothing, a store that has forgotten all
//! is told anew, and nothing is counted twice. Who hears takes off what is new in it.
//!
//! Moments are told as spans, and ages by the store's clock: no two gateways' clocks are compared. Only
//! the beginnings of budgets' periods are calendar moments; what is told of another period is not
//! counted.

use std::time::Duration;

use crate::period::Wall;

/// What a gateway tells of one thing that is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowReport {
    /// What tells the row from others, in every process: a hash of whose it is, for which models, and
    /// what it is.
    pub row: u64,
    /// How urgently it is wanted: what requests have asked of it per 1,000 seconds of late.
    pub demand: u64,
    /// What it says of it.
    pub what: What,
}

/// What is told of a row, by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Of a limit per minute.
    Rate {
        /// Tells one time of counting from the next: the sum begins anew after a long rest.
        life: u64,
        /// Taken in it, less what was given back.
        taken: i64,
        /// What is left, as this gateway knows it; less than nothing where it is overdrawn.
        level: i64,
    },
    /// Of a limit of requests at a time.
    AtATime {
        /// Requests that run.
        running: u32,
        /// As many may run from now on, unless others have claimed as much before.
        claim: u32,
    },
    /// Of a budget.
    Budget {
        /// When the period began.
        begin: Wall,
        /// Tokens or picodollars that were spent here in it.
        spent: u128,
        /// What requests that run have reserved.
        reserved: u128,
    },
}

/// Another gateway's word.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// The process that says it.
    pub process: u64,
    /// Whose budgets it has: the same over restarts, where it keeps a ledger.
    pub book: u64,
    /// How old it is.
    pub age: Duration,
    /// It has heard of others itself: what it says is left leaves their part out already.
    pub is_settled: bool,
    /// What it says.
    pub rows: &'a [RowReport],
}

/// What was spent of a budget by a gateway that may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// See [`RowReport::row`].
    pub row: u64,
    /// When the period began.
    pub begin: Wall,
    /// See [`Other::book`].
    pub book: u64,
    /// Tokens or picodollars.
    pub spent: u128,
}

/// All that is heard at a time.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// Who hears: the process, and the book it keeps.
    pub me: (u64, u64),
    /// All that are alive, without who hears.
    pub others: &'a [Other<'a>],
    /// What the store remembers of budgets; asked for when it is new to us.
    pub stored: &'a [Stored],
}
