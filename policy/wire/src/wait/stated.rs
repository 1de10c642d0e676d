//! `reset` headers of unknown kind.
//!
//! A duration with units, RFC 3339 and HTTP-dates tell what they are. A bare number may be seconds
//! from now, or an epoch in seconds or milliseconds; its magnitude decides, because the three
//! ranges lie factors of a thousand apart and no budget's window is longer than a month.

use std::time::Duration;

use crate::wait::duration::{self, SECS_MAX, Span};
use crate::wait::moment::Moment;

/// Numbers from here on are epochs (September 2001).
const EPOCH_SECS_MIN: f64 = 1e9;
/// Numbers from here on are epochs in milliseconds.
const EPOCH_MILLIS_MIN: f64 = 1e12;
/// Numbers from here on are none we know.
const EPOCH_MILLIS_MAX: f64 = 1e14;
/// A moment may lie before the response's `Date` by this much: the bucket is full by then.
/// One that lies further back is nonsense.
const PAST_SECS_MAX: f64 = 86_400.0;

/// How far away the reset is, seen from the response's own `Date`.
pub(crate) fn read(text: &str, date: Option<Moment>) -> Option<Span> {
    let text = text.trim();
    if text.contains('T')
        && let Some(moment) = Moment::from_rfc3339(text)
    {
        return until(moment, date?);
    }
    if let Ok(number) = text.parse::<f64>() {
        return by_magnitude(number, is_whole(text), date);
    }
    duration::read(text).or_else(|| until(Moment::from_http_date(text)?, date?))
}

/// How far away an absolute moment is. Both it and the `Date` are whole seconds.
pub(crate) fn until(moment: Moment, date: Moment) -> Option<Span> {
    let secs = moment.secs_since(date);
    (-PAST_SECS_MAX..=SECS_MAX).contains(&secs).then(|| Span {
        length: Duration::from_secs_f64(secs.max(0.0)),
        grain: Duration::from_secs(1),
    })
}

fn by_magnitude(number: f64, is_whole: bool, date: Option<Moment>) -> Option<Span> {
    let grain = if is_whole {
        Duration::from_secs(1)
    } else {
        Duration::from_millis(10)
    };
    if (0.0..=SECS_MAX).contains(&number) {
        let length = Duration::from_secs_f64(number);
        return Some(Span { length, grain });
    }
    if (EPOCH_SECS_MIN..EPOCH_MILLIS_MIN).contains(&number) {
        return until(Moment::from_epoch_secs(number), date?);
    }
    if (EPOCH_MILLIS_MIN..EPOCH_MILLIS_MAX).contains(&number) {
        return until(Moment::from_epoch_secs(number / 1e3), date?);
    }
    None
}

fn is_whole(number: &str) -> bool {
    !number.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 22 Nov 2026 02:00:00 GMT";
    const DATE_EPOCH: u64 = 1_795_312_800;

    #[test]
    fn four_kinds_of_reset_say_the_same() {
        let date = Moment::from_http_date(DATE);
        assert_eq!(date, Some(Moment::from_epoch_secs(DATE_EPOCH as f64)));
        for text in [
            "30",
            "30s",
            &(DATE_EPOCH + 30).to_string(),
            &format!("{}000", DATE_EPOCH + 30),
            "2026-11-22T02:00:30Z",
            "Sun, 22 Nov 2026 02:00:30 GMT",
        ] {
            let span = read(text, date).unwrap();
            assert_eq!(span.length, Duration::from_secs(30), "{text}");
            assert_eq!(span.grain, Duration::from_secs(1), "{text}");
        }
        assert_eq!(
            read("11.38", date).unwrap().length,
            Duration::from_millis(11_380)
        );
    }

    #[test]
    fn a_moment_needs_a_date_to_compare_with() {
        assert_eq!(read("2026-11-22T02:00:30Z", None), None);
        assert_eq!(read("1795312830", None), None);
        assert!(read("30", None).is_some());
    }

    #[test]
    fn a_moment_just_past_is_now_and_one_long_past_is_nonsense() {
        let date = Moment::from_http_date(DATE);
        for text in ["2026-11-22T01:59:59Z", "2026-11-22T02:00:00Z"] {
            assert_eq!(read(text, date).unwrap().length, Duration::ZERO, "{text}");
        }
        for text in [
            "2026-11-20T02:00:00Z",
            "2027-02-22T02:00:00Z",
            "-1",
            "NaN",
            "inf",
            "1e300",
            "10000000",
            "999999999999999",
            "tomorrow",
            "",
        ] {
            assert_eq!(read(text, date), None, "{text}");
        }
    }
}
