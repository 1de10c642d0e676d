//! What a model's tokens cost.
//!
//! A price is found by the model that served, in the order of the list: the policy's own prices stand
//! before those of the snapshot that comes with the program. Nothing is fetched. How one is looked up,
//! and what is done for a model that has none, is in `price_book.rs`.

use keyweir_terms::dialect::Dialect;
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::request::{Tier, Usage};

use crate::money::{Money, WHOLE};

/// What is done for a model without a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unpriced {
    /// Refused where a budget in money holds, passed elsewhere.
    #[default]
    Refuse,
    /// Served, and counted as costing nothing.
    Pass,
    /// Priced as the dearest model of the provider's kind.
    Dearest,
}

impl Unpriced {
    /// The word in the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Pass => "pass",
            Self::Dearest => "dearest",
        }
    }
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// What metrics call it.
    pub name: String,
    /// The models it is for.
    pub models: ModelPatterns,
    /// The provider it is for, by its name in the policy; `None`: any.
    pub provider: Option<String>,
    /// Which kind of provider lists it.
    pub dialect: Option<Dialect>,
    /// Of a usual request.
    pub rates: Rates,
    /// Of one whose input, cached or not, is more than so many tokens.
    pub long: Option<(u64, Rates)>,
    /// How much of all these rates is charged in batches, in [`WHOLE`] parts.
    pub batch: u64,
}

/// Picodollars per token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Input that is in no cache.
    pub input: u64,
    /// Output.
    pub output: u64,
    /// Input that was read from the prompt cache.
    pub cache_read: u64,
    /// Input that was written to the prompt cache, for 5 minutes.
    pub cache_write: u64,
    /// Input that was written to it for an hour.
    pub cache_write_1h: u64,
}

impl Rates {
    fn of(&self, parts: &Parts) -> Money {
        let terms = [
            (self.input, parts.input),
            (self.output, parts.output),
            (self.cache_read, parts.cache_read),
            (self.cache_write, parts.cache_write),
            (self.cache_write_1h, parts.cache_write_1h),
        ];
        let pico = terms
            .iter()
            .map(|(rate, tokens)| u128::from(*rate) * u128::from(*tokens));
        Money::from_pico(pico.sum())
    }

    const fn weight(&self) -> u128 {
        self.input as u128 + self.output as u128
    }
}

/// A request's tokens, each counted once.
struct Parts {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
    cache_write_1h: u64,
}

impl Parts {
    fn of(usage: &Usage) -> Self {
        let count = Option::unwrap_or_default;
        let cache_write = u64::from(usage.cache_write.unwrap_or_default());
        let hour = u64::from(usage.cache_write_1h.unwrap_or_default());
        let cache_write_1h = hour.min(cache_write);
        Self {
            input: count(usage.input).saturating_sub(cache_write),
            output: count(usage.output),
            cache_read: count(usage.cache_read),
            cache_write: cache_write - cache_write_1h,
            cache_write_1h,
        }
    }

    const fn prompt(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write)
            .saturating_add(self.cache_write_1h)
    }
}

impl Price {
    /// What `usage` costs, told with cache reads apart ([`Usage::apart`]): exactly, and in a batch rounded
    /// up to the picodollar.
    pub fn cost(&self, usage: &Usage) -> Money {
        let parts = Parts::of(usage);
        let cost = self.rates_for(parts.prompt()).of(&parts);
        match usage.tier {
            Some(Tier::Batch) => {
                let pico = cost.pico().saturating_mul(self.batch.into());
                Money::from_pico(pico.div_ceil(WHOLE.into()))
            }
            Some(Tier::Usual) | None => cost,
        }
    }

    const fn rates_for(&self, prompt: u64) -> &Rates {
        match &self.long {
            Some((above, rates)) if prompt > *above => rates,
            _ => &self.rates,
        }
    }
}

/// The list, in order, and what is done for models that are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// The first that fits counts.
    pub rows: Vec<Price>,
    /// For models without one.
    pub unpriced: Unpriced,
}

