//! What is left of a tenant's limits per minute, and how its answers tell that: in the headers that
//! the provider would tell its own limits in.
//!
//! Names and forms: <https://docs.anthropic.com/en/api/rate-limits> (resets are moments, RFC 3339),
//! <https://platform.openai.com/docs/guides/rate-limits> (resets are spans: `6m0s`). `OpenAI` knows no
//! limits on input or output alone; they are told in names of the same form.

use std::ops::Range;
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

impl Left {
    /// Whether less is left of it than of `other`, in proportion.
    fn is_scarcer(&self, other: &Self) -> bool {
        let of = |left: u64, limit: u64| u128::from(left) * u128::from(limit.max(1));
        of(self.remaining, other.limit) < of(other.remaining, self.limit)
    }
}

impl AllLeft {
    /// What is left of a dimension, if it is bounded.
    pub const fn of(&self, dimension: Dimension) -> Option<&Left> {
        self.0[dimension.index()].as_ref()
    }

    /// Another limit holds, too: the scarcer one is told.
    pub(crate) fn add(&mut self, dimension: Dimension, left: Left) {
        let told = &mut self.0[dimension.index()];
        if told.is_none_or(|told| left.is_scarcer(&told)) {
            *told = Some(left);
        }
    }

    /// Which dimensions are bounded: a bit for each, by [`Dimension::index`].
    pub fn bounded(&self) -> usize {
        let bit = |(index, left): (usize, &Option<Left>)| usize::from(left.is_some()) << index;
        self.0.iter().enumerate().map(bit).sum()
    }

    /// What its headers say to a client of `dialect` at `now`.
    pub fn values(&self, dialect: Dialect, now: Wall) -> Values {
        let mut values = Values {
            text: Vec::with_capacity(VALUES_BYTES),
            ends: [0; FIELDS],
        };
        // What is hardly used is whole again within the same second, whatever it is.
        let mut last = None;
        for (left, ends) in self.0.iter().zip(values.ends.chunks_exact_mut(3)) {
            ends.fill(values.text.len());
            if let Some(left) = left {
                let text = &mut values.text;
                write_number(text, left.limit);
                ends[0] = text.len();
                write_number(text, left.remaining);
                ends[1] = text.len();
                match dialect {
                    Dialect::Anthropic => {
                        let secs = whole_secs(now, left.reset);
                        match last.replace((secs, text.len()..text.len() + MOMENT.len())) {
                            Some((same, written)) if same == secs => {
                                text.extend_from_within(written);
                            }
                            _ => write_moment(text, secs),
                        }
                    }
                    _ => write_span(text, left.reset),
                }
            }
            ends[2] = values.text.len();
        }
        values
    }
}

/// Headers that tell all: limit, remaining and reset of each dimension, in the order of
/// [`Dimension::index`].
pub const FIELDS: usize = 3 * Dimension::COUNT;

/// Room for the values of all headers, as long as limits have no more than twelve digits.
const VALUES_BYTES: usize = Dimension::COUNT * 44;

/// The names of all headers in `dialect`.
pub fn names(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    let names = match dialect {
        Dialect::Anthropic => &ANTHROPIC,
        _ => &OTHERS,
    };
    names.iter().flatten().copied()
}

/// What headers say, by their place among the [`names`]: ASCII, one value behind another, so that all
/// take one piece of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// All values.
    pub text: Vec<u8>,
    ends: [usize; FIELDS],
}

impl Values {
    /// Where in the text the value of the header at `place` is.
    pub const fn range(&self, place: usize) -> Range<usize> {
        let start = match place {
            0 => 0,
            _ => self.ends[place - 1],
        };
        start..self.ends[place]
    }
}

fn write_number(text: &mut Vec<u8>, number: u64) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The form of a moment.
const MOMENT: &[u8; 20] = b"0000-00-00T00:00:00Z";

/// Seconds since 1970, never early.
fn whole_secs(now: Wall, after: Duration) -> i64 {
    let micros = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
    now.0.saturating_add(micros).saturating_add(999_999) / 1_000_000
}

