//! `x-ratelimit-*`: resets are durations until the bucket is full, such as `6m0s` or `17ms`.

use std::fmt::Write;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::accounts::AccountState;
use crate::budget::{Dimension, Readings};
use crate::http_date::text_value;
use crate::lies::{Lie, Lies};

const ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const VERSION: HeaderName = HeaderName::from_static("openai-version");

static NAMES: [(Dimension, [HeaderName; 3]); 2] = [
    (
        Dimension::Requests,
        [
            HeaderName::from_static("x-ratelimit-limit-requests"),
            HeaderName::from_static("x-ratelimit-remaining-requests"),
            HeaderName::from_static("x-ratelimit-reset-requests"),
        ],
    ),
    (
        Dimension::Tokens,
        [
            HeaderName::from_static("x-ratelimit-limit-tokens"),
            HeaderName::from_static("x-ratelimit-remaining-tokens"),
            HeaderName::from_static("x-ratelimit-reset-tokens"),
        ],
    ),
];

pub(crate) fn identify(headers: &mut HeaderMap, account: &AccountState, request_id: &str) {
    headers.insert(REQUEST_ID, text_value(request_id));
    headers.insert(VERSION, HeaderValue::from_static("2020-10-01"));
    if !account.lies().tells(Lie::OrganizationMissing) {
        headers.insert(ORGANIZATION, account.organization_header.clone());
    }
}

pub(crate) fn show_budget(headers: &mut HeaderMap, readings: &Readings, lies: Lies) {
    for (dimension, names) in &NAMES {
        let Some(reading) = readings[*dimension as usize] else {
            continue;
        };
        let values = [
            lies.limit(reading.limit),
            lies.remaining(reading.remaining.max(0.0) as u64, reading.limit),
            reset(reading.full_in, lies),
        ];
        for (name, value) in names.iter().zip(values) {
            if let Some(value) = value {
                headers.insert(name.clone(), value);
            }
        }
    }
}

fn reset(full_in: Duration, lies: Lies) -> Option<HeaderValue> {
    if lies.tells(Lie::ResetMissing) {
        None
    } else if lies.tells(Lie::ResetGarbage) {
        Some(HeaderValue::from_static("soon"))
    } else if lies.tells(Lie::ResetPast) {
        Some(HeaderValue::from_static("-1s"))
    } else if lies.tells(Lie::ResetAbsurd) {
        Some(HeaderValue::from_static("876000h0m0s"))
    } else {
        Some(text_value(&duration(full_in)))
    }
}

/// A duration as OpenAI writes it: `0s`, `17ms`, `1.5s`, `6m0s`, `23h18m29.144s`.
pub(crate) fn duration(span: Duration) -> String {
    let millis = span.as_millis();
    if millis < 1_000 {
        return if millis == 0 {
            "0s".into()
        } else {
            format!("{millis}ms")
        };
    }
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (secs, rest) = (millis / 1_000 % 60, millis % 1_000);
    let mut text = String::new();
    // Writing into a String cannot fail.
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let _ = write!(text, "{secs}");
    if rest > 0 {
        let fraction = format!("{rest:03}");
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
    text.push('s');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_does() {
        let cases = [
            (0, "0s"),
            (17, "17ms"),
            (1_000, "1s"),
            (1_500, "1.5s"),
            (360_000, "6m0s"),
            (83_909_144, "23h18m29.144s"),
        ];
        for (millis, text) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
