//! What an account's budget headers say that is not so.
//!
//! Each lie is one a client has met or must survive. They touch headers only: the buckets stay
//! strict.

use http::HeaderValue;
use serde::{Deserialize, Serialize};

/// One way in which headers mislead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    /// `remaining` counts against a whole minute's bucket, while bursts are enforced.
    MinuteScale,
    /// `remaining` is above `limit`.
    RemainingAboveLimit,
    /// `remaining` is always the limit.
    RemainingFull,
    /// `remaining` is always 0.
    RemainingZero,
    /// `remaining` is -1.
    RemainingNegative,
    /// `remaining` does not fit into 64 bits.
    RemainingAbsurd,
    /// `remaining` is no number.
    RemainingGarbage,
    /// No `remaining`.
    RemainingMissing,
    /// No `limit`.
    LimitMissing,
    /// `limit` is 0.
    LimitZero,
    /// `reset` lies an hour back (or is negative).
    ResetPast,
    /// `reset` is a century ahead.
    ResetAbsurd,
    /// `reset` is no time.
    ResetGarbage,
    /// No `reset`.
    ResetMissing,
    /// No budget header at all, on answers and refusals.
    AllMissing,
    /// No budget header on answers; refusals have them.
    OnlyOnRefusals,
    /// No `retry-after` on refusals.
    RetryAfterMissing,
    /// `retry-after` is a date.
    RetryAfterDate,
    /// `retry-after` is 0.
    RetryAfterZero,
    /// `retry-after` is an hour whatever the bucket says.
    RetryAfterHour,
    /// No `anthropic-organization-id`.
    OrganizationMissing,
    /// No header speaks of requests (Anthropic's only, as all that follow).
    RequestsUntold,
    /// No header speaks of input tokens.
    InputUntold,
    /// No header speaks of output tokens.
    OutputUntold,
    /// No header speaks of tokens of both kinds.
    TokensUntold,
    /// `tokens` shows whichever of input and output is nearer to its end, from answer to answer.
    TokensTighter,
    /// Tokens that remain are told to the token.
    RemainingExact,
    /// Tokens that remain are rounded down to a thousand.
    RemainingRoundedDown,
    /// `reset` is when there is anything left again, not when it is full.
    ResetAny,
    /// `retry-after` is a second whatever the bucket says.
    RetryAfterSecond,
    /// The words of a refusal do not say which limit it is for.
    WordsMissing,
}

/// A set of lies, cheap to ask.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lies(u32);

impl Lies {
    pub(crate) fn tells(self, lie: Lie) -> bool {
        self.0 & (1 << lie as u32) != 0
    }

    /// The `limit` header of a bucket.
    pub(crate) fn limit(self, limit: u64) -> Option<HeaderValue> {
        if self.tells(Lie::LimitMissing) {
            None
        } else if self.tells(Lie::LimitZero) {
            Some(HeaderValue::from(0))
        } else {
            Some(HeaderValue::from(limit))
        }
    }

    /// The `remaining` header of a bucket.
    pub(crate) fn remaining(self, remaining: u64, limit: u64) -> Option<HeaderValue> {
        if self.0 == 0 {
            return Some(HeaderValue::from(remaining));
        }
        let fixed = |text| Some(HeaderValue::from_static(text));
        if self.tells(Lie::RemainingMissing) {
            None
        } else if self.tells(Lie::RemainingAboveLimit) {
            Some(HeaderValue::from(
                limit.saturating_mul(2).saturating_add(1_000),
            ))
        } else if self.tells(Lie::RemainingFull) {
            Some(HeaderValue::from(limit))
        } else if self.tells(Lie::RemainingZero) {
            fixed("0")
        } else if self.tells(Lie::RemainingNegative) {
            fixed("-1")
        } else if self.tells(Lie::RemainingAbsurd) {
            fixed("99999999999999999999999999")
        } else if self.tells(Lie::RemainingGarbage) {
            fixed("plenty")
        } else {
            Some(HeaderValue::from(remaining))
        }
    }
}

impl Lies {
    /// What is told to remain of tokens, of what does: to the nearest thousand.
    pub(crate) fn rounded(self, left: f64) -> u64 {
        if self.tells(Lie::RemainingExact) {
            left as u64
        } else if self.tells(Lie::RemainingRoundedDown) {
            (left / 1e3) as u64 * 1_000
        } else {
            (left / 1e3).round() as u64 * 1_000
        }
    }
}

impl From<&[Lie]> for Lies {
    fn from(lies: &[Lie]) -> Self {
        Self(lies.iter().fold(0, |set, lie| set | 1 << *lie as u32))
    }
}
