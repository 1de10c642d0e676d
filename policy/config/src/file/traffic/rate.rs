//! How many requests come in a time: `300/min`.

/// The highest rate: far above what a run of a minute may hold.
const RATE_MAX: f64 = 1_000_000.0;

/// Reads a rate: `5/s`, `300/min`, `2.5/h`; per second.
///
/// # Errors
/// What is wrong, and what to write instead.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    const EXAMPLES: &str = "write \"5/s\", \"300/min\" or \"20000/h\"";
    let (number, unit) = text
        .split_once('/')
        .ok_or_else(|| format!("a rate has a unit; {EXAMPLES}"))?;
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| format!("not a rate; {EXAMPLES}"))?;
    let per = match unit.trim() {
        "s" | "sec" | "second" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3600.0,
        _ => return Err(format!("not a unit of a rate; {EXAMPLES}")),
    };
    let per_second = number / per;
    if number.is_finite() && per_second > 0.0 && per_second <= RATE_MAX {
        Ok(per_second)
    } else {
        Err(format!(
            "a rate is more than 0 and at most {RATE_MAX}/s; {EXAMPLES}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units() {
        for (text, rate) in [
            ("5/s", 5.0),
            ("300/min", 5.0),
            ("300 / m", 5.0),
            ("7200/h", 2.0),
            ("0.5/s", 0.5),
        ] {
            assert_eq!(parse_rate(text), Ok(rate), "{text}");
        }
        for text in [
            "5", "", "/s", "5/", "0/s", "-1/s", "nan/s", "inf/s", "5/day", "1e9/s", "1e-400/s",
        ] {
            let error = parse_rate(text).expect_err(text);
            assert!(error.contains("\"300/min\""), "{text}: {error}");
        }
    }
}
