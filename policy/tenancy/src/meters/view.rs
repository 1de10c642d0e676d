//! Limits and budgets, as operators see them.

use keyweir_terms::amount::Dimension;
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::time::Time;

use crate::allowance::{Amount, Percent};
use crate::concurrency::Concurrency;
use crate::lack::Owner;
use crate::meter::Meter;
use crate::period::Wall;
use crate::sharing::Sharing;

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
    /// From which part of it on it warns.
    pub warn_at: Option<Percent>,
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
        warn_at: spending.warn_at,
        shadow: row.shadow,
    })
}

/// What a limit bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// What is used in a minute.
    PerMinute(Dimension),
    /// Requests at a time.
    AtATime,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitView<'a> {
    /// Whose.
    pub owner: &'a Owner,
    /// For which models.
    pub models: &'a ModelPatterns,
    /// On what.
    pub what: Limited,
    /// How much.
    pub max: u64,
    /// What is left of it, as this gateway counts; nothing where it is overdrawn.
    pub left: u64,
    /// It is only counted.
    pub shadow: bool,
}

/// What is left of a row's limit at `now`, if it is one in force.
pub(super) fn limit(row: &Row, now: Time) -> Option<LimitView<'_>> {
    let (what, max, left) = match &row.meter {
        _ if row.is_gone => return None,
        Meter::Rate(rate) => {
            let what = Limited::PerMinute(rate.dimension);
            (what, rate.bucket.limit(), rate.bucket.remaining(now))
        }
        Meter::Concurrency(Concurrency { max, running, .. }) => {
            let left = max.saturating_sub(*running);
            (Limited::AtATime, u64::from(*max), u64::from(left))
        }
        Meter::Budget(_) => return None,
    };
    Some(LimitView {
        owner: &row.owner,
        models: &row.models,
        what,
        max,
        left,
        shadow: row.shadow,
    })
}
