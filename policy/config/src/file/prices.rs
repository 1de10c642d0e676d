//! The list prices that come with the program: a dated file, read as a policy file's are.

use std::sync::OnceLock;

use keyweir_tenancy::prices::Price;

use crate::file::problems::Problems;
use crate::file::read;
use crate::file::source;

const TEXT: &str = include_str!("prices/snapshot.toml");

/// The day that the list is of.
pub const DATE: &str = "2026-11-26";

/// The list, in its order.
pub fn listed() -> &'static [Price] {
    static LISTED: OnceLock<Vec<Price>> = OnceLock::new();
    LISTED.get_or_init(|| read().1)
}

/// What is wrong with the list, and the list.
fn read() -> (String, Vec<Price>) {
    let files = [("prices/snapshot.toml", TEXT)];
    let problems = Problems::default();
    let documents = source::parse_all(&files, &problems).unwrap_or_default();
    let raw = read::documents(&documents, &problems);
    let prices = raw.prices.into_iter().map(|raw| raw.price);
    let prices = prices.collect();
    (problems.into_report(&files).to_string(), prices)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use keyweir_tenancy::prices::Prices;
    use keyweir_terms::dialect::Dialect;
    use keyweir_terms::request::{Tier, Usage};

    use super::*;

    #[test]
    fn the_list_is_right_and_dated() {
        let (problems, prices) = read();
        assert_eq!(problems, "no problems\n");
        assert!(prices.len() > 40);
        assert!(TEXT.contains(&format!("as of {DATE}")));
        let names: HashSet<&str> = prices.iter().map(|price| price.name.as_str()).collect();
        assert_eq!(names.len(), prices.len(), "each has a name of its own");
        assert!(prices.iter().all(|price| price.dialect.is_some()));
    }

    #[test]
    fn models_cost_what_their_providers_say() {
        let prices = Prices {
            rows: listed().to_vec(),
            ..Prices::default()
        };
        // Of a million of each: input, read, written for minutes and for an hour, output.
        for (model, cost) in [
            ("claude-sonnet-4-5-20250929", "15.00"),
            ("claude-opus-4-1-20250805", "75.00"),
            ("claude-opus-4-5", "25.00"),
            ("claude-sonnet-5-5", "10.00"),
            ("gpt-5-2025-08-07", "10.00"),
            ("gpt-5-mini", "2.00"),
            ("gpt-5.1", "10.00"),
            ("gpt-4o-mini-2024-07-18", "0.60"),
            ("gpt-6.1-sol", "10.00"),
            ("models/gemini-2.5-flash-lite", "0.40"),
            ("gemini-2.5-pro", "10.00"),
        ] {
            let price = prices.find("p", model).expect(model);
            let usage = Usage {
                output: Some(1_000_000),
                ..Usage::default()
            };
            let dialect = price.dialect.expect("told");
            let usual = price.cost(&usage);
            assert_eq!(usual.to_string(), cost, "{model}");
            if dialect != Dialect::Generic {
                let tier = Some(Tier::Batch);
                let batch = price.cost(&Usage { tier, ..usage });
                assert_eq!(batch + batch, usual, "{model}");
            }
        }
        for unknown in ["llama-4", "gpt-4o-audio-preview", "claude"] {
            assert_eq!(prices.find("p", unknown), None, "{unknown}");
        }
    }
}
