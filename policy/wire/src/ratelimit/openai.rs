//! `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, as OpenAI, Azure and their relatives
//! send them.
//!
//! `reset` is the time until the bucket is full: a duration with units from OpenAI, whole seconds
//! from Azure. Negative values stand for "unknown", and so does a limit of zero on an answer that
//! was served. The window is not told: most limits are per minute, but some accounts' requests (and
//! all of Groq's) are per day, which shows in how long a bucket takes to fill up.

use std::time::Duration;

use crate::ratelimit::count::{DAY, HOUR, MINUTE, SECOND};
use crate::ratelimit::header::{Header, add};
use crate::ratelimit::{count, ietf, plain, window};
use crate::wait::moment::Moment;
use crate::wait::stated;
use keyweir_terms::amount::Dimension;
use keyweir_terms::fingerprint::Fingerprint;
use keyweir_terms::snapshot::{Reading, Snapshot};

pub(super) struct Names {
    dimension: Dimension,
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
    /// `None`: to be seen from the reset.
    window: Option<Duration>,
}

macro_rules! names {
    ($dimension:ident, $name:literal, $window:expr) => {
        Names {
            dimension: Dimension::$dimension,
            limit: concat!("x-ratelimit-limit-", $name),
            remaining: concat!("x-ratelimit-remaining-", $name),
            reset: concat!("x-ratelimit-reset-", $name),
            window: $window,
        }
    };
}

/// Kong's spellings: a window in the name, and one reset for all.
macro_rules! kong {
    ($name:literal, $window:expr) => {
        Names {
            reset: "ratelimit-reset",
            ..names!(Requests, $name, Some($window))
        }
    };
}

const BUCKETS: &[Names] = &[
    names!(Requests, "requests", None),
    names!(Tokens, "tokens", None),
    names!(Requests, "project-requests", None),
    names!(Tokens, "project-tokens", None),
];

/// Mistral's, Cerebras's and Kong's spellings, which have the window in their names.
const RELATIVES: &[Names] = &[
    names!(Requests, "req-minute", Some(MINUTE)),
    names!(Tokens, "tokens-minute", Some(MINUTE)),
    names!(Requests, "requests-minute", Some(MINUTE)),
    names!(Requests, "requests-day", Some(DAY)),
    names!(Tokens, "tokens-day", Some(DAY)),
    names!(Requests, "req-second", Some(SECOND)),
    names!(Requests, "requests-second", Some(SECOND)),
    kong!("second", SECOND),
    kong!("minute", MINUTE),
    kong!("hour", HOUR),
    kong!("day", DAY),
];

pub(super) fn snapshot(header: Header<'_, '_>) -> Snapshot {
    let mut snapshot = Snapshot {
        account_fingerprint: account(header),
        ..Snapshot::default()
    };
    add_buckets(&mut snapshot, header);
    if snapshot.is_empty() {
        plain::add_plain(&mut snapshot, header);
    }
    ietf::add_policies(&mut snapshot, header);
    snapshot
}

/// OpenAI's buckets, or a relative's.
pub(super) fn add_buckets(snapshot: &mut Snapshot, header: Header<'_, '_>) {
    add_named(BUCKETS, snapshot, header);
    if snapshot.is_empty() {
        add_named(RELATIVES, snapshot, header);
    }
}

fn add_named(buckets: &[Names], snapshot: &mut Snapshot, header: Header<'_, '_>) {
    for names in buckets {
        let number = |name| header(name).and_then(count::read);
        let limit = number(names.limit).filter(|limit| *limit > 0);
        let remaining = match limit {
            // Without a limit a zero is as likely a placeholder as a count.
            None => number(names.remaining).filter(|remaining| *remaining > 0),
            Some(_) => number(names.remaining),
        };
        if limit.is_some() || remaining.is_some() {
            let reading = count::reading(limit, remaining);
            let reading = with_reset(reading, names, header);
            add(snapshot, names.dimension, reading);
        }
    }
}

