//! What is left of a tenant's limits per minute, and how its answers tell that: in the headers that
//! the provider would tell its own limits in.
//!
//! Names and forms: <https://docs.anthropic.com/en/api/rate-limits> (resets are moments, RFC 3339),
//! <https://platform.openai.com/docs/guides/rate-limits> (resets are spans: `6m0s`). `OpenAI` knows no
//! limits on input or output alone; they are told in names of the same form.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;
use keyweir_terms::amount::Dimension;
use keyweir_terms::dialect::Dialect;

use crate::period::Wall;

/// What is left of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Per minute.
    pub limit: u64,
    /// Of that.
    pub remaining: u64,
    /// Until it is whole again.
    pub reset: Duration,
}

/// Of each dimension, what is left of the limit that is nearest to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllLeft([Option<Left>; Dimension::COUNT]);

/// The names of limit, remaining and reset, by [`Dimension::index`].
type Names = [[&'static str; 3]; Dimension::COUNT];

const ANTHROPIC: Names = [
    [
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ],
    [
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ],
    [
        "anthropic-ratelimit-output-tokens-limit",
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ],
    [
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ],
];

const OTHERS: Names = [
    [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ],
    [
        "x-ratelimit-limit-input-tokens",
        "x-ratelimit-remaining-input-tokens",
        "x-ratelimit-reset-input-tokens",
    ],
    [
        "x-ratelimit-limit-output-tokens",
        "x-ratelimit-remaining-output-tokens",
        "x-ratelimit-reset-output-tokens",
    ],
    [
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ],
];

impl AllLeft {
    /// What is left of a dimension, if it is bounded.
    pub const fn of(&self, dimension: Dimension) -> Option<&Left> {
        self.0[dimension.index()].as_ref()
    }

    /// Whether a limit of which so much is `remaining` is scarcer, in proportion, than what is told of
    /// its dimension.
    pub fn is_scarcer(&self, dimension: Dimension, limit: u64, remaining: u64) -> bool {
        let of = |left: u64, limit: u64| u128::from(left) * u128::from(limit.max(1));
        self.of(dimension)
            .is_none_or(|told| of(remaining, told.limit) < of(told.remaining, limit))
    }

    /// Tells of this limit.
    pub const fn tell(&mut self, dimension: Dimension, left: Left) {
        self.0[dimension.index()] = Some(left);
    }
}

/// Headers that tell all: limit, remaining and reset of each dimension, in the order of
/// [`Dimension::index`].
pub const FIELDS: usize = 3 * Dimension::COUNT;

/// The names of all headers in `dialect`.
pub fn names(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    let names = match dialect {
        Dialect::Anthropic => &ANTHROPIC,
        _ => &OTHERS,
    };
    names.iter().flatten().copied()
}

/// When a limit is whole again, as precisely as its header says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Seconds since 1970, never early.
    At(i64),
    /// Milliseconds, and seconds from the first on; never early.
    In(u64),
}

impl Reset {
    /// As a client of `dialect` is told it at `now`.
    pub fn of(left: &Left, dialect: Dialect, now: Wall) -> Self {
        let micros = left.reset.as_micros();
        match dialect {
            Dialect::Anthropic => {
                let micros = i64::try_from(micros).unwrap_or(i64::MAX);
                Self::At(now.0.saturating_add(micros).saturating_add(999_999) / 1_000_000)
            }
            _ => {
                let millis = u64::try_from(micros.div_ceil(1_000)).unwrap_or(u64::MAX);
                Self::In(match millis {
                    0..1_000 => millis,
                    _ => millis.div_ceil(1_000).saturating_mul(1_000),
                })
            }
        }
    }

    /// Its header's text: ASCII.
    pub fn text(self) -> Vec<u8> {
        match self {
            Self::At(secs) => moment(secs).to_vec(),
            Self::In(millis) => span(millis),
        }
    }
}

/// `2026-11-26T00:00:31Z`.
fn moment(secs: i64) -> [u8; 20] {
    let moment = Timestamp::from_second(secs).unwrap_or_default();
    let moment = Offset::UTC.to_datetime(moment);
    let year = moment.year().unsigned_abs();
    let mut written = *b"0000-00-00T00:00:00Z";
    let two = |number: u8| [b'0' + number / 10, b'0' + number % 10];
    let mut put = |at: usize, number: u8| written[at..at + 2].copy_from_slice(&two(number));
    put(0, (year / 100) as u8);
    put(2, (year % 100) as u8);
    put(5, moment.month().unsigned_abs());
    put(8, moment.day().unsigned_abs());
    put(11, moment.hour().unsigned_abs());
    put(14, moment.minute().unsigned_abs());
    put(17, moment.second().unsigned_abs());
    written
}

/// `250ms`, `1s`, `6m0s`, `1h0m0s`.
fn span(millis: u64) -> Vec<u8> {
    let mut text = Vec::new();
    let mut put = |number: u64, unit: &[u8]| {
        text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        text.extend_from_slice(unit);
    };
    if millis < 1_000 {
        put(millis, b"ms");
        return text;
    }
    let secs = millis / 1_000;
    let (hours, minutes) = (secs / 3_600, secs / 60 % 60);
    if hours > 0 {
        put(hours, b"h");
    }
    if hours > 0 || minutes > 0 {
        put(minutes, b"m");
    }
    put(secs % 60, b"s");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(limit: u64, remaining: u64, millis: u64) -> Left {
        Left {
            limit,
            remaining,
            reset: Duration::from_millis(millis),
        }
    }

    #[test]
    fn of_each_dimension_the_scarcest_is_told() {
        let mut all = AllLeft::default();
        for (dimension, left) in [
            (Dimension::Requests, left(60, 30, 30_001)),
            (Dimension::Requests, left(1_000, 900, 1)),
            (Dimension::Tokens, left(5, 5, 0)),
        ] {
            if all.is_scarcer(dimension, left.limit, left.remaining) {
                all.tell(dimension, left);
            }
        }
        assert_eq!(all.of(Dimension::Requests), Some(&left(60, 30, 30_001)));
        assert_eq!(all.of(Dimension::Tokens), Some(&left(5, 5, 0)));
        assert_eq!(all.of(Dimension::InputTokens), None);
    }

    #[test]
    fn resets_are_told_as_the_dialect_tells_them_and_never_early() {
        let now = Wall(1_795_651_200_000_000);
        let told = |dialect, micros| {
            let left = Left {
                reset: Duration::from_micros(micros),
                ..left(1, 0, 0)
            };
            String::from_utf8(Reset::of(&left, dialect, now).text()).expect("ASCII")
        };
        for (micros, at, within) in [
            (0, "2026-11-26T00:00:00Z", "0ms"),
            (1, "2026-11-26T00:00:01Z", "1ms"),
            (999_000, "2026-11-26T00:00:01Z", "999ms"),
            (999_001, "2026-11-26T00:00:01Z", "1s"),
            (1_000_001, "2026-11-26T00:00:02Z", "2s"),
            (30_001_000, "2026-11-26T00:00:31Z", "31s"),
            (360_000_000, "2026-11-26T00:06:00Z", "6m0s"),
            (3_661_000_000, "2026-11-26T01:01:01Z", "1h1m1s"),
        ] {
            assert_eq!(told(Dialect::Anthropic, micros), at, "{micros}");
            assert_eq!(told(Dialect::OpenAi, micros), within, "{micros}");
        }
    }

    #[test]
    fn moments_are_those_that_a_calendar_shows() {
        for secs in [
            0,
            951_782_399,
            1_795_651_200,
            4_107_542_400,
            253_402_207_200,
        ] {
            let shown = Timestamp::from_second(secs).expect("a moment").to_string();
            assert_eq!(String::from_utf8_lossy(&moment(secs)), shown);
        }
        let longest = left(1, 0, u64::MAX);
        let last = Reset::of(&longest, Dialect::Anthropic, Wall(i64::MAX));
        assert_eq!(last.text().len(), 20);
    }
}
