//! `anthropic-ratelimit-*` and the headers that say who answered.
//!
//! Token amounts are rounded to the nearest thousand; `reset` is the time at which the bucket is
//! full, in whole seconds. `tokens` shows the most restrictive limit on all tokens, or where
//! there is none the sum of input and output.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::accounts::AccountState;
use crate::budget::{Dimension, Reading, Readings};
use crate::http_date::{rfc3339, text_value};
use crate::lies::{Lie, Lies};

const ORGANIZATION: HeaderName = HeaderName::from_static("anthropic-organization-id");
const WORKSPACE: HeaderName = HeaderName::from_static("anthropic-workspace-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The three headers of each bucket, by [`Dimension`]'s order.
static NAMES: [[HeaderName; 3]; 4] = [
    [
        HeaderName::from_static("anthropic-ratelimit-requests-limit"),
        HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
        HeaderName::from_static("anthropic-ratelimit-requests-reset"),
    ],
    [
        HeaderName::from_static("anthropic-ratelimit-input-tokens-limit"),
        HeaderName::from_static("anthropic-ratelimit-input-tokens-remaining"),
        HeaderName::from_static("anthropic-ratelimit-input-tokens-reset"),
    ],
    [
        HeaderName::from_static("anthropic-ratelimit-output-tokens-limit"),
        HeaderName::from_static("anthropic-ratelimit-output-tokens-remaining"),
        HeaderName::from_static("anthropic-ratelimit-output-tokens-reset"),
    ],
    [
        HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
        HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
        HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
    ],
];

pub(crate) fn identify(headers: &mut HeaderMap, account: &AccountState, request_id: &str) {
    headers.insert(REQUEST_ID, text_value(request_id));
    if !account.lies().tells(Lie::OrganizationMissing) {
        headers.insert(ORGANIZATION, account.organization_header.clone());
        if let Some(workspace) = &account.workspace_header {
            headers.insert(WORKSPACE, workspace.clone());
        }
    }
}

pub(crate) fn show_budget(
    headers: &mut HeaderMap,
    readings: &Readings,
    lies: Lies,
    unix_secs: f64,
) {
    for dimension in Dimension::ALL {
        let index = dimension as usize;
        let reading = match dimension {
            Dimension::Tokens => readings[index].or_else(|| both(readings, lies)),
            _ => readings[index],
        };
        let Some(reading) = reading.filter(|_| !lies.tells(untold(dimension))) else {
            continue;
        };
        let left = reading.remaining.max(0.0);
        let remaining = match dimension {
            Dimension::Requests => left as u64,
            _ => lies.rounded(left),
        };
        let values = [
            lies.limit(reading.limit),
            lies.remaining(remaining, reading.limit),
            reset(&reading, lies, unix_secs),
        ];
        for (name, value) in NAMES[index].iter().zip(values) {
            if let Some(value) = value {
                headers.insert(name.clone(), value);
            }
        }
    }
}

/// That no header speaks of `dimension`.
const fn untold(dimension: Dimension) -> Lie {
    match dimension {
        Dimension::Requests => Lie::RequestsUntold,
        Dimension::Input => Lie::InputUntold,
        Dimension::Output => Lie::OutputUntold,
        Dimension::Tokens => Lie::TokensUntold,
    }
}

/// Input and output together; full when both are.
fn both(readings: &Readings, lies: Lies) -> Option<Reading> {
    let input = readings[Dimension::Input as usize]?;
    let output = readings[Dimension::Output as usize]?;
    if lies.tells(Lie::TokensTighter) {
        let left = |it: &Reading| it.remaining / it.limit as f64;
        return Some(match left(&input) < left(&output) {
            true => input,
            false => output,
        });
    }
    Some(Reading {
        limit: input.limit + output.limit,
        remaining: input.remaining.max(0.0) + output.remaining.max(0.0),
        full_in: input.full_in.max(output.full_in),
    })
}

fn reset(reading: &Reading, lies: Lies, unix_secs: f64) -> Option<HeaderValue> {
    let at = if lies.tells(Lie::ResetMissing) {
        return None;
    } else if lies.tells(Lie::ResetGarbage) {
        return Some(HeaderValue::from_static("soon"));
    } else if lies.tells(Lie::ResetPast) {
        unix_secs - 3_600.0
    } else if lies.tells(Lie::ResetAbsurd) {
        unix_secs + 3.2e9
    } else if lies.tells(Lie::ResetAny) {
        let lacking = (1.0 - reading.remaining).max(0.0);
        unix_secs + lacking * 60.0 / reading.limit as f64
    } else {
        unix_secs + reading.full_in.as_secs_f64()
    };
    HeaderValue::from_bytes(&rfc3339(at as i64)).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const READING: Reading = Reading {
        limit: 30_000,
        remaining: 1_499.0,
        full_in: Duration::from_millis(2_500),
    };

    fn shown(readings: &Readings, lies: &[Lie]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        show_budget(&mut headers, readings, Lies::from(lies), 1_795_315_199.0);
        headers
    }

    #[test]
    fn tokens_are_rounded_and_requests_are_not() {
        let requests = Reading {
            remaining: 1_499.9,
            ..READING
        };
        let headers = shown(&[Some(requests), Some(READING), Some(READING), None], &[]);
        let is = |name: &str| {
            headers[&format!("anthropic-ratelimit-{name}")]
                .to_str()
                .ok()
        };
        assert_eq!(is("requests-remaining"), Some("1499"));
        assert_eq!(is("input-tokens-remaining"), Some("1000"));
        assert_eq!(is("input-tokens-limit"), Some("30000"));
        assert_eq!(is("input-tokens-reset"), Some("2026-11-22T02:40:01Z"));
        assert_eq!(is("tokens-limit"), Some("60000"));
        assert_eq!(is("tokens-remaining"), Some("3000"));
    }

    #[test]
    fn debt_is_shown_as_nothing_left() {
        let debt = Reading {
            remaining: -5_000.0,
            ..READING
        };
        let headers = shown(&[None, Some(debt), None, None], &[]);
        assert_eq!(headers["anthropic-ratelimit-input-tokens-remaining"], "0");
        assert!(!headers.contains_key("anthropic-ratelimit-tokens-limit"));
        assert!(!headers.contains_key("anthropic-ratelimit-requests-limit"));
    }

    #[test]
    fn lies_touch_what_they_are_about() {
        let remaining = "anthropic-ratelimit-requests-remaining";
        let reset = "anthropic-ratelimit-requests-reset";
        let one = [Some(READING), None, None, None];
        assert_eq!(shown(&one, &[Lie::RemainingAboveLimit])[remaining], "61000");
        assert_eq!(shown(&one, &[Lie::RemainingNegative])[remaining], "-1");
        assert!(!shown(&one, &[Lie::RemainingMissing]).contains_key(remaining));
        assert_eq!(
            shown(&one, &[Lie::ResetPast])[reset],
            "2026-11-22T01:39:59Z"
        );
        assert_eq!(shown(&one, &[Lie::ResetPast])[remaining], "1499");
    }
}
