//! Durations with units, as OpenAI and its relatives write them (`17ms`, `6m0s`,
//! `23h18m29.144s`), and as people do (`20 ms`, `2 minutes`).

use std::time::Duration;

/// No budget's reset is further away.
pub(crate) const SECS_MAX: f64 = 32.0 * 86_400.0;

/// A duration, and how coarse it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) length: Duration,
    pub(crate) grain: Duration,
}

/// Reads a text that is nothing but a duration: `(number unit)+`, each unit smaller than the one before,
/// white space allowed between.
pub(crate) fn read(text: &str) -> Option<Span> {
    let (span, rest) = prefix(text.trim())?;
    rest.trim().is_empty().then_some(span)
}

/// Reads the duration that `text` begins with, as far as it goes; the rest is returned.
pub(crate) fn prefix(text: &str) -> Option<(Span, &str)> {
    let mut rest = text;
    let mut secs = 0.0;
    let mut grain = f64::INFINITY;
    let mut unit_before = f64::INFINITY;
    // `1h1h` is nobody's two hours: what goes on in a unit that is no smaller belongs to no duration.
    while let Some((digits, unit, after)) = next_part(rest).filter(|part| part.1 < unit_before) {
        unit_before = unit;
        let number: f64 = digits.parse().ok()?;
        secs += number * unit;
        grain = f64::min(grain, unit * digit_worth(digits));
        rest = after;
    }
    let is_sensible = grain.is_finite() && secs <= SECS_MAX;
    is_sensible.then(|| {
        let span = Span {
            length: Duration::from_secs_f64(secs),
            grain: Duration::from_secs_f64(grain.min(60.0)),
        };
        (span, rest)
    })
}

/// A number, what its unit is worth in seconds, and what follows.
fn next_part(text: &str) -> Option<(&str, f64, &str)> {
    let (digits, after) = number(text.trim_start())?;
    let after = after.trim_start();
    let unit_end = after
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(after.len());
    let (unit, after) = after.split_at(unit_end);
    Some((digits, unit_secs(unit)?, after))
}

/// The number that `text` begins with (`12`, `1.5`), and what follows. A full stop that no digit
/// follows ends a sentence.
pub(crate) fn number(text: &str) -> Option<(&str, &str)> {
    let whole = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    if whole == 0 {
        return None;
    }
    let fraction = text[whole..].strip_prefix('.').map_or(0, |after| {
        after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len())
    });
    let end = if fraction == 0 {
        whole
    } else {
        whole + 1 + fraction
    };
    Some(text.split_at(end))
}

fn unit_secs(unit: &str) -> Option<f64> {
    Some(match unit {
        "d" | "day" | "days" => 86_400.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => 1e-3,
        "us" | "µs" | "μs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}

/// What the last digit is worth: 0.001 in `29.144`.
fn digit_worth(digits: &str) -> f64 {
    let decimals = digits.split_once('.').map_or(0, |(_, after)| after.len());
    10f64.powi(-(decimals.min(9) as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_with_units() {
        for (text, millis, grain_millis) in [
            ("17ms", 17, 1),
            ("1s", 1_000, 1_000),
            ("0s", 0, 1_000),
            ("6m0s", 360_000, 1_000),
            ("7.66s", 7_660, 10),
            ("2m59.56s", 179_560, 10),
            ("23h18m29.144s", 83_909_144, 1),
            ("1d2h", 93_600_000, 60_000),
            ("8.64s", 8_640, 10),
            ("20 ms", 20, 1),
            ("1 min 5 sec", 65_000, 1_000),
            ("2 minutes", 120_000, 60_000),
            ("1h", 3_600_000, 60_000),
        ] {
            let span = read(text).unwrap();
            assert_eq!(span.length.as_micros().div_ceil(1_000), millis, "{text}");
            assert_eq!(
                span.grain.as_micros().div_ceil(1_000),
                grain_millis,
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "s",
            "12",
            "1.2.3s",
            "6m0",
            "-1s",
            "1 week",
            "1e3s",
            "100000d",
            "soon",
            "1sx",
            "1\u{a0}",
            "99999999999999999999999999s",
            ".5s",
            "1.s",
            "1h1h1h",
            "1s1h",
            "5s 2 minutes",
            "1m60s1s",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
