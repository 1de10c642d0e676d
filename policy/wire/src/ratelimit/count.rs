//! Numbers in headers.

use std::time::Duration;

use keyweir_terms::snapshot::Reading;
use keyweir_terms::time::SECS_PER_DAY;

/// What a bucket refills in unless the dialect knows better.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// The other spans that budgets are given for.
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// See [`SECOND`].
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
/// See [`SECOND`].
pub(super) const DAY: Duration = Duration::from_secs(SECS_PER_DAY);

/// No budget is larger.
const COUNT_MAX: f64 = 1e15;

/// A limit or what remains of it: negative or absurd means unknown. Fractions (a bucket between
/// two refills) are cut off. Of a list (`100, 100;w=60`) the first counts.
pub(super) fn read(text: &str) -> Option<u64> {
    // The usual case costs nothing.
    if let Some(count) = plain(text) {
        return Some(count);
    }
    let first = text.split([',', ';']).next()?.trim();
    let number: f64 = first.parse().ok()?;
    (0.0..=COUNT_MAX).contains(&number).then_some(number as u64)
}

/// Digits alone, and no more than any budget has.
fn plain(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    text.bytes().try_fold(0, |count, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| count * 10 + u64::from(digit))
    })
}

/// A reading whose parts fit each other.
pub(super) fn reading(limit: Option<u64>, remaining: Option<u64>) -> Reading {
    // A bucket that holds nothing is none: believed, nothing would be sent that could disprove it.
    let (limit, remaining) = match limit {
        Some(0) => (None, None),
        _ => (limit, remaining),
    };
    Reading {
        limit,
        remaining: match (limit, remaining) {
            (Some(limit), Some(remaining)) => Some(remaining.min(limit)),
            _ => remaining,
        },
        window: MINUTE,
        ..Reading::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_count_is_unknown() {
        for (text, count) in [
            ("0", Some(0)),
            ("4000", Some(4000)),
            (" 80000 ", Some(80000)),
            ("79.9", Some(79)),
            ("100, 100;w=60", Some(100)),
            ("100;w=60", Some(100)),
            ("-1", None),
            ("", None),
            ("many", None),
            ("NaN", None),
            ("inf", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(read(text), count, "{text}");
        }
    }

    #[test]
    fn no_more_remains_than_the_limit() {
        assert_eq!(reading(Some(10), Some(11)).remaining, Some(10));
        assert_eq!(reading(None, Some(11)).remaining, Some(11));
        let nothing = reading(Some(0), Some(0));
        assert_eq!((nothing.limit, nothing.remaining), (None, None));
    }
}
