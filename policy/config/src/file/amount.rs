//! Durations and sizes as people write them: `"1m 30s"`, `"32 MiB"`.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// Reads whole numbers with units, largest first or not: `250ms`, `90s`, `1m 30s`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut millis: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = take_number(rest)?;
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let factor = DURATION_UNITS.iter().find(|(name, _)| *name == unit)?.1;
        millis = millis.checked_add(number.checked_mul(factor)?)?;
        rest = after.trim_start();
    }
    Some(Duration::from_millis(millis))
}

/// Reads a whole number of bytes with its unit: `512 KiB`, `1GB`.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = take_number(text.trim())?;
    let unit = SIZE_UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(unit.1)
}

/// The whole number at the beginning, and what follows it and its spaces.
fn take_number(text: &str) -> Option<(u64, &str)> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest.trim_start()))
}

/// A duration as it would be written, in the largest unit that is exact.
pub(crate) fn show_duration(span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".into();
    }
    exact(millis, DURATION_UNITS.iter().rev()).map_or_else(
        || format!("{millis}ms"),
        |(number, unit)| format!("{number}{unit}"),
    )
}

/// A size as it would be written, in the largest unit that is exact.
pub(crate) fn show_size(bytes: u64) -> String {
    exact(bytes, SIZE_UNITS[..4].iter().rev()).map_or_else(
        || format!("{bytes} B"),
        |(number, unit)| format!("{number} {unit}"),
    )
}

/// A whole number as it may be written, with `_` between thousands where it is long.
pub(crate) fn show_count(count: u64) -> String {
    const THOUSANDS_FROM: u64 = 10_000;
    if count < THOUSANDS_FROM {
        return count.to_string();
    }
    let digits = count.to_string();
    let (first, rest) = digits.split_at((digits.len() - 1) % 3 + 1);
    let groups = rest
        .as_bytes()
        .chunks(3)
        .map(|group| String::from_utf8_lossy(group));
    groups.fold(first.to_owned(), |shown, group| format!("{shown}_{group}"))
}

fn exact<'u>(
    amount: u64,
    mut units: impl Iterator<Item = &'u (&'static str, u64)>,
) -> Option<(u64, &'static str)> {
    let (unit, factor) =
        units.find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor))?;
    Some((amount / factor, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("250ms", Some(250)),
            ("5s", Some(5_000)),
            ("1m30s", Some(90_000)),
            (" 1m 30s ", Some(90_000)),
            ("2 h", Some(7_200_000)),
            ("0s", Some(0)),
            ("1d", Some(86_400_000)),
            ("", None),
            ("5", None),
            ("s", None),
            ("-5s", None),
            ("1.5s", None),
            ("5 parsecs", None),
            ("5S", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(
                parse_duration(text),
                millis.map(Duration::from_millis),
                "{text:?}"
            );
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("32 MiB", Some(32 << 20)),
            ("32mib", Some(32 << 20)),
            ("64KiB", Some(64 << 10)),
            ("1 GB", Some(1_000_000_000)),
            ("7 B", Some(7)),
            ("7", None),
            ("7 M", None),
            ("-7 B", None),
            ("1.5 MiB", None),
            ("18446744073709551615 GiB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn long_counts_are_shown_in_thousands() {
        for (count, shown) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10_000"),
            (123_456, "123_456"),
            (1_000_000_000_000, "1_000_000_000_000"),
        ] {
            assert_eq!(show_count(count), shown);
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for millis in [0, 1, 250, 1_000, 90_000, 600_000, 3_600_000, 86_400_000] {
            let span = Duration::from_millis(millis);
            assert_eq!(parse_duration(&show_duration(span)), Some(span));
        }
        for bytes in [0, 1, 1_000, 1_024, 65_536, 32 << 20, 1 << 30] {
            assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
        }
    }
}
