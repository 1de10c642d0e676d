//! Dates in headers: HTTP's, RFC 3339's, and `retry-after`.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;

use crate::lies::{Lie, Lies};

/// `Date`'s format.
pub(crate) fn date(unix_secs: f64) -> HeaderValue {
    let since = Duration::from_secs_f64(unix_secs.max(0.0));
    text_value(&httpdate::fmt_http_date(UNIX_EPOCH + since))
}

/// RFC 3339 in UTC, with whole seconds.
pub(crate) fn rfc3339(unix_secs: i64) -> [u8; 20] {
    let days = unix_secs.div_euclid(86_400);
    let second = unix_secs.rem_euclid(86_400);
    let (year, month, day) = civil(days);
    let mut out = *b"0000-00-00T00:00:00Z";
    digits(&mut out[0..4], year);
    digits(&mut out[5..7], month);
    digits(&mut out[8..10], day);
    digits(&mut out[11..13], second / 3_600);
    digits(&mut out[14..16], second / 60 % 60);
    digits(&mut out[17..19], second % 60);
    out
}

/// The same as text.
pub(crate) fn rfc3339_text(unix_secs: u64) -> String {
    String::from_utf8_lossy(&rfc3339(unix_secs as i64)).into_owned()
}

/// `retry-after`, as the account's lies have it.
pub(crate) fn retry_after(secs: u64, lies: Lies, unix_secs: f64) -> Option<HeaderValue> {
    if lies.tells(Lie::RetryAfterMissing) {
        None
    } else if lies.tells(Lie::RetryAfterDate) {
        Some(date(unix_secs + secs as f64))
    } else if lies.tells(Lie::RetryAfterZero) {
        Some(HeaderValue::from(0))
    } else if lies.tells(Lie::RetryAfterHour) {
        Some(HeaderValue::from(3_600))
    } else if lies.tells(Lie::RetryAfterSecond) {
        Some(HeaderValue::from(1))
    } else {
        Some(HeaderValue::from(secs))
    }
}

/// A header's value out of text that was made here.
pub(crate) fn text_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Year, month and day of a day since 1970, by Howard Hinnant's `civil_from_days`.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

fn digits(out: &mut [u8], mut value: i64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_knows_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_315_199, "2026-11-22T02:39:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (secs, text) in cases {
            assert_eq!(&rfc3339(secs), text.as_bytes(), "{secs}");
        }
    }
}
