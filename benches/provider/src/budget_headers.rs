//! The budget headers of providers that speak neither dialect, for any account whose world asks for
//! them.

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::budget::{Dimension, Reading, Readings};
use crate::http_date::{date, rfc3339_text, text_value};
use crate::lies::{Lie, Lies};
use crate::world::BudgetHeaders;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Says what is left, in the style that is asked for.
pub(crate) fn show(
    headers: &mut HeaderMap,
    readings: &Readings,
    style: BudgetHeaders,
    lies: Lies,
    unix_secs: f64,
) {
    if style == BudgetHeaders::Ietf {
        return show_ietf(headers, readings);
    }
    let Some(reading) = readings.iter().flatten().next() else {
        return;
    };
    let remaining = reading.remaining.max(0.0) as u64;
    let values = [
        (LIMIT, lies.limit(reading.limit)),
        (REMAINING, lies.remaining(remaining, reading.limit)),
        (RESET, reset(reading, style, lies, unix_secs)),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
}

fn reset(
    reading: &Reading,
    style: BudgetHeaders,
    lies: Lies,
    unix_secs: f64,
) -> Option<HeaderValue> {
    let from_now = if lies.tells(Lie::ResetMissing) {
        return None;
    } else if lies.tells(Lie::ResetGarbage) {
        return Some(HeaderValue::from_static("soon"));
    } else if lies.tells(Lie::ResetPast) {
        -3_600.0
    } else if lies.tells(Lie::ResetAbsurd) {
        3.2e9
    } else {
        reading.full_in.as_secs_f64()
    };
    let at = (unix_secs + from_now).max(0.0);
    Some(match style {
        BudgetHeaders::EpochSecs => HeaderValue::from(at.ceil() as u64),
        BudgetHeaders::EpochMillis => HeaderValue::from((at * 1e3) as u64),
        BudgetHeaders::Rfc3339 => text_value(&rfc3339_text(at.ceil() as u64)),
        BudgetHeaders::HttpDate => date(at.ceil()),
        _ => HeaderValue::from(from_now.ceil() as i64),
    })
}

/// `RateLimit: "requests";r=50;t=30` and `RateLimit-Policy: "requests";q=100;w=60`.
fn show_ietf(headers: &mut HeaderMap, readings: &Readings) {
    let (mut now, mut policy) = (String::new(), String::new());
    for dimension in Dimension::ALL {
        let Some(reading) = readings[dimension as usize] else {
            continue;
        };
        if !now.is_empty() {
            now.push_str(", ");
            policy.push_str(", ");
        }
        let name = dimension.as_str().replace(' ', "-");
        let (left, secs) = (
            reading.remaining.max(0.0) as u64,
            reading.full_in.as_secs_f64().ceil() as u64,
        );
        // Writing into a String cannot fail.
        let _ = write!(now, "\"{name}\";r={left};t={secs}");
        let _ = write!(policy, "\"{name}\";q={};w=60", reading.limit);
    }
    if !now.is_empty() {
        headers.insert(RATE_LIMIT, text_value(&now));
        headers.insert(RATE_LIMIT_POLICY, text_value(&policy));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const READINGS: Readings = [
        Some(Reading {
            limit: 100,
            remaining: 3.5,
            full_in: Duration::from_millis(1_500),
        }),
        None,
        None,
        None,
    ];

    #[test]
    fn reset_has_the_form_the_world_asks_for() {
        let cases = [
            (BudgetHeaders::DeltaSecs, "2"),
            (BudgetHeaders::EpochSecs, "1795315201"),
            (BudgetHeaders::EpochMillis, "1795315200500"),
            (BudgetHeaders::Rfc3339, "2026-11-22T02:40:01Z"),
            (BudgetHeaders::HttpDate, "Sun, 22 Nov 2026 02:40:01 GMT"),
        ];
        for (style, reset) in cases {
            let mut headers = HeaderMap::new();
            show(
                &mut headers,
                &READINGS,
                style,
                Lies::default(),
                1_795_315_199.0,
            );
            assert_eq!(headers[RESET], reset, "{style:?}");
            assert_eq!(headers[LIMIT], "100");
            assert_eq!(headers[REMAINING], "3");
        }
    }

    #[test]
    fn draft_names_every_bucket() {
        let mut headers = HeaderMap::new();
        let style = BudgetHeaders::Ietf;
        show(&mut headers, &READINGS, style, Lies::default(), 0.0);
        assert_eq!(headers[RATE_LIMIT], "\"requests\";r=3;t=2");
        assert_eq!(headers[RATE_LIMIT_POLICY], "\"requests\";q=100;w=60");
    }
}
