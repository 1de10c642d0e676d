//! `anthropic-ratelimit-*`.
//!
//! Token buckets with continuous refill, per minute. `reset` is the moment at which a bucket will
//! be *full* (not when a request may be retried), in whole seconds. What remains of tokens is
//! rounded to the nearest thousand. `tokens-*` is the most restrictive token limit in effect (a
//! workspace's, say), or else the sum of input and output.
//!
//! Not read: `anthropic-priority-*` and `anthropic-fast-*` (buckets of other tiers, beside these)
//! and `anthropic-ratelimit-unified-*` (consumer plans).

use std::time::Duration;

use crate::ratelimit::header::{Header, add};
use crate::ratelimit::{count, ietf};
use crate::wait::moment::Moment;
use crate::wait::stated;
use keyweir_terms::amount::Dimension;
use keyweir_terms::fingerprint::Fingerprint;
use keyweir_terms::snapshot::{Reading, Snapshot};

/// Half of the thousand that remaining tokens are rounded to.
const TOKENS_GRAIN: u64 = 500;

struct Names {
    dimension: Dimension,
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
    grain: u64,
}

macro_rules! names {
    ($dimension:ident, $name:literal, $grain:expr) => {
        Names {
            dimension: Dimension::$dimension,
            limit: concat!("anthropic-ratelimit-", $name, "-limit"),
            remaining: concat!("anthropic-ratelimit-", $name, "-remaining"),
            reset: concat!("anthropic-ratelimit-", $name, "-reset"),
            grain: $grain,
        }
    };
}

const BUCKETS: [Names; 4] = [
    names!(Requests, "requests", 0),
    names!(InputTokens, "input-tokens", TOKENS_GRAIN),
    names!(OutputTokens, "output-tokens", TOKENS_GRAIN),
    names!(Tokens, "tokens", TOKENS_GRAIN),
];

pub(super) fn snapshot(header: Header<'_, '_>) -> Snapshot {
    let mut snapshot = Snapshot {
        account_fingerprint: account(header),
        ..Snapshot::default()
    };
    add_buckets(&mut snapshot, header);
    ietf::add_policies(&mut snapshot, header);
    snapshot
}

pub(super) fn add_buckets(snapshot: &mut Snapshot, header: Header<'_, '_>) {
    let date = header("date").and_then(Moment::from_http_date);
    // Most buckets of an answer are full at the same moment.
    let mut last = ("", None);
    let mut reset = |text| {
        if text != last.0 {
            last = (text, stated::reset(text, date));
        }
        last.1
    };
    for names in &BUCKETS {
        let number = |name| header(name).and_then(count::read);
        let (limit, remaining) = (number(names.limit), number(names.remaining));
        if limit.is_none() && remaining.is_none() {
            continue;
        }
        let full = header(names.reset).and_then(&mut reset);
        add(
            snapshot,
            names.dimension,
            Reading {
                reset: full.map(|span| span.length),
                reset_grain: full.map_or(Duration::ZERO, |span| span.grain),
                remaining_grain: grain(names.grain, remaining),
                ..count::reading(limit, remaining)
            },
        );
    }
}

/// What is no whole thousand was not rounded to one.
fn grain(grain: u64, remaining: Option<u64>) -> u64 {
    let is_rounded = remaining.is_none_or(|it| it.is_multiple_of(2 * TOKENS_GRAIN));
    if is_rounded { grain } else { 0 }
}

/// Limits hold per organization, and per workspace on top.
fn account(header: Header<'_, '_>) -> Option<u64> {
    let mut account = Fingerprint::default();
    account.mix(header("anthropic-organization-id")?.as_bytes());
    if let Some(workspace) = header("anthropic-workspace-id") {
        account.mix(workspace.as_bytes());
    }
    account.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the API sends them, ids replaced.
    const RECORDED: &[(&str, &str)] = &[
        ("date", "Sun, 22 Nov 2026 02:00:00 GMT"),
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-remaining", "3999"),
        ("anthropic-ratelimit-requests-reset", "2026-11-22T02:00:00Z"),
        ("anthropic-ratelimit-input-tokens-limit", "2000000"),
        ("anthropic-ratelimit-input-tokens-remaining", "1985000"),
        (
            "anthropic-ratelimit-input-tokens-reset",
            "2026-11-22T02:00:01Z",
        ),
        ("anthropic-ratelimit-output-tokens-limit", "400000"),
        ("anthropic-ratelimit-output-tokens-remaining", "400000"),
        (
            "anthropic-ratelimit-output-tokens-reset",
            "2026-11-22T01:59:59Z",
        ),
        ("anthropic-ratelimit-tokens-limit", "2400000"),
        ("anthropic-ratelimit-tokens-remaining", "2385000"),
        ("anthropic-ratelimit-tokens-reset", "2026-11-22T02:00:01Z"),
        (
            "anthropic-organization-id",
            "5c1f0000-0000-4000-8000-000000000000",
        ),
        ("anthropic-workspace-id", "wrkspc_01"),
    ];

    fn read(headers: &[(&str, &'static str)]) -> Snapshot {
        snapshot(&|name| {
            let found = headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| *value)
        })
    }

    fn bucket(
        limit: u64,
        remaining: u64,
        reset_secs: u64,
        remaining_grain: u64,
    ) -> Option<Reading> {
        Some(Reading {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(Duration::from_secs(reset_secs)),
            reset_grain: Duration::from_secs(1),
            window: Duration::from_secs(60),
            remaining_grain,
        })
    }

    #[test]
    fn reads_the_headers_of_an_answer() {
        assert_eq!(
            read(RECORDED).readings,
            [
                bucket(4_000, 3_999, 0, 0),
                bucket(2_000_000, 1_985_000, 1, 500),
                bucket(400_000, 400_000, 0, 500),
                bucket(2_400_000, 2_385_000, 1, 500),
            ]
        );
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_is_unknown() {
        assert!(read(&[]).is_empty());
        let partial = read(&[
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "-3"),
            ("anthropic-ratelimit-requests-reset", "2026-11-22T02:00:00Z"),
            ("anthropic-ratelimit-tokens-remaining", "many"),
        ]);
        let requests = partial.of(Dimension::Requests).unwrap();
        assert_eq!(
            (requests.limit, requests.remaining, requests.reset),
            (Some(50), None, None)
        );
        assert_eq!(partial.of(Dimension::Tokens), None);
    }

    #[test]
    fn keys_of_one_workspace_have_one_fingerprint() {
        let of = |headers: &[(&str, &'static str)]| read(headers).account_fingerprint;
        let organization = ("anthropic-organization-id", "org-1");
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("anthropic-workspace-id", "w-1")]), None);
        let one = of(&[organization, ("anthropic-workspace-id", "w-1")]);
        assert!(one.is_some());
        assert_eq!(one, of(&[("anthropic-workspace-id", "w-1"), organization]));
        assert_ne!(one, of(&[organization, ("anthropic-workspace-id", "w-2")]));
        assert_ne!(one, of(&[organization]));
    }
}