fn with_reset(reading: Reading, names: &Names, header: Header<'_, '_>) -> Reading {
    let date = header("date").and_then(Moment::from_http_date);
    let full = header(names.reset).and_then(|text| stated::reset(text, date));
    let reading = Reading {
        reset: full.map(|span| span.length),
        reset_grain: full.map_or(Duration::ZERO, |span| span.grain),
        ..reading
    };
    let stated = names
        .window
        .or_else(|| ietf::window_of(header, names.dimension, reading.limit));
    Reading {
        window: stated.unwrap_or_else(|| window::of_refill(&reading)),
        ..reading
    }
}

/// Limits hold per organization and project.
fn account(header: Header<'_, '_>) -> Option<u64> {
    let mut account = Fingerprint::default();
    account.mix(header("openai-organization")?.as_bytes());
    if let Some(project) = header("openai-project") {
        account.mix(project.as_bytes());
    }
    account.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &'static str)]) -> Snapshot {
        snapshot(&|name| {
            let found = headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| *value)
        })
    }

    fn bucket(limit: u64, remaining: u64, reset_millis: u64, grain_millis: u64) -> Reading {
        Reading {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(Duration::from_millis(reset_millis)),
            reset_grain: Duration::from_millis(grain_millis),
            window: MINUTE,
            remaining_grain: 0,
        }
    }

    #[test]
    fn reads_openais_durations() {
        let snapshot = read(&[
            ("x-ratelimit-limit-requests", "10000"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-requests", "9999"),
            ("x-ratelimit-remaining-tokens", "132000"),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-reset-tokens", "7.2s"),
            ("openai-organization", "acme"),
        ]);
        assert_eq!(
            snapshot.of(Dimension::Requests),
            Some(&bucket(10_000, 9_999, 6, 1))
        );
        assert_eq!(
            snapshot.of(Dimension::Tokens),
            Some(&bucket(150_000, 132_000, 7_200, 100))
        );
        assert!(snapshot.account_fingerprint.is_some());
    }

    #[test]
    fn reads_azures_whole_seconds() {
        let snapshot = read(&[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "50"),
            ("x-ratelimit-reset-requests", "10"),
            ("x-ratelimit-limit-tokens", "10000"),
            ("x-ratelimit-remaining-tokens", "9000"),
            ("x-ratelimit-reset-tokens", "6"),
        ]);
        assert_eq!(
            snapshot.of(Dimension::Requests),
            Some(&bucket(60, 50, 10_000, 1_000))
        );
        assert_eq!(
            snapshot.of(Dimension::Tokens),
            Some(&bucket(10_000, 9_000, 6_000, 1_000))
        );
    }

    #[test]
    fn requests_per_day_show_in_the_reset() {
        for (limit, remaining, reset, window) in [
            // Groq: per day.
            ("14400", "14399", "6s", DAY),
            ("14400", "14370", "2m59.56s", DAY),
            // OpenAI, a small account: 200 per day.
            ("200", "199", "7m12s", DAY),
            ("500", "499", "120ms", MINUTE),
            ("60", "59", "1s", MINUTE),
            // Five a second.
            ("5", "4", "1s", SECOND),
            ("5", "0", "1s", SECOND),
            // The documentation's own example fits nothing.
            ("150000", "149984", "6m0s", MINUTE),
        ] {
            let snapshot = read(&[
                ("x-ratelimit-limit-requests", limit),
                ("x-ratelimit-remaining-requests", remaining),
                ("x-ratelimit-reset-requests", reset),
            ]);
            assert_eq!(
                snapshot.of(Dimension::Requests).unwrap().window,
                window,
                "{limit} {reset}"
            );
        }
    }

    #[test]
    fn negative_and_zero_limits_are_unknown() {
        for value in ["-1", "0", ""] {
            let snapshot = read(&[
                ("x-ratelimit-limit-tokens", value),
                ("x-ratelimit-remaining-tokens", value),
                ("x-ratelimit-reset-tokens", "0s"),
            ]);
            assert!(snapshot.is_empty(), "{value}");
        }
        let spent = read(&[
            ("x-ratelimit-limit-tokens", "1000"),
            ("x-ratelimit-remaining-tokens", "0"),
        ]);
        assert_eq!(spent.of(Dimension::Tokens).unwrap().remaining, Some(0));
    }

    #[test]
    fn the_scarcer_of_project_and_organization_counts() {
        let snapshot = read(&[
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-tokens", "100000"),
            ("x-ratelimit-limit-project-tokens", "50000"),
            ("x-ratelimit-remaining-project-tokens", "1000"),
        ]);
        assert_eq!(snapshot.of(Dimension::Tokens).unwrap().limit, Some(50_000));
    }

    #[test]
    fn windows_that_are_named_are_taken_at_their_word() {
        for (headers, window) in [
            // Kong, per second, with and without the names that say so.
            (
                &[
                    ("ratelimit-limit", "5"),
                    ("ratelimit-remaining", "4"),
                    ("ratelimit-reset", "1"),
                    ("x-ratelimit-limit-second", "5"),
                    ("x-ratelimit-remaining-second", "4"),
                ][..],
                SECOND,
            ),
            (
                &[
                    ("ratelimit-limit", "5"),
                    ("ratelimit-remaining", "4"),
                    ("ratelimit-reset", "1"),
                ],
                SECOND,
            ),
            (
                &[
                    ("ratelimit-limit", "5"),
                    ("ratelimit-remaining", "4"),
                    ("ratelimit-reset", "1"),
                    ("x-ratelimit-limit-minute", "5"),
                    ("x-ratelimit-remaining-minute", "4"),
                ],
                MINUTE,
            ),
            // The IETF's, beside OpenAI's, beside plain ones, and alone.
            (
                &[
                    ("x-ratelimit-limit-requests", "100"),
                    ("x-ratelimit-remaining-requests", "99"),
                    ("ratelimit-policy", "100;w=1"),
                ],
                SECOND,
            ),
            (
                &[
                    ("ratelimit-limit", "100"),
                    ("ratelimit-remaining", "99"),
                    ("ratelimit-reset", "1"),
                    ("ratelimit-policy", "\"burst\";q=100;w=1"),
                ],
                SECOND,
            ),
            (&[("ratelimit-policy", "\"burst\";q=100;w=1")], SECOND),
            (
                &[
                    ("ratelimit-policy", "\"burst\";q=100;w=1"),
                    ("ratelimit", "\"burst\";r=7;t=1"),
                ],
                SECOND,
            ),
        ] {
            let snapshot = read(headers);
            let requests = snapshot.of(Dimension::Requests).unwrap();
            assert_eq!(requests.window, window, "{headers:?}");
        }
    }

    #[test]
    fn reads_relatives() {
        let mistral = read(&[
            ("x-ratelimit-limit-req-minute", "60"),
            ("x-ratelimit-remaining-req-minute", "59"),
            ("x-ratelimit-limit-tokens-minute", "500000"),
            ("x-ratelimit-remaining-tokens-minute", "499000"),
        ]);
        assert_eq!(mistral.of(Dimension::Requests).unwrap().remaining, Some(59));
        assert_eq!(
            mistral.of(Dimension::Tokens).unwrap().remaining,
            Some(499_000)
        );
        let cerebras = read(&[
            ("x-ratelimit-limit-requests-day", "14400"),
            ("x-ratelimit-remaining-requests-day", "14399"),
            ("x-ratelimit-reset-requests-day", "33011.382867"),
        ]);
        let requests = cerebras.of(Dimension::Requests).unwrap();
        assert_eq!(
            (requests.window, requests.reset.unwrap().as_secs()),
            (DAY, 33_011)
        );
        let openrouter = read(&[
            ("date", "Sun, 22 Nov 2026 02:00:00 GMT"),
            ("x-ratelimit-limit", "20"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1795312830000"),
        ]);
        let requests = openrouter.of(Dimension::Requests).unwrap();
        assert_eq!(
            (requests.remaining, requests.reset),
            (Some(0), Some(Duration::from_secs(30)))
        );
    }
}
