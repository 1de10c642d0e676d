//! What a request takes, by what is counted.

use keyweir_terms::amount::Dimension;

use crate::allowance::Amount;
use crate::money::Money;

/// What a request takes, or took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) requests: u64,
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) money: Money,
}

impl Taken {
    pub(crate) const fn of(&self, dimension: Dimension) -> u64 {
        match dimension {
            Dimension::Requests => self.requests,
            Dimension::InputTokens => self.input,
            Dimension::OutputTokens => self.output,
            Dimension::Tokens => self.input.saturating_add(self.output),
        }
    }

    pub(crate) const fn of_budget(&self, amount: Amount) -> u128 {
        match amount {
            Amount::Tokens(_) => self.of(Dimension::Tokens) as u128,
            Amount::Money(_) => self.money.pico(),
        }
    }
}
