//! Budgets, as operators see them.

use keyweir_terms::pattern::ModelPatterns;

use crate::allowance::Amount;
use crate::lack::Owner;
use crate::meter::{Meter, Sharing};
use crate::period::Wall;

use super::row::Row;

/// One budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetView<'a> {
    /// Whose.
    pub owner: &'a Owner,
    /// For which models.
    pub models: &'a ModelPatterns,
    /// How much.
    pub amount: Amount,
    /// The period's word.
    pub period: &'static str,
    /// When the period began.
    pub begin: Wall,
    /// When it ends.
    pub end: Wall,
    /// Tokens or picodollars that were spent here.
    pub spent: u128,
    /// What counts of it: with what others have spent, as far as that is known, or as often as there are
    /// gateways.
    pub counted: u128,
    /// It only warns.
    pub soft: bool,
    /// It is only counted.
    pub shadow: bool,
}

/// What is spent of a row's budget at `wall`, if it is one in force.
pub(super) fn budget(row: &mut Row, wall: Wall, sharing: Sharing) -> Option<BudgetView<'_>> {
    if row.is_gone {
        return None;
    }
    let Meter::Budget(spending) = &mut row.meter else {
        return None;
    };
    spending.roll(wall);
    Some(BudgetView {
        owner: &row.owner,
        models: &row.models,
        amount: spending.amount,
        period: spending.period.word(),
        begin: spending.begin,
        end: spending.end,
        spent: spending.spent,
        counted: spending.counted(sharing),
        soft: spending.soft,
        shadow: row.shadow,
    })
}
