//! What is left of a tenant's limits per minute, as headers.
//!
//! A client is told up to a dozen, with every answer. Their names are hashed once for all answers: each
//! begins with a copy of a map that has them.

use std::sync::OnceLock;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use keyweir_policy::tenancy::left::{self, AllLeft, FIELDS, Reset};
use keyweir_policy::tenancy::period::Wall;
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::dialect::Dialect;

/// Which dimensions may be bounded.
const SETS: usize = 1 << Dimension::COUNT;

/// Headers that an answer has beside these, most often.
const OTHERS: usize = 12;

/// A value for each place among the names, which says where it is.
const PLACES: &[u8; FIELDS] = b"abcdefghijkl";

type Templates = [OnceLock<HeaderMap>; SETS];

static ANTHROPIC: Templates = [const { OnceLock::new() }; SETS];
static OTHER: Templates = [const { OnceLock::new() }; SETS];

/// The headers that tell a client of `dialect` what is left at `now`.
pub(crate) fn left(left: &AllLeft, dialect: Dialect, now: Wall) -> HeaderMap {
    let bounded = left.bounded();
    if bounded == 0 {
        return HeaderMap::new();
    }
    let templates = match dialect {
        Dialect::Anthropic => &ANTHROPIC,
        _ => &OTHER,
    };
    let template = templates[bounded].get_or_init(|| template(dialect, bounded));
    let mut headers = template.clone();
    let mut last = None;
    for value in headers.values_mut() {
        let place = usize::from(value.as_bytes()[0] - PLACES[0]);
        let left = left.of(Dimension::ALL[place / 3]);
        let left = left.expect("bounded");
        *value = match place % 3 {
            0 => left.limit.into(),
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

/// A map with the names of all headers that tell of `bounded` dimensions.
fn template(dialect: Dialect, bounded: usize) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(FIELDS + OTHERS);
    for ((place, name), at) in left::names(dialect).enumerate().zip(PLACES.chunks(1)) {
        if bounded >> (place / 3) & 1 == 1 {
            let at = HeaderValue::from_bytes(at).expect("a letter");
            headers.insert(HeaderName::from_static(name), at);
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
        all.add(Dimension::Requests, of_limit(60));
        all.add(Dimension::OutputTokens, of_limit(60));
        all.add(Dimension::Tokens, of_limit(5));
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
