//! How the values of a line of the access log are written. Formatting would cost several times as much.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use keyweir_policy::tenancy::money::Money;

use crate::telemetry::calendar::{self, Date};
use crate::telemetry::escape::push_json;

/// The longest text of a field: the longest name of a model that is read (`keyweir_wire::describe`).
const TEXT_MAX: usize = 512;

/// Picodollars, which [`Money`] counts.
const PICO_OF_DOLLAR: u64 = 1_000_000_000_000;

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn number(out: &mut String, field: &str, value: Option<u64>) {
    if let Some(value) = value {
        out.push_str(field);
        push_number(out, value);
    }
}

fn push_number(out: &mut String, value: u64) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// As [`IpAddr`] shows itself; nearly all are of version 4, and formatting costs ten times as much.
pub(super) fn push_address(out: &mut String, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        let _ = write!(out, "{address}");
        return;
    };
    let [first, rest @ ..] = address.octets();
    push_number(out, first.into());
    for octet in rest {
        out.push('.');
        push_number(out, octet.into());
    }
}

/// As [`Money`] shows itself: dollars, exactly, with at least two decimals.
pub(super) fn push_money(out: &mut String, money: Money) {
    let Ok(pico) = u64::try_from(money.pico()) else {
        let _ = write!(out, "{money}");
        return;
    };
    push_number(out, pico / PICO_OF_DOLLAR);
    out.push('.');
    let mut digits = [0; 12];
    put_digits(&mut digits, pico % PICO_OF_DOLLAR);
    let last = digits.iter().rposition(|digit| *digit != b'0');
    push_ascii(out, &digits[..last.map_or(2, |last| (last + 1).max(2))]);
}

pub(super) fn text(out: &mut String, field: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    out.push_str(field);
    out.push('"');
    push_text(out, value);
    out.push('"');
}

/// Names come from clients (methods, paths, models).
pub(super) fn push_text(out: &mut String, value: &str) {
    push_json(out, value, TEXT_MAX);
}

/// Puts the last digits of a number into all of `place`.
fn put_digits(place: &mut [u8], value: u64) {
    let mut rest = value;
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

fn push_ascii(out: &mut String, text: &[u8]) {
    out.push_str(std::str::from_utf8(text).unwrap_or_default());
}

/// RFC 3339, in UTC.
pub(super) fn push_time(out: &mut String, secs: u64, millis: u32) {
    let (days, second) = (secs / 86_400, secs % 86_400);
    let Date { year, month, day } = calendar::date(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (place, value) in [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, second / 3600),
        (14..16, second / 60 % 60),
        (17..19, second % 60),
        (20..23, millis.into()),
    ] {
        put_digits(&mut text[place], value);
    }
    push_ascii(out, &text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_addresses_look_as_everywhere() {
        for pico in [
            0,
            1,
            75_000_000,
            10_u128.pow(12),
            12_345 * 10_u128.pow(10),
            1 << 100,
        ] {
            let (mut out, money) = (String::new(), Money::from_pico(pico));
            push_money(&mut out, money);
            assert_eq!(out, money.to_string());
        }
        for address in [
            "127.0.0.1",
            "0.0.0.0",
            "255.20.3.255",
            "::1",
            "::ffff:1.2.3.4",
        ] {
            let mut out = String::new();
            push_address(&mut out, address.parse().expect("an address"));
            assert_eq!(out, address);
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (secs, millis, expected) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, 7, "2000-02-29T00:00:00.007Z"),
            (1_795_305_599, 999, "2026-11-21T23:59:59.999Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        ] {
            let mut out = String::new();
            push_time(&mut out, secs, millis);
            assert_eq!(out, expected);
        }
    }
}
