//! What a request takes, by what is counted.

use keyweir_terms::amount::{Dimension, Need};

use crate::allowance::Amount;
use crate::money::Money;

/// What a request takes, or took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// By [`Dimension::index`].
    counts: [u64; Dimension::COUNT],
    pub(crate) money: Money,
}

impl Taken {
    /// One request, which takes so many tokens and so much money.
    pub(crate) fn of_request(need: &Need, money: Money) -> Self {
        Self {
            counts: Dimension::ALL.map(|dimension| need.of(dimension)),
            money,
        }
    }

    pub(crate) const fn of(&self, dimension: Dimension) -> u64 {
        self.counts[dimension.index()]
    }

    pub(crate) const fn of_budget(&self, amount: Amount) -> u128 {
        match amount {
            Amount::Tokens(_) => self.of(Dimension::Tokens) as u128,
            Amount::Money(_) => self.money.pico(),
        }
    }
}
