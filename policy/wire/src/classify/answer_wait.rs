//! How long the provider says to stay away.
//!
//! Headers before the body, the finer header before the coarser, stated seconds before words.
//! A wait that is negative, not a number or absurd is none: the pool then uses its own backoff,
//! where believing it would take a budget out for years. One of more than a month is a month.

use std::time::Duration;

use crate::provider_error::ProviderError;
use crate::wait::duration;
use crate::wait::moment::Moment;

const DAY_SECS: f64 = 86_400.0;
/// The longest wait that is handed on.
const WAIT_SECS_MAX: f64 = 30.0 * DAY_SECS;
/// Beyond this it is no wait but a mistake (an epoch, say).
const ABSURD_SECS: f64 = 366.0 * DAY_SECS;

/// The wait in an answer's headers, or else in its body.
pub(super) fn read<'a>(
    header: &impl Fn(&str) -> Option<&'a str>,
    said: &ProviderError,
) -> Option<Duration> {
    let date = || header("date").and_then(Moment::from_http_date);
    header("retry-after-ms")
        .and_then(millis)
        .or_else(|| retry_after(header("retry-after")?, date))
        .or_else(|| in_body(said))
        .or_else(|| regained(&said.message, date()?))
}

/// The wait in a body: a field, or words.
pub(super) fn in_body(said: &ProviderError) -> Option<Duration> {
    said.wait_secs
        .and_then(sensible)
        .or_else(|| in_words(&said.message))
}

fn millis(text: &str) -> Option<Duration> {
    sensible(text.trim().parse::<f64>().ok()? / 1e3)
}

/// Seconds (providers send fractions too), or an HTTP-date to be compared with `Date`.
fn retry_after(text: &str, date: impl Fn() -> Option<Moment>) -> Option<Duration> {
    if let Ok(secs) = text.trim().parse() {
        return sensible(secs);
    }
    let until = Moment::from_http_date(text)?;
    sensible(until.secs_since(date()?).max(0.0))
}

/// `… try again in 6m0s. …`, `… retry after 26 seconds. …`
fn in_words(message: &str) -> Option<Duration> {
    let rest = ["try again in ", "retry after ", "retry in "]
        .iter()
        .find_map(|words| Some(message.split_once(words)?.1))?;
    let first = rest.split_whitespace().next()?;
    let amount = first.trim_end_matches(['.', ',', ';', ')']);
    if let Ok(number) = amount.parse::<f64>() {
        let unit = rest[first.len()..].trim_start();
        let unit_secs = match unit {
            _ if unit.starts_with("ms") || unit.starts_with("milli") => 1e-3,
            _ if unit.starts_with("min") => 60.0,
            _ if unit.starts_with("hour") => 3_600.0,
            _ if unit.starts_with('s') => 1.0,
            _ => return None,
        };
        return sensible(number * unit_secs);
    }
    sensible(duration::read(amount)?.length.as_secs_f64())
}

/// `… You will regain access on 2026-12-01 at 00:00 UTC.`
fn regained(message: &str, date: Moment) -> Option<Duration> {
    let (_, rest) = message.split_once("regain access on ")?;
    let day = rest.get(..10)?;
    let time = rest
        .get(10..)
        .and_then(|rest| rest.strip_prefix(" at ")?.get(..5))
        .unwrap_or("00:00");
    let until = Moment::from_rfc3339(&format!("{day}T{time}:00Z"))?;
    sensible(until.secs_since(date))
}

fn sensible(secs: f64) -> Option<Duration> {
    (0.0..=ABSURD_SECS)
        .contains(&secs)
        .then(|| Duration::from_secs_f64(secs.min(WAIT_SECS_MAX)))
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
            (&[("retry-after-ms", "x"), ("retry-after", "4")], Some(4.0)),
            (&[], None),
        ] {
            assert_eq!(wait(headers, ""), secs, "{headers:?}");
        }
    }

    #[test]
    fn bodies_state_waits() {
        for (body, secs) in [
            (
                r#"{"cloudflare_error":true,"retryable":true,"retry_after":120}"#,
                Some(120.0),
            ),
            (
                r#"{"error":{"code":429,"details":[{"retryDelay":"34s"}]}}"#,
                Some(34.0),
            ),
            (
                r#"{"error":{"message":"Rate limit reached. Please try again in 6m0s."}}"#,
                Some(360.0),
            ),
            (
                r#"{"error":{"message":"Please try again in 20ms. Visit us"}}"#,
                Some(0.02),
            ),
            (
                r#"{"error":{"message":"Please retry after 26 seconds."}}"#,
                Some(26.0),
            ),
            (
                r#"{"error":{"message":"try again in 2 minutes"}}"#,
                Some(120.0),
            ),
            (r#"{"error":{"message":"try again in a while"}}"#, None),
            (r#"{"error":{"message":"try again in "}}"#, None),
            (r#"{"retry_after":-5}"#, None),
            ("", None),
        ] {
            assert_eq!(wait(&[], body), secs, "{body}");
        }
        let header_first = wait(&[("retry-after", "1")], r#"{"retry_after":120}"#);
        assert_eq!(header_first, Some(1.0));
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
        fn any_words_are_read(words in "(try again in |retry after |regain access on )?\\PC{0,30}") {
            let said = ProviderError { message: words, ..ProviderError::default() };
            let wait = read(&|name| (name == "date").then_some(DATE.1), &said);
            prop_assert!(wait.unwrap_or_default().as_secs_f64() <= WAIT_SECS_MAX);
        }
    }
}
