//! What is left of a tenant's limits per minute, and how its answers tell that: in the headers that
//! the provider would tell its own limits in.
//!
//! Names and forms: <https://docs.anthropic.com/en/api/rate-limits> (resets are moments, RFC 3339),
//! <https://platform.openai.com/docs/guides/rate-limits> (resets are spans: `6m0s`). `OpenAI` knows no
//! limits on input or output alone; they are told in names of the same form.

use std::time::Duration;

use jiff::Timestamp;
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
    fn share(&self) -> u128 {
        u128::from(self.remaining) * 1_000_000 / u128::from(self.limit.max(1))
    }
}

impl AllLeft {
    /// Nothing is bounded.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// What is left of a dimension, if it is bounded.
    pub const fn of(&self, dimension: Dimension) -> Option<&Left> {
        self.0[dimension.index()].as_ref()
    }

    /// Another limit holds, too: the scarcer one is told.
    pub(crate) fn add(&mut self, dimension: Dimension, left: Left) {
        let told = &mut self.0[dimension.index()];
        if told.is_none_or(|told| told.share() > left.share()) {
            *told = Some(left);
        }
    }

    /// The headers that tell it to a client of `dialect` at `now`.
    pub fn headers(
        &self,
        dialect: Dialect,
        now: Wall,
    ) -> impl Iterator<Item = (&'static str, String)> {
        let names = match dialect {
            Dialect::Anthropic => &ANTHROPIC,
            _ => &OTHERS,
        };
        self.0.iter().zip(names).flat_map(move |(left, names)| {
            let headers = left.map(|left| {
                let reset = match dialect {
                    Dialect::Anthropic => moment(now, left.reset),
                    _ => span(left.reset),
                };
                let values = [left.limit.to_string(), left.remaining.to_string(), reset];
                names.iter().copied().zip(values)
            });
            headers.into_iter().flatten()
        })
    }
}

/// A moment in whole seconds, never early.
fn moment(now: Wall, after: Duration) -> String {
    let micros = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
    let secs = now.0.saturating_add(micros).saturating_add(999_999) / 1_000_000;
    Timestamp::from_second(secs).unwrap_or_default().to_string()
}

/// `250ms`, `1s`, `6m0s`, `1h0m0s`; never early.
fn span(span: Duration) -> String {
    let millis = span.as_micros().div_ceil(1_000);
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let secs = millis.div_ceil(1_000);
    match (secs / 3_600, secs / 60 % 60, secs % 60) {
        (0, 0, secs) => format!("{secs}s"),
        (0, minutes, secs) => format!("{minutes}m{secs}s"),
        (hours, minutes, secs) => format!("{hours}h{minutes}m{secs}s"),
    }
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
        assert!(all.is_empty());
        all.add(Dimension::Requests, left(60, 30, 30_001));
        all.add(Dimension::Requests, left(1_000, 900, 1));
        all.add(Dimension::Tokens, left(5, 5, 0));
        let told = |dialect| {
            let headers = all.headers(dialect, Wall(1_795_651_200_000_000));
            headers
                .map(|(name, value)| format!("{name}: {value}"))
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
    fn spans_are_written_as_openai_writes_them() {
        for (micros, written) in [
            (0, "0ms"),
            (1, "1ms"),
            (999_000, "999ms"),
            (1_000_001, "2s"),
            (360_000_000, "6m0s"),
            (3_661_000_000, "1h1m1s"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), written);
        }
    }
}