/// `2026-11-26T00:00:31Z`.
fn write_moment(text: &mut Vec<u8>, secs: i64) {
    let moment = Timestamp::from_second(secs).unwrap_or_default();
    let moment = Offset::UTC.to_datetime(moment);
    let year = moment.year().unsigned_abs();
    let mut written = *MOMENT;
    let two = |number: u8| [b'0' + number / 10, b'0' + number % 10];
    let mut put = |at: usize, number: u8| written[at..at + 2].copy_from_slice(&two(number));
    put(0, (year / 100) as u8);
    put(2, (year % 100) as u8);
    put(5, moment.month().unsigned_abs());
    put(8, moment.day().unsigned_abs());
    put(11, moment.hour().unsigned_abs());
    put(14, moment.minute().unsigned_abs());
    put(17, moment.second().unsigned_abs());
    text.extend_from_slice(&written);
}

/// `250ms`, `1s`, `6m0s`, `1h0m0s`; never early.
fn write_span(text: &mut Vec<u8>, span: Duration) {
    let millis = u64::try_from(span.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
    let mut put = |number: u64, unit: &[u8]| {
        write_number(text, number);
        text.extend_from_slice(unit);
    };
    if millis < 1_000 {
        return put(millis, b"ms");
    }
    let secs = millis.div_ceil(1_000);
    let (hours, minutes) = (secs / 3_600, secs / 60 % 60);
    if hours > 0 {
        put(hours, b"h");
    }
    if hours > 0 || minutes > 0 {
        put(minutes, b"m");
    }
    put(secs % 60, b"s");
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
    fn what_is_left_is_told_as_the_dialect_tells_it() {
        let mut all = AllLeft::default();
        assert_eq!(all.bounded(), 0);
        all.add(Dimension::Requests, left(60, 30, 30_001));
        all.add(Dimension::Requests, left(1_000, 900, 1));
        all.add(Dimension::Tokens, left(5, 5, 0));
        assert_eq!(all.bounded(), 0b1001);
        let told = |dialect| {
            let values = all.values(dialect, Wall(1_795_651_200_000_000));
            let told = names(dialect).enumerate();
            let told = told.map(|(place, name)| (name, &values.text[values.range(place)]));
            told.filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            told(Dialect::Anthropic),
            [
                "anthropic-ratelimit-requests-limit: 60",
                "anthropic-ratelimit-requests-remaining: 30",
                "anthropic-ratelimit-requests-reset: 2026-11-26T00:00:31Z",
                "anthropic-ratelimit-tokens-limit: 5",
                "anthropic-ratelimit-tokens-remaining: 5",
                "anthropic-ratelimit-tokens-reset: 2026-11-26T00:00:00Z",
            ]
        );
        assert_eq!(
            told(Dialect::OpenAi),
            [
                "x-ratelimit-limit-requests: 60",
                "x-ratelimit-remaining-requests: 30",
                "x-ratelimit-reset-requests: 31s",
                "x-ratelimit-limit-tokens: 5",
                "x-ratelimit-remaining-tokens: 5",
                "x-ratelimit-reset-tokens: 0ms",
            ]
        );
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
            let mut text = Vec::new();
            write_moment(&mut text, secs);
            let shown = Timestamp::from_second(secs).expect("a moment").to_string();
            assert_eq!(String::from_utf8_lossy(&text), shown);
        }
        let mut text = Vec::new();
        write_moment(&mut text, whole_secs(Wall(i64::MAX), Duration::MAX));
        assert_eq!(text.len(), 20);
    }

    #[test]
    fn spans_are_written_as_openai_writes_them() {
        for (micros, written) in [
            (0, "0ms"),
            (1, "1ms"),
            (999_000, "999ms"),
            (1_000_001, "2s"),
            (360_000_000, "6m0s"),
            (3_661_000_000, "1h1m1s"),
        ] {
            let mut text = Vec::new();
            write_span(&mut text, Duration::from_micros(micros));
            assert_eq!(String::from_utf8_lossy(&text), written);
        }
    }
}
