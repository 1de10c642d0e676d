//! What is left of a tenant's limits per minute, as headers.
//!
//! A client is told up to a dozen, with every answer. Their names are hashed once for all answers to who has
//! the same limits, and what the limits are is written once: each answer begins with a copy of a map that
//! has them.

use std::cell::RefCell;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use keyweir_policy::tenancy::left::{self, AllLeft, FIELDS, Reset};
use keyweir_policy::tenancy::period::Wall;
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::name_map::NameMap;

/// Headers that an answer has beside these, most often.
const OTHERS: usize = 12;

/// Templates that are kept, on each thread: more than most policies have different limits. A KiB each.
const TEMPLATES_MAX: usize = 256;

/// A letter for each place among the names, which says where a value is missing.
const PLACES: [&str; FIELDS] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

/// What is bounded, and how.
type Limits = [Option<u64>; Dimension::COUNT];

thread_local! {
    static TEMPLATES: RefCell<NameMap<(Dialect, Limits), HeaderMap>> = RefCell::default();
}

/// The headers that tell a client of `dialect` what is left at `now`.
pub(crate) fn left(left: &AllLeft, dialect: Dialect, now: Wall) -> HeaderMap {
    let limits = Dimension::ALL.map(|dimension| left.of(dimension).map(|left| left.limit));
    if limits.iter().all(Option::is_none) {
        return HeaderMap::new();
    }
    let mut headers = template(dialect, limits);
    let mut last = None;
    for value in headers.values_mut() {
        let place = match value.as_bytes() {
            [letter @ b'a'..=b'l'] => usize::from(letter - b'a'),
            _ => continue,
        };
        let left = left.of(Dimension::ALL[place / 3]).expect("bounded");
        *value = match place % 3 {
            1 => left.remaining.into(),
            _ => reset(Reset::of(left, dialect, now), &mut last),
        };
    }
    headers
}

/// The value that tells of `reset`. What is hardly used is whole again within the same second as what was
/// told `last`, whatever it is.
fn reset(reset: Reset, last: &mut Option<(Reset, HeaderValue)>) -> HeaderValue {
    match last {
        Some((same, value)) if *same == reset => value.clone(),
        _ => {
            let value = HeaderValue::try_from(reset.text());
            let value = value.expect("digits, and letters of moments");
            last.insert((reset, value)).1.clone()
        }
    }
}

/// A map that tells these limits, with a letter in the place of all else that there is to tell of them.
fn template(dialect: Dialect, limits: Limits) -> HeaderMap {
    TEMPLATES.with_borrow_mut(|templates| {
        if let Some(template) = templates.get(&(dialect, limits)) {
            return template.clone();
        }
        if templates.len() >= TEMPLATES_MAX {
            templates.clear();
        }
        let template = templates.entry((dialect, limits));
        template.or_insert_with(|| fresh(dialect, limits)).clone()
    })
}

fn fresh(dialect: Dialect, limits: Limits) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(FIELDS + OTHERS);
    for (place, name) in left::names(dialect).enumerate() {
        if let Some(limit) = limits[place / 3] {
            let value = match place % 3 {
                0 => limit.into(),
                _ => HeaderValue::from_static(PLACES[place]),
            };
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keyweir_policy::tenancy::left::Left;

    use super::*;

    #[test]
    fn every_bounded_dimension_is_told() {
        let of_limit = |limit| Left {
            limit,
            remaining: limit - 1,
            reset: Duration::from_secs(limit),
        };
        let mut all = AllLeft::default();
        all.tell(Dimension::Requests, of_limit(60));
        all.tell(Dimension::OutputTokens, of_limit(60));
        all.tell(Dimension::Tokens, of_limit(5));
        let told = |dialect| {
            let headers = left(&all, dialect, Wall(1_795_651_200_000_000));
            let told = left::names(dialect).filter_map(|name| {
                let value = headers.get(name)?.to_str().expect("text");
                Some(format!("{name}: {value}"))
            });
            let told: Vec<_> = told.collect();
            assert_eq!(told.len(), headers.len());
            told
        };
        assert_eq!(
            told(Dialect::Anthropic),
            [
                "anthropic-ratelimit-requests-limit: 60",
                "anthropic-ratelimit-requests-remaining: 59",
                "anthropic-ratelimit-requests-reset: 2026-11-26T00:01:00Z",
                "anthropic-ratelimit-output-tokens-limit: 60",
                "anthropic-ratelimit-output-tokens-remaining: 59",
                "anthropic-ratelimit-output-tokens-reset: 2026-11-26T00:01:00Z",
                "anthropic-ratelimit-tokens-limit: 5",
                "anthropic-ratelimit-tokens-remaining: 4",
                "anthropic-ratelimit-tokens-reset: 2026-11-26T00:00:05Z",
            ]
        );
        assert_eq!(
            told(Dialect::OpenAi),
            [
                "x-ratelimit-limit-requests: 60",
                "x-ratelimit-remaining-requests: 59",
                "x-ratelimit-reset-requests: 1m0s",
                "x-ratelimit-limit-output-tokens: 60",
                "x-ratelimit-remaining-output-tokens: 59",
                "x-ratelimit-reset-output-tokens: 1m0s",
                "x-ratelimit-limit-tokens: 5",
                "x-ratelimit-remaining-tokens: 4",
                "x-ratelimit-reset-tokens: 5s",
            ]
        );
    }

    #[test]
    fn nothing_bounded_is_nothing_told() {
        let none = left(&AllLeft::default(), Dialect::OpenAi, Wall::default());
        assert!(none.is_empty());
    }
}
