//! What the words of a refusal say of the bucket that was short: which it is, what its limit is, and
//! what is left.
//!
//! | Words | Who |
//! |---|---|
//! | `This request would exceed your organization's rate limit of 30,000 input tokens per minute (org: …, model: …)` | Anthropic; before 2026 `… the rate limit for your organization (…) of 30,000 input tokens per minute` |
//! | `Rate limit reached for … on tokens per min (TPM): Limit 30000, Used 14567, Requested 24754. Please try again in 18.642s.` | OpenAI, Groq |
//! | `… on tokens per min. Limit: 10000 / min. …` | OpenAI until 2023 |
//! | `… exceeded token rate limit of your current … tier` | Azure |
//! | `Too many tokens, please wait before trying again.` | Bedrock |
//! | `Quota exceeded for metric: …/generate_content_…_input_token_count, limit: 250000, model: …` | Gemini |
//! | `Requests rate limit exceeded` | Mistral, Alibaba |
//!
//! `Used` is exact: the wait that OpenAI names is what then lacks over a sixtieth of the limit per second.
//!
//! Some quote the model, which a client has chosen: Anthropic and Gemini after what is read here, OpenAI
//! before it. So the first that fits is read of the former, and the last of the latter.

use std::time::Duration;

use crate::ratelimit::count::{self, MINUTE, SECOND};
use keyweir_terms::amount::Dimension;
use keyweir_terms::snapshot::{Reading, Snapshot};

/// Names of dimensions, the longer ones first, since some have others in them.
const NAMES: [(&str, Dimension); 4] = [
    ("input tokens", Dimension::InputTokens),
    ("output tokens", Dimension::OutputTokens),
    ("tokens", Dimension::Tokens),
    ("requests", Dimension::Requests),
];

/// Beginnings of refusals that name a dimension and no limit that could be read; a `*` stands for
/// anything.
const PLAIN: [(&str, Dimension); 7] = [
    ("too many tokens", Dimension::Tokens),
    ("too many requests, please wait before", Dimension::Requests),
    ("requests rate limit exceeded", Dimension::Requests),
    ("*exceeded token rate limit of your", Dimension::Tokens),
    ("*exceeded call rate limit of your", Dimension::Requests),
    ("*metric: *input_token_count", Dimension::InputTokens),
    ("*metric: *_requests, limit: ", Dimension::Requests),
];

/// Adds to what the headers of a refusal say what its message says, which is in lower case. Where both
/// speak of a bucket the headers are right.
pub(crate) fn add(snapshot: &mut Snapshot, message: &str) {
    let Some((dimension, reading)) = read(message) else {
        return;
    };
    snapshot.short_of = Some(dimension);
    let place = &mut snapshot.readings[dimension.index()];
    if place.is_none() {
        *place = reading;
    }
}

fn read(message: &str) -> Option<(Dimension, Option<Reading>)> {
    anthropic(message)
        .or_else(|| openai(message))
        .or_else(|| plain(message))
}

/// `this request would exceed … of 30,000 input tokens per minute …`.
fn anthropic(message: &str) -> Option<(Dimension, Option<Reading>)> {
    let rest = message.strip_prefix("this request would exceed ")?;
    let (before, after) = rest.split_once(" per ")?;
    let (dimension, number) = NAMES.iter().find_map(|(name, dimension)| {
        let number = before.strip_suffix(name)?.trim_end();
        Some((*dimension, number.rsplit(' ').next()?))
    })?;
    let limit = whole(number);
    Some((dimension, reading(limit, None, after)))
}

/// `… on tokens per min (tpm): limit 30000, used 14567, requested 24754. …`.
fn openai(message: &str) -> Option<(Dimension, Option<Reading>)> {
    if !message.starts_with("rate limit reached") {
        return None;
    }
    let (before, after) = message.rsplit_once(" per ")?;
    let on = NAMES.iter().find(|(name, _)| {
        let before = before.strip_suffix(name);
        before.is_some_and(|it| it.ends_with(" on "))
    });
    let (_, dimension) = on?;
    let number = |word: &str| {
        let (_, rest) = after.split_once(word)?;
        let rest = rest.trim_start_matches([':', ' ']);
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ','));
        whole(rest[..end.unwrap_or(rest.len())].trim_end_matches(','))
    };
    let (limit, used) = (number("limit"), number("used"));
    let left = limit
        .zip(used)
        .map(|(limit, used)| limit.saturating_sub(used));
    Some((*dimension, reading(limit, left, after)))
}

fn plain(message: &str) -> Option<(Dimension, Option<Reading>)> {
    let is_meant = |pattern: &str| {
        let mut parts = pattern.split('*');
        let first = parts.next().unwrap_or_default();
        let rest = message.strip_prefix(first);
        let found = parts.try_fold(rest?, |rest, part| Some(rest.split_once(part)?.1));
        found.map(drop)
    };
    let mut known = PLAIN.iter();
    let (_, dimension) = known.find(|(pattern, _)| is_meant(pattern).is_some())?;
    Some((*dimension, None))
}

