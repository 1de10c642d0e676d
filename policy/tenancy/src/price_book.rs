//! Looking prices up, as requests come.
//!
//! A model that has no price is never taken for free in silence: it is counted, and by the policy's choice
//! refused (where money is bounded), passed, or priced as the dearest that its provider's kind has.

use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::ProviderId;
use keyweir_terms::recent_names::RecentNames;
use keyweir_terms::table::Table;

use crate::prices::{Price, Prices, Unpriced};

/// Names of models whose price is remembered, per provider: those that were asked for last, since they
/// come from clients. So each request is not held to all patterns of the list.
const KNOWN_MAX: usize = 1_024;

/// What is known of one model's price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found<'p> {
    /// The price to reckon with: its own, or another's if it has none.
    pub(crate) price: Option<&'p Price>,
    /// The place of its own price in the list.
    pub(crate) listed: Option<u32>,
}

/// What metrics call models without a price: names that clients made up are no labels.
const OTHER: &str = "other";

/// Prices, and what was found in them so far.
#[derive(Debug, Default)]
pub(crate) struct PriceBook {
    prices: Prices,
    providers: Table<ProviderId, Provider>,
}

#[derive(Debug)]
struct Provider {
    name: String,
    dearest: Option<usize>,
    known: RecentNames<Option<usize>>,
}

impl PriceBook {
    /// These prices, for these providers.
    pub(crate) fn new(prices: Prices, providers: &Table<ProviderId, (String, Dialect)>) -> Self {
        let providers = providers.map(|_, (name, dialect)| Provider {
            name: name.clone(),
            dearest: prices.dearest(name, *dialect),
            known: RecentNames::new(KNOWN_MAX),
        });
        Self { prices, providers }
    }

    /// What is done for models without a price.
    pub(crate) const fn unpriced(&self) -> Unpriced {
        self.prices.unpriced
    }

    /// The price of `model` at `provider`.
    pub(crate) fn find(&mut self, provider: ProviderId, model: &str) -> Found<'_> {
        let Some(provider) = self.providers.get_mut(provider) else {
            return Found::default();
        };
        let at = match provider.known.get(model) {
            Some(at) => *at,
            None => {
                let at = self.prices.position(&provider.name, model);
                provider.known.insert(model, at);
                at
            }
        };
        let dearest = provider
            .dearest
            .filter(|_| self.prices.unpriced == Unpriced::Dearest);
        Found {
            price: at.or(dearest).map(|at| &self.prices.rows[at]),
            listed: at.and_then(|at| u32::try_from(at).ok()),
        }
    }

    /// What metrics call a model by its price's place in the list.
    pub(crate) fn label(&self, listed: Option<u32>) -> &str {
        let row = listed.and_then(|at| self.prices.rows.get(at as usize));
        row.map_or(OTHER, |price| &price.name)
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::pattern::ModelPatterns;

    use super::*;
    use crate::money::WHOLE;
    use crate::prices::Rates;

    fn price(name: &str, pattern: &str, input: u64) -> Price {
        let pattern = pattern.parse().expect("a pattern");
        Price {
            name: name.to_owned(),
            models: ModelPatterns::new(vec![pattern]).expect("one"),
            provider: None,
            dialect: None,
            rates: Rates {
                input,
                ..Rates::default()
            },
            long: None,
            batch: WHOLE,
        }
    }

    #[test]
    fn what_is_not_listed_is_never_free_in_silence() {
        let provider = ProviderId(0);
        let providers = Table::from_iter([("p".to_owned(), Dialect::OpenAi)]);
        let mut own = price("own", "mine-*", 5);
        own.provider = Some("p".to_owned());
        let rows = vec![price("a", "a-*", 1), own, price("dear", "d-*", 90)];
        for (unpriced, dearest) in [
            (Unpriced::Dearest, Some("own")),
            (Unpriced::Pass, None),
            (Unpriced::Refuse, None),
        ] {
            let rows = rows.clone();
            let mut book = PriceBook::new(Prices { rows, unpriced }, &providers);
            for _ in 0..2 {
                let listed = book.find(provider, "a-1").listed;
                assert_eq!(book.label(listed), "a");
                let found = book.find(provider, "new");
                assert_eq!(found.price.map(|it| it.name.as_str()), dearest);
                assert_eq!(found.listed, None);
                assert_eq!(book.label(None), "other");
            }
        }
    }

    #[test]
    fn a_flood_of_names_keeps_no_later_model_from_being_remembered() {
        let provider = ProviderId(0);
        let providers = Table::from_iter([("p".to_owned(), Dialect::OpenAi)]);
        let rows = vec![price("a", "a-*", 1)];
        let prices = Prices {
            rows,
            unpriced: Unpriced::Pass,
        };
        let mut book = PriceBook::new(prices, &providers);
        for invented in 0..3 * KNOWN_MAX {
            book.find(provider, &invented.to_string());
        }
        assert_eq!(book.find(provider, "a-later").listed, Some(0));
        let known = &book.providers[provider].known;
        assert_eq!(known.peek("a-later"), Some(&Some(0)));
        assert!(known.len() <= 2 * KNOWN_MAX);
    }
}
