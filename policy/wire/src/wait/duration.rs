//! Durations with units, as OpenAI and its relatives write them: `17ms`, `6m0s`, `23h18m29.144s`.

use std::time::Duration;

/// No budget's reset is further away.
pub(crate) const SECS_MAX: f64 = 32.0 * 86_400.0;

/// A duration, and how coarse it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) length: Duration,
    pub(crate) grain: Duration,
}

/// Reads `([0-9]+(\.[0-9]+)?(d|h|m|s|ms|us|µs|ns))+`.
pub(crate) fn read(text: &str) -> Option<Span> {
    let mut rest = text.trim();
    let mut secs = 0.0;
    let mut grain = f64::INFINITY;
    while !rest.is_empty() {
        let digits_end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (digits, after) = rest.split_at(digits_end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit = unit_secs(unit)?;
        let number: f64 = digits.parse().ok()?;
        secs += number * unit;
        grain = f64::min(grain, unit * digit_worth(digits));
        rest = after;
    }
    let is_sensible = grain.is_finite() && secs <= SECS_MAX;
    is_sensible.then(|| Span {
        length: Duration::from_secs_f64(secs),
        grain: Duration::from_secs_f64(grain.min(60.0)),
    })
}

fn unit_secs(unit: &str) -> Option<f64> {
    Some(match unit.trim() {
        "d" => 86_400.0,
        "h" => 3_600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
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
            "", "s", "12", "1.2.3s", "6m0", "-1s", "1 week", "1e3s", "100000d", "soon", "1sx",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
