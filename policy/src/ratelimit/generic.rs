//! `X-RateLimit-*` of no particular dialect.
//!
//! A provider we know nothing of may use anybody's headers: the IETF's come first, because they
//! say what they mean, then those of the dialects we know, then the plain names.

use std::time::Duration;

use super::count::{self, DAY, MINUTE};
use super::moment::Moment;
use super::{Header, add, anthropic, ietf, openai, reset};
use crate::snapshot::{Reading, Snapshot};
use crate::units::Dimension;

/// Limit, remaining and reset, in the spellings that are in use.
const PLAIN: [[&str; 3]; 3] = [
    [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ],
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
    [
        "x-rate-limit-limit",
        "x-rate-limit-remaining",
        "x-rate-limit-reset",
    ],
];

pub(super) fn snapshot(header: Header<'_, '_>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    ietf::add_policies(&mut snapshot, header);
    let readers = [openai::add_buckets, anthropic::add_buckets, add_plain];
    for add_readings in readers {
        if snapshot.is_empty() {
            add_readings(&mut snapshot, header);
        }
    }
    snapshot
}

/// The plain names, which speak of requests.
pub(super) fn add_plain(snapshot: &mut Snapshot, header: Header<'_, '_>) {
    for [limit, remaining, reset] in PLAIN {
        let number = |name| header(name).and_then(count::read);
        let reading = count::reading(number(limit), number(remaining));
        if reading.limit.is_none() && reading.remaining.is_none() {
            continue;
        }
        let date = header("date").and_then(Moment::from_http_date);
        let full = header(reset).and_then(|text| reset::read(text, date));
        let stated = header(limit).and_then(stated_window);
        let reading = Reading {
            reset: full.map(|span| span.length),
            reset_grain: full.map_or(Duration::ZERO, |span| span.grain),
            window: stated.unwrap_or_else(|| window(full.map(|span| span.length))),
            ..reading
        };
        add(snapshot, Dimension::Requests, reading);
        return;
    }
}

/// The `w=60` of `100, 100;w=60`, as older drafts of the IETF's had it.
fn stated_window(limit: &str) -> Option<Duration> {
    let (_, after) = limit.split_once("w=")?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    let secs: u64 = digits.parse().ok()?;
    let secs_max = 32 * DAY.as_secs();
    (1..=secs_max)
        .contains(&secs)
        .then(|| Duration::from_secs(secs))
}

/// A window is at least as long as the time until it ends.
fn window(reset: Option<Duration>) -> Duration {
    const HOUR: Duration = Duration::from_secs(3_600);
    let reset = reset.unwrap_or_default();
    [MINUTE, HOUR, DAY]
        .into_iter()
        .find(|window| reset <= *window)
        .unwrap_or(reset)
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

    #[test]
    fn reads_the_plain_names_in_all_spellings() {
        for prefix in ["x-ratelimit", "ratelimit", "x-rate-limit"] {
            let reading = snapshot(&|name| match name.strip_prefix(prefix)? {
                "-limit" => Some("100"),
                "-remaining" => Some("40"),
                "-reset" => Some("30"),
                _ => None,
            });
            let reading = reading.of(Dimension::Requests).unwrap();
            assert_eq!((reading.limit, reading.remaining), (Some(100), Some(40)));
            assert_eq!(
                (reading.reset, reading.window),
                (Some(Duration::from_secs(30)), MINUTE)
            );
        }
    }

    #[test]
    fn the_window_is_stated_or_as_long_as_the_reset() {
        for (limit, reset, window_secs) in [
            ("100", "59", 60),
            ("100", "61", 3_600),
            ("100", "4000", 86_400),
            ("100", "200000", 200_000),
            ("100, 100;w=10", "5", 10),
            ("100, 100;w=99999999", "5", 60),
        ] {
            let snapshot = read(&[("x-ratelimit-limit", limit), ("x-ratelimit-reset", reset)]);
            let reading = snapshot.of(Dimension::Requests).unwrap();
            assert_eq!(reading.window.as_secs(), window_secs, "{limit} {reset}");
        }
    }

    #[test]
    fn knows_the_headers_of_other_dialects() {
        let openai = read(&[("x-ratelimit-limit-tokens", "1000")]);
        assert_eq!(openai.of(Dimension::Tokens).unwrap().limit, Some(1_000));
        let anthropic = read(&[("anthropic-ratelimit-input-tokens-limit", "1000")]);
        assert_eq!(
            anthropic.of(Dimension::InputTokens).unwrap().limit,
            Some(1_000)
        );
        let ietf = read(&[
            ("ratelimit", "\"default\";r=50;t=30"),
            ("x-ratelimit-limit", "7"),
        ]);
        assert_eq!(ietf.of(Dimension::Requests).unwrap().remaining, Some(50));
        assert!(read(&[("x-ratelimit-reset", "30")]).is_empty());
    }
}
