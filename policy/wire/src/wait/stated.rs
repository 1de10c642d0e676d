//! A wait, or a reset, in any form that is seen in the field.
//!
//! | Form | Example | Sent by |
//! |---|---|---|
//! | seconds, with fractions | `2.5` | RFC 9110 (whole ones); Anthropic, OpenAI, Azure |
//! | milliseconds, where the field's name says so | `retry-after-ms: 250` | OpenAI, Azure |
//! | a duration with units | `7s`, `1m30s`, `1h`, `6m0s` | OpenAI, Groq, Google's `RetryInfo` |
//! | an HTTP-date, also with `UTC` | `Sun, 22 Nov 2026 02:00:30 GMT` | RFC 9110; edges |
//! | RFC 3339 | `2026-11-22T02:00:30Z` | Anthropic |
//! | an epoch in seconds or milliseconds | `1795312830000` | OpenRouter, GitHub's gateway |
//!
//! A bare number is what its magnitude makes it, because the three ranges lie factors of a thousand
//! apart and no budget's window is longer than a month. A moment is worth something only beside the
//! answer's own `Date`: the provider's clock and ours may differ by minutes.

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
const DAY_SECS: f64 = 86_400.0;
/// The longest wait that is handed on: monthly spend limits are the longest that exist.
const WAIT_SECS_MAX: f64 = 30.0 * DAY_SECS;
/// Beyond this it is no wait but a mistake: believing it would take a budget out for years.
const ABSURD_SECS: f64 = 366.0 * DAY_SECS;

/// What a bare number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Millis,
}

/// When to come back, as somebody said it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stated {
    /// In so many seconds, at this grain.
    In { secs: f64, grain: Duration },
    /// At a moment of the calendar.
    At(Moment),
}

impl Stated {
    /// From a text in any of the forms; `unit` is what a bare number counts.
    pub(crate) fn from_text(text: &str, unit: Unit) -> Option<Self> {
        let text = text.trim().trim_matches('"').trim();
        let whole = |text: &str| {
            // No number has a hyphen there, and no duration.
            if text.as_bytes().get(4) == Some(&b'-')
                && let Some(moment) = Moment::from_rfc3339(text)
            {
                return Some(Self::At(moment));
            }
            if let Ok(number) = text.parse::<f64>() {
                return Self::from_number(number, unit, !text.contains('.'));
            }
            duration::read(text)
                .map(Self::from)
                .or_else(|| Moment::from_http_date(text).map(Self::At))
        };
        // A header that came twice is joined by a comma; so is a date, which has one itself.
        whole(text).or_else(|| whole(text.split_once(',')?.0.trim()))
    }

    /// From a number, which may be an epoch.
    pub(crate) fn from_number(number: f64, unit: Unit, is_whole: bool) -> Option<Self> {
        if (EPOCH_SECS_MIN..EPOCH_MILLIS_MIN).contains(&number) && unit == Unit::Seconds {
            return Some(Self::At(Moment::from_epoch_secs(number)));
        }
        if (EPOCH_MILLIS_MIN..EPOCH_MILLIS_MAX).contains(&number) {
            return Some(Self::At(Moment::from_epoch_secs(number / 1e3)));
        }
        let (worth, grain_millis) = match (unit, is_whole) {
            (Unit::Millis, _) => (1e-3, 1),
            (Unit::Seconds, true) => (1.0, 1_000),
            (Unit::Seconds, false) => (1.0, 10),
        };
        let secs = number * worth;
        (0.0..=ABSURD_SECS).contains(&secs).then(|| Self::In {
            secs,
            grain: Duration::from_millis(grain_millis),
        })
    }

    /// How far away a reset is, seen from the response's own `Date`. No window is longer than a
    /// month.
    pub(crate) fn reset(self, date: Option<Moment>) -> Option<Span> {
        let (secs, grain) = self.secs(date)?;
        (secs <= SECS_MAX).then(|| Span {
            length: Duration::from_secs_f64(secs),
            grain,
        })
    }

    /// How long to stay away. More than a month is a month; a moment that has just passed is now.
    pub(crate) fn wait(self, date: Option<Moment>) -> Option<Duration> {
        let (secs, _) = self.secs(date)?;
        (secs <= ABSURD_SECS).then(|| Duration::from_secs_f64(secs.min(WAIT_SECS_MAX)))
    }

    /// Seconds from `date` on, never negative, and how coarse they are.
    fn secs(self, date: Option<Moment>) -> Option<(f64, Duration)> {
        match self {
            Self::In { secs, grain } => Some((secs, grain)),
            Self::At(moment) => {
                let secs = moment.secs_since(date?);
                // Both are whole seconds.
                (secs >= -PAST_SECS_MAX).then(|| (secs.max(0.0), Duration::from_secs(1)))
            }
        }
    }
}

