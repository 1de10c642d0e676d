//! Moments of the calendar, as headers give them.
//!
//! They are only ever compared with the `Date` of the response they came in: the provider's clock
//! and ours may differ by minutes, the provider's and its own do not.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment of the calendar: seconds since 1970 began.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Moment(f64);

impl Moment {
    /// From an epoch in seconds.
    pub(crate) const fn from_epoch_secs(secs: f64) -> Self {
        Self(secs)
    }

    /// From `Sun, 22 Nov 2026 02:00:00 GMT` (and the two older forms of the standard); some write
    /// `UTC` or `+0000` for `GMT`.
    pub(crate) fn from_http_date(text: &str) -> Option<Self> {
        let text = text.trim();
        let named = ["UTC", "+0000", "Z"]
            .iter()
            .find_map(|zone| text.strip_suffix(zone));
        let system_time = match named {
            Some(date) => httpdate::parse_http_date(&format!("{}GMT", with_space(date))),
            None => httpdate::parse_http_date(text),
        };
        let since = system_time
            .ok()?
            .duration_since(std::time::UNIX_EPOCH)
            .ok()?;
        Some(Self(since.as_secs_f64()))
    }

    /// From `2026-11-22T02:00:00Z`; a space may stand for the `T`, and without a zone it is UTC.
    pub(crate) fn from_rfc3339(text: &str) -> Option<Self> {
        let text = text.trim();
        // The shortest is `2026-11-22T02:00:00`; the check keeps the slices within characters.
        if text.len() < 19 || !text.is_ascii() {
            return None;
        }
        if !matches!(text.as_bytes()[10], b'T' | b't' | b' ') {
            return None;
        }
        // Written as the standard wants it, which nearly all are.
        if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
            return Some(Self::from(moment));
        }
        let (day, time) = (&text[..10], text[11..].trim_end_matches(" UTC"));
        let zone = if time.contains(['Z', 'z', '+', '-']) {
            ""
        } else {
            "Z"
        };
        let moment = OffsetDateTime::parse(&format!("{day}T{time}{zone}"), &Rfc3339);
        moment.ok().map(Self::from)
    }

    /// Seconds from `earlier` until this moment; negative if it is the later one.
    pub(crate) fn secs_since(self, earlier: Self) -> f64 {
        self.0 - earlier.0
    }
}

impl From<OffsetDateTime> for Moment {
    fn from(moment: OffsetDateTime) -> Self {
        let nanos = f64::from(moment.nanosecond());
        Self(moment.unix_timestamp() as f64 + nanos / 1e9)
    }
}

/// A date with the space before its zone that the standard wants.
fn with_space(date: &str) -> String {
    format!("{} ", date.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        let date = Moment::from_http_date("Sun, 22 Nov 2026 02:00:00 GMT").unwrap();
        let later = Moment::from_rfc3339("2026-11-22T02:00:01.5Z").unwrap();
        assert!((later.secs_since(date) - 1.5).abs() < 1e-5);
        let shifted = Moment::from_rfc3339("2026-11-22T03:00:00+01:00").unwrap();
        assert_eq!(shifted, date);
        for other in [
            "Sun, 22 Nov 2026 02:00:00 UTC",
            "Sun, 22 Nov 2026 02:00:00 +0000",
        ] {
            assert_eq!(Moment::from_http_date(other), Some(date), "{other}");
        }
        for other in [
            "2026-11-22 02:00:00",
            "2026-11-22T02:00:00",
            "2026-11-22 02:00:00 UTC",
        ] {
            assert_eq!(Moment::from_rfc3339(other), Some(date), "{other}");
        }
        for nonsense in ["", "yesterday", "2026-11-22", "2026-13-01T00:00:00Z", "12"] {
            assert_eq!(Moment::from_http_date(nonsense), None, "{nonsense}");
            assert_eq!(Moment::from_rfc3339(nonsense), None, "{nonsense}");
        }
    }
}
