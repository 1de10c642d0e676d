//! `X-RateLimit-*` without more: the plain names, which speak of requests.

use std::time::Duration;

use keyweir_terms::amount::Dimension;
use keyweir_terms::snapshot::{Reading, Snapshot};

use crate::ratelimit::count::{self, DAY};
use crate::ratelimit::header::{Header, add};
use crate::ratelimit::{ietf, window};
use crate::wait::moment::Moment;
use crate::wait::stated;

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

/// The plain names, which speak of requests.
pub(super) fn add_plain(snapshot: &mut Snapshot, header: Header<'_, '_>) {
    for [limit, remaining, reset] in PLAIN {
        let number = |name| header(name).and_then(count::read);
        let reading = count::reading(number(limit), number(remaining));
        if reading.limit.is_none() && reading.remaining.is_none() {
            continue;
        }
        let date = header("date").and_then(Moment::from_http_date);
        let full = header(reset).and_then(|text| stated::reset(text, date));
        let reading = Reading {
            reset: full.map(|span| span.length),
            reset_grain: full.map_or(Duration::ZERO, |span| span.grain),
            ..reading
        };
        let stated = header(limit)
            .and_then(stated_window)
            .or_else(|| ietf::window_of(header, Dimension::Requests, reading.limit));
        let reading = Reading {
            window: stated.unwrap_or_else(|| window::of_count(&reading)),
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