impl From<Span> for Stated {
    fn from(span: Span) -> Self {
        Self::In {
            secs: span.length.as_secs_f64(),
            grain: span.grain,
        }
    }
}

/// How far away the reset is that a header states.
pub(crate) fn reset(text: &str, date: Option<Moment>) -> Option<Span> {
    Stated::from_text(text, Unit::Seconds)?.reset(date)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DATE: &str = "Sun, 22 Nov 2026 02:00:00 GMT";
    const DATE_EPOCH: u64 = 1_795_312_800;

    #[test]
    fn every_form_of_reset_says_the_same() {
        let date = Moment::from_http_date(DATE);
        assert_eq!(date, Some(Moment::from_epoch_secs(DATE_EPOCH as f64)));
        for text in [
            "30",
            " \"30\" ",
            "30, 30",
            "30s",
            &(DATE_EPOCH + 30).to_string(),
            &format!("{}000", DATE_EPOCH + 30),
            "2026-11-22T02:00:30Z",
            "2026-11-22T03:00:30+01:00",
            "2026-11-22 02:00:30",
            "Sun, 22 Nov 2026 02:00:30 GMT",
            "Sun, 22 Nov 2026 02:00:30 UTC",
            "Sunday, 22-Nov-26 02:00:30 GMT",
        ] {
            let span = reset(text, date).unwrap();
            assert_eq!(span.length, Duration::from_secs(30), "{text}");
            assert_eq!(span.grain, Duration::from_secs(1), "{text}");
        }
        assert_eq!(
            reset("11.38", date).unwrap().length,
            Duration::from_millis(11_380)
        );
    }

    #[test]
    fn a_moment_needs_a_date_to_compare_with() {
        assert_eq!(reset("2026-11-22T02:00:30Z", None), None);
        assert_eq!(reset("1795312830", None), None);
        assert!(reset("30", None).is_some());
    }

    #[test]
    fn a_moment_just_past_is_now_and_one_long_past_is_nonsense() {
        let date = Moment::from_http_date(DATE);
        for text in ["2026-11-22T01:59:59Z", "2026-11-22T02:00:00Z"] {
            assert_eq!(reset(text, date).unwrap().length, Duration::ZERO, "{text}");
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
            assert_eq!(reset(text, date), None, "{text}");
        }
    }

    #[test]
    fn a_wait_may_be_longer_than_a_window_and_is_a_month_then() {
        let wait = |text, unit| Stated::from_text(text, unit)?.wait(None);
        let secs = |secs| Some(Duration::from_secs(secs));
        assert_eq!(wait("5184000", Unit::Seconds), secs(2_592_000));
        assert_eq!(wait("999999999", Unit::Seconds), None);
        assert_eq!(
            wait("2500", Unit::Millis),
            Some(Duration::from_millis(2_500))
        );
        assert_eq!(wait("7s", Unit::Millis), secs(7));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,40}", is_millis in any::<bool>()) {
            let unit = if is_millis { Unit::Millis } else { Unit::Seconds };
            let date = Moment::from_http_date(DATE);
            let wait = Stated::from_text(&text, unit).and_then(|stated| stated.wait(date));
            prop_assert!(wait.unwrap_or_default().as_secs_f64() <= WAIT_SECS_MAX);
        }

        #[test]
        fn what_is_written_in_a_form_is_read_in_it(millis in 0u64..2_592_000_000) {
            let date = Moment::from_http_date(DATE);
            let (secs, rest) = (millis / 1_000, millis % 1_000);
            let (h, m, s) = (secs / 3_600, secs / 60 % 60, secs % 60);
            for (text, unit) in [
                (format!("{secs}.{rest:03}"), Unit::Seconds),
                (millis.to_string(), Unit::Millis),
                (format!("{millis}ms"), Unit::Seconds),
                (format!("{secs}.{rest:03}s"), Unit::Seconds),
                (format!("{h}h{m}m{s}.{rest:03}s"), Unit::Seconds),
                (format!("{h} hours {m} minutes {s}.{rest:03} seconds"), Unit::Seconds),
                ((DATE_EPOCH * 1_000 + millis).to_string(), Unit::Seconds),
            ] {
                let wait = Stated::from_text(&text, unit).and_then(|stated| stated.wait(date));
                let wait = wait.map(|wait| wait.as_secs_f64());
                let expected = millis as f64 / 1e3;
                prop_assert!(wait.is_some_and(|wait| (wait - expected).abs() < 1e-3), "{} {:?}", text, wait);
            }
        }
    }
}
