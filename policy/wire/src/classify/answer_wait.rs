//! How long an answer says to stay away.
//!
//! Headers before the body, the finer header before the coarser, a stated field before words. A
//! wait that is negative, not a number or absurd is none: the pool then uses its own backoff.
//!
//! | Header | Unit of a bare number | Sent by |
//! |---|---|---|
//! | `retry-after-ms`, `x-ms-retry-after-ms` | milliseconds | OpenAI, Azure |
//! | `retry-after` | seconds; a date | RFC 9110, everybody |
//!
//! A moment (a date, an epoch) is seen from the answer's own `Date`. Where it has none, the driver
//! may answer a look-up of `date` with its own clock's: then a moment is worth what that clock is.

use std::time::Duration;

use crate::provider_error::ProviderError;
use crate::wait::moment::Moment;
use crate::wait::stated::{Stated, Unit};

const HEADERS: &[(&str, Unit)] = &[
    ("retry-after-ms", Unit::Millis),
    ("x-ms-retry-after-ms", Unit::Millis),
    ("retry-after", Unit::Seconds),
];

/// The wait in an answer's headers, or else in its body.
pub(super) fn read<'a>(
    header: &impl Fn(&str) -> Option<&'a str>,
    said: &ProviderError,
) -> Option<Duration> {
    let date = header("date").and_then(Moment::from_http_date);
    HEADERS
        .iter()
        .find_map(|(name, unit)| Stated::from_text(header(name)?, *unit)?.wait(date))
        .or_else(|| said.wait(date))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wait(headers: &[(&str, &'static str)], body: &str) -> Option<f64> {
        let header = |name: &str| {
            let found = headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| *value)
        };
        let said = ProviderError::read(body.as_bytes());
        read(&header, &said).map(|wait| wait.as_secs_f64())
    }

    const DATE: (&str, &str) = ("date", "Sun, 22 Nov 2026 02:00:00 GMT");

    #[test]
    fn headers_state_waits() {
        for (headers, secs) in [
            (&[("retry-after", "3")][..], Some(3.0)),
            (&[("retry-after", "0")], Some(0.0)),
            (&[("retry-after", "2.5")], Some(2.5)),
            (
                &[("retry-after", "3"), ("retry-after-ms", "2500")],
                Some(2.5),
            ),
            (
                &[("retry-after", "Sun, 22 Nov 2026 02:00:30 GMT"), DATE],
                Some(30.0),
            ),
            (
                &[("retry-after", "Sun, 22 Nov 2026 01:59:30 GMT"), DATE],
                Some(0.0),
            ),
            (&[("retry-after", "Sun, 22 Nov 2026 02:00:30 GMT")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "NaN")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "")], None),
            (&[("retry-after", "5184000")], Some(2_592_000.0)),
            (&[("retry-after", "1795312830")], None),
            (&[("retry-after", "1795312830"), DATE], Some(30.0)),
            (&[("retry-after", "1795312830000"), DATE], Some(30.0)),
            (
                &[("retry-after", "Sun, 22 Nov 2026 02:00:30 UTC"), DATE],
                Some(30.0),
            ),
            (&[("retry-after", "2026-11-22T02:00:30Z"), DATE], Some(30.0)),
            (&[("retry-after", "1m30s")], Some(90.0)),
            (&[("retry-after", "7s")], Some(7.0)),
            (&[("retry-after", "1h")], Some(3_600.0)),
            (&[("retry-after", "3, 3")], Some(3.0)),
            (&[("x-ms-retry-after-ms", "250")], Some(0.25)),
            (&[("retry-after-ms", "x"), ("retry-after", "4")], Some(4.0)),
            (&[], None),
        ] {
            assert_eq!(wait(headers, ""), secs, "{headers:?}");
        }
    }

    #[test]
    fn headers_come_before_bodies() {
        let header_first = wait(&[("retry-after", "1")], r#"{"retry_after":120}"#);
        assert_eq!(header_first, Some(1.0));
        let body = wait(&[("retry-after", "x")], r#"{"retry_after":120}"#);
        assert_eq!(body, Some(120.0));
    }

    #[test]
    fn access_is_regained_on_a_date() {
        let body = r#"{"error":{"message":"You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."}}"#;
        assert_eq!(wait(&[DATE], body), Some(8.0 * 86_400.0 + 22.0 * 3_600.0));
        assert_eq!(wait(&[], body), None);
        assert_eq!(
            wait(&[DATE], &body.replace("2026-12-01", "2026-99-99")),
            None
        );
    }

    proptest! {
        #[test]
        fn any_headers_are_read(value in "\\PC{0,30}", date in "\\PC{0,30}") {
            let said = ProviderError::default();
            let wait = read(&|name| Some(if name == "date" { &*date } else { &*value }), &said);
            prop_assert!(wait.unwrap_or_default() <= Duration::from_secs(30 * 86_400));
        }
    }
}