/// Digits, perhaps in groups of three.
fn whole(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit() || it == b',');
    count::read(&text.replace(',', "")).filter(|_| is_number)
}

/// A bucket of a minute or a second: what is counted by the hour or day is another beside it.
fn reading(limit: Option<u64>, remaining: Option<u64>, unit: &str) -> Option<Reading> {
    let window = if unit.starts_with("min") {
        MINUTE
    } else if unit.starts_with("sec") {
        SECOND
    } else {
        return None;
    };
    let limit = limit.filter(|limit| *limit > 0)?;
    Some(Reading {
        window,
        remaining_grain: 0,
        reset_grain: Duration::ZERO,
        ..count::reading(Some(limit), remaining)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Dimension::{InputTokens, OutputTokens, Requests, Tokens};

    /// As providers word them, names and ids replaced; the dimension, the limit per minute, what is left.
    const SAID: [(&str, Dimension, Option<u64>, Option<u64>); 12] = [
        (
            "This request would exceed your organization's rate limit of 30,000 input tokens per minute (org: x, model: claude-opus-4-6). For details, refer to: https://docs.claude.com/en/api/rate-limits.",
            InputTokens,
            Some(30_000),
            None,
        ),
        (
            "This request would exceed the rate limit for your organization (x) of 1,000,000 input tokens per minute. For details, refer to …",
            InputTokens,
            Some(1_000_000),
            None,
        ),
        (
            "This request would exceed your organization's rate limit of 8,000 output tokens per minute (org: x, model: 1 requests per minute).",
            OutputTokens,
            Some(8_000),
            None,
        ),
        (
            "This request would exceed your organization's rate limit of 50 requests per minute (org: x).",
            Requests,
            Some(50),
            None,
        ),
        (
            "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 14567, Requested 24754. Please try again in 18.642s. Visit …",
            Tokens,
            Some(30_000),
            Some(15_433),
        ),
        (
            "Rate limit reached for x on tokens per min (TPM): Limit 1, Used 1 in organization org-x on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.",
            Requests,
            Some(3),
            Some(0),
        ),
        (
            "Rate limit reached for 10KTPM-200RPM in organization org-x on tokens per min. Limit: 10000 / min. Please try again in 6ms. Contact us",
            Tokens,
            Some(10_000),
            None,
        ),
        (
            "Rate limit reached for gpt-4o-mini in organization org-x on requests per day (RPD): Limit 10000, Used 10000, Requested 1. Please try again in 8.64s.",
            Requests,
            None,
            None,
        ),
        (
            "Requests to the ChatCompletions_Create Operation have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 6 seconds.",
            Tokens,
            None,
            None,
        ),
        (
            "You exceeded your current quota. \n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_input_token_count, limit: 250000, model: gemini-2.5-pro\nPlease retry in 34.5s.",
            InputTokens,
            None,
            None,
        ),
        (
            "Too many tokens, please wait before trying again.",
            Tokens,
            None,
            None,
        ),
        ("Requests rate limit exceeded", Requests, None, None),
    ];

    #[test]
    fn words_of_the_field_are_read() {
        for (words, dimension, limit, left) in SAID {
            let mut snapshot = Snapshot::default();
            add(&mut snapshot, &words.to_ascii_lowercase());
            assert_eq!(snapshot.short_of, Some(dimension), "{words}");
            let reading = snapshot.readings[dimension.index()];
            assert_eq!(reading.and_then(|it| it.limit), limit, "{words}");
            assert_eq!(reading.and_then(|it| it.remaining), left, "{words}");
        }
    }

    #[test]
    fn what_is_no_refusal_of_a_bucket_says_nothing() {
        for words in [
            "",
            "rate limit reached",
            "rate limit exceeded: free-models-per-min.",
            "this request would exceed  per ",
            "this request would exceed your organization's rate limit of many input tokens per minute",
            "too many requests.",
            "request too large for gpt-4o on tokens per min (tpm): limit 30000, requested 34307.",
        ] {
            let mut snapshot = Snapshot::default();
            add(&mut snapshot, words);
            let has_reading = snapshot.readings.iter().any(Option::is_some);
            assert!(!has_reading, "{words}");
        }
    }

    #[test]
    fn headers_outrank_words() {
        let mut snapshot = Snapshot::default();
        let told = count::reading(Some(7), Some(3));
        snapshot.readings[Requests.index()] = Some(told);
        add(
            &mut snapshot,
            "this request would exceed your organization's rate limit of 50 requests per minute",
        );
        assert_eq!(snapshot.readings[Requests.index()], Some(told));
        assert_eq!(snapshot.short_of, Some(Requests));
    }
}
