//! Tables `price` and `tenancy`.

use crate::file::fields::Fields;
use crate::file::problems::{At, Spot};
use crate::file::read::allowance::{money, time_zone};
use crate::file::read::names::{patterns, reference};
use crate::file::value::Value;
use keyweir_tenancy::money::WHOLE;
use keyweir_tenancy::prices::{Price, Rates, Unpriced};
use keyweir_terms::dialect::Dialect;

/// Tokens of a million.
const MILLION: u128 = 1_000_000;
/// The dearest rate accepted, in picodollars per token: a thousand dollars for a thousand tokens.
const RATE_MAX: u128 = 1_000_000_000_000;
/// No model takes so many tokens of input.
const PROMPT_MAX: u64 = 1_000_000_000;

const DIALECTS: [(&str, Dialect); 3] = [
    ("anthropic", Dialect::Anthropic),
    ("openai", Dialect::OpenAi),
    ("generic", Dialect::Generic),
];

/// A price, as written.
#[derive(Debug)]
pub(in crate::file) struct RawPrice {
    pub(in crate::file) spot: Spot,
    pub(in crate::file) price: Price,
    pub(in crate::file) provider: Option<At<String>>,
}

/// Table `tenancy`, as written.
#[derive(Debug, Default)]
pub(in crate::file) struct RawTenancy {
    pub(in crate::file) zone: Option<String>,
    pub(in crate::file) unpriced: Unpriced,
    pub(in crate::file) cache_read_weight: u64,
}

pub(super) fn tenancy(fields: &mut Fields<'_>) -> RawTenancy {
    const WORDS: [(&str, Unpriced); 3] = [
        (Unpriced::Refuse.as_str(), Unpriced::Refuse),
        (Unpriced::Pass.as_str(), Unpriced::Pass),
        (Unpriced::Dearest.as_str(), Unpriced::Dearest),
    ];
    RawTenancy {
        zone: fields.optional("time_zone", |value| time_zone(&value)),
        unpriced: fields.or("unpriced", Unpriced::default(), |value| {
            value.one_of(&WORDS)
        }),
        cache_read_weight: fields.or("cache_read_weight", 0, |value| {
            let weight = value.fraction(0.0..=1.0)?;
            Some((weight * WHOLE as f64).round() as u64)
        }),
    }
}

pub(super) fn price(fields: &mut Fields<'_>) -> Option<RawPrice> {
    let models = fields.required("models", |value| patterns(&value));
    let provider = fields.optional("provider", reference);
    let dialect = fields.optional("dialect", |value| value.one_of(&DIALECTS));
    let usual = rates(fields);
    let long = fields.optional("long_context", |value| {
        value.table(|fields| {
            let above = fields.required("above", |value| value.count(1..=PROMPT_MAX));
            let rates = rates(fields);
            Some((above?, rates?))
        })
    });
    let batch = fields.or("batch", WHOLE, |value| {
        let part = value.fraction(0.0..=1.0)?;
        Some((part * WHOLE as f64).round() as u64)
    });
    let models = models?;
    let first = models.iter().next().map_or("", |first| first.as_str());
    let name = first.trim_end_matches(['*', '-', '@', '.']);
    Some(RawPrice {
        spot: fields.spot().clone(),
        price: Price {
            name: if name.is_empty() { "any" } else { name }.to_owned(),
            provider: provider.as_ref().map(|it| it.value.clone()),
            models,
            dialect,
            rates: usual?,
            long,
            batch,
        },
        provider,
    })
}

/// Dollars per million tokens. What is not told of the cache is priced as input.
fn rates(fields: &mut Fields<'_>) -> Option<Rates> {
    let input = fields.required("input", |value| rate(&value));
    let output = fields.required("output", |value| rate(&value));
    let usual = input.unwrap_or_default();
    let cache_write = fields.or("cache_write", usual, |value| rate(&value));
    let rates = Rates {
        input: usual,
        output: output.unwrap_or_default(),
        cache_read: fields.or("cache_read", usual, |value| rate(&value)),
        cache_write,
        cache_write_1h: fields.or("cache_write_1h", cache_write, |value| rate(&value)),
    };
    (input.is_some() && output.is_some()).then_some(rates)
}

/// Dollars per million tokens, as picodollars per token.
fn rate(value: &Value<'_>) -> Option<u64> {
    let pico = money(value)?.pico();
    if !pico.is_multiple_of(MILLION) {
        return value.refuse("may have 6 decimals: it is for a million tokens");
    }
    match u64::try_from(pico / MILLION) {
        Ok(rate) if pico / MILLION <= RATE_MAX => Some(rate),
        _ => value.refuse("must be at most 1_000_000 dollars"),
    }
}