impl Prices {
    /// The price of a model at a provider of this name.
    pub fn find(&self, provider: &str, model: &str) -> Option<&Price> {
        self.position(provider, model).map(|at| &self.rows[at])
    }

    pub(crate) fn position(&self, provider: &str, model: &str) -> Option<usize> {
        let is_here = |price: &Price| price.provider.as_deref().is_none_or(|it| it == provider);
        let fits = |price: &Price| is_here(price) && price.models.matches(model);
        self.rows.iter().position(fits)
    }

    /// The dearest that may be asked of a provider: of those for it alone, else of its kind, else of
    /// all.
    pub(crate) fn dearest(&self, provider: &str, dialect: Dialect) -> Option<usize> {
        let of = |fits: &dyn Fn(&Price) -> bool| {
            let rows = self.rows.iter().enumerate();
            let dearest = rows
                .filter(|(_, price)| fits(price))
                .max_by_key(|(_, price)| price.rates.weight());
            dearest.map(|(at, _)| at)
        };
        of(&|price| price.provider.as_deref() == Some(provider))
            .or_else(|| of(&|price| price.dialect == Some(dialect)))
            .or_else(|| of(&|_| true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(name: &str, pattern: &str, input: u64, output: u64) -> Price {
        let pattern = pattern.parse().expect("a pattern");
        Price {
            name: name.to_owned(),
            models: ModelPatterns::new(vec![pattern]).expect("one"),
            provider: None,
            dialect: None,
            rates: Rates {
                input,
                output,
                cache_read: input / 10,
                cache_write: input * 5 / 4,
                cache_write_1h: input * 2,
            },
            long: None,
            batch: WHOLE / 2,
        }
    }

    #[test]
    fn every_token_is_paid_for_once() {
        let usage = Usage {
            input: Some(1_000),
            cache_read: Some(400),
            cache_write: Some(300),
            cache_write_1h: Some(100),
            output: Some(50),
            ..Usage::default()
        };
        let price = price("p", "*", 100, 1_000);
        // 700 plain, 200 written for minutes, 100 for an hour, 400 read, 50 out.
        let anthropic = 700 * 100 + 200 * 125 + 100 * 200 + 400 * 10 + 50 * 1_000;
        assert_eq!(price.cost(&usage.apart()).pico(), anthropic);
        let usage = Usage {
            cache_within: true,
            cache_write: None,
            cache_write_1h: None,
            ..usage
        };
        // 600 plain, 400 of the input read.
        let openai = 600 * 100 + 400 * 10 + 50 * 1_000;
        assert_eq!(price.cost(&usage.apart()).pico(), openai);
    }

    #[test]
    fn batches_cost_their_part_of_the_same_rates() {
        let usage = |output, tier| Usage {
            output: Some(output),
            tier,
            ..Usage::default()
        };
        let price = price("p", "*", 100, 1_001);
        for (tier, pico) in [
            (None, 3_003),
            (Some(Tier::Usual), 3_003),
            // Half a picodollar is one.
            (Some(Tier::Batch), 1_502),
        ] {
            let cost = price.cost(&usage(3, tier));
            assert_eq!(cost.pico(), pico, "{tier:?}");
        }
    }

    #[test]
    fn long_prompts_have_their_own_rates_cached_or_not() {
        let mut price = price("p", "*", 100, 1_000);
        price.long = Some((
            1_000,
            Rates {
                input: 200,
                ..price.rates
            },
        ));
        let usage = |input, read| Usage {
            input: Some(input),
            cache_read: Some(read),
            ..Usage::default()
        };
        let cost = |usage| price.cost(&usage).pico();
        assert_eq!(cost(usage(1_000, 0)), 100_000);
        assert_eq!(cost(usage(1_001, 0)), 200_200);
        assert_eq!(cost(usage(1_000, 1)), 200_010);
    }
}
