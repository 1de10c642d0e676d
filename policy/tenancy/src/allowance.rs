//! What one tenant, or a group of them, is allowed: as the policy says it.

use keyweir_terms::amount::Dimension;
use keyweir_terms::pattern::ModelPatterns;

use crate::money::Money;
use crate::period::Period;

/// All that bounds one tenant, or one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// What it may use in a minute, or at once. All of them hold.
    pub limits: Vec<Limit>,
    /// What it may spend in a period. All of them hold.
    pub budgets: Vec<Budget>,
    /// It is counted and told what would be refused, and refused nothing.
    pub shadow: bool,
}

impl Allowance {
    /// Whether there is nothing to hold anybody to.
    pub const fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.budgets.is_empty()
    }
}

/// What may be used of some models together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The models.
    pub models: ModelPatterns,
    /// In a minute, by [`Dimension::index`]; a minute's worth at once.
    pub per_minute: [Option<u64>; Dimension::COUNT],
    /// Requests at a time.
    pub concurrency: Option<u32>,
}

/// What may be spent on some models together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The models.
    pub models: ModelPatterns,
    /// In which time.
    pub period: Period,
    /// How much.
    pub amount: Amount,
    /// Beyond it there is a warning, and no refusal.
    pub soft: bool,
    /// From which part of it on there is a warning; `None`: where it is soft and all of it is spent.
    pub warn_at: Option<Percent>,
}

/// Hundredths of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub u8);

/// How much may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Input and output tokens.
    Tokens(u64),
    /// US dollars, by the policy's prices.
    Money(Money),
}
