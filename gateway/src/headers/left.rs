//! What is left of a tenant's limits per minute, as headers.
//!
//! A client is told up to a dozen, with every answer. Their names are hashed once for all answers: each
//! begins with a copy of a map that has them. The values share one piece of memory.

use std::sync::OnceLock;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use keyweir_policy::tenancy::left::{self, AllLeft, FIELDS};
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
    let mut values = left.values(dialect, now);
    let text = Bytes::from(std::mem::take(&mut values.text));
    for value in headers.values_mut() {
        let place = value.as_bytes()[0] - PLACES[0];
        let text = text.slice(values.range(place.into()));
        *value = HeaderValue::from_maybe_shared(text).expect("digits, and letters of moments");
    }
    headers
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
    use super::*;

    #[test]
    fn nothing_bounded_is_nothing_told() {
        let none = left(&AllLeft::default(), Dialect::OpenAi, Wall::default());
        assert!(none.is_empty());
    }
}
