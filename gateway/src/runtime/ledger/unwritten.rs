//! What is to be written down the next time.

use std::collections::HashMap;

use keyweir_policy::tenancy::sums::Sums;
use keyweir_policy::tenancy::tally::Totals;

use super::kept::{Row, Thing};
use super::loads::Loads;
use super::spent::Spender;

/// What is to be written down.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    pub(crate) spent: HashMap<Spender, Totals>,
    /// By key: the beginning of the period, and what was spent in it.
    pub(crate) budgets: HashMap<String, Sums>,
    /// By names; `None`: nothing is learned any more.
    pub(crate) learned: HashMap<String, Option<Row>>,
    pub(crate) things: Vec<Thing>,
    /// Ids of things that nobody holds any more.
    pub(crate) things_gone: Vec<String>,
    pub(crate) loads: Loads,
}

impl Unwritten {
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            spent,
            budgets,
            learned,
            things,
            things_gone,
            loads,
        } = self;
        spent.is_empty()
            && budgets.is_empty()
            && learned.is_empty()
            && things.is_empty()
            && things_gone.is_empty()
            && loads.is_empty()
    }
}
