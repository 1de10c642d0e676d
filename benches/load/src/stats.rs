//! Medians and quantiles, and how they are written.
//!
//! Medians, because a shared machine swings: one round in which somebody else's build took the
//! core says nothing about the program, and a mean would believe it.

use std::fmt;

/// The value below which a share `q` (0 to 1) of the values lies: the nearest rank, no
/// interpolation, so that it is always a value that was measured. `None` if there are none.
pub(crate) fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// One figure over several rounds: its median, and the range it moved in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The median of the rounds: the figure that is quoted.
    pub(crate) median: f64,
    /// The smallest round.
    pub(crate) least: f64,
    /// The largest round.
    pub(crate) most: f64,
    /// How many rounds there were.
    pub(crate) rounds: usize,
}

impl Spread {
    /// Over the rounds; `None` if there are none.
    pub(crate) fn over(rounds: &[f64]) -> Option<Self> {
        Some(Self {
            median: quantile(rounds, 0.5)?,
            least: quantile(rounds, 0.0)?,
            most: quantile(rounds, 1.0)?,
            rounds: rounds.len(),
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            median,
            least,
            most,
            ..
        } = *self;
        write!(f, "{} ({}–{})", short(median), short(least), short(most))
    }
}

/// A number with as many digits as it deserves: three significant ones, thousands whole.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => with_separators(value.round()),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.3}"),
    }
}

fn with_separators(whole: f64) -> String {
    let digits = format!("{:.0}", whole.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if whole < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_is_a_value_that_was_measured() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 0.5), Some(2.0));
        assert_eq!(quantile(&values, 0.99), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn one_outlier_does_not_move_the_median() {
        let spread = Spread::over(&[1.0, 1.1, 0.9, 1.0, 55.0]).expect("five rounds");
        assert_eq!(spread.median, 1.0);
        assert_eq!(spread.to_string(), "1.00 (0.90–55.0)");
    }

    #[test]
    fn large_numbers_are_readable() {
        assert_eq!(short(1_234_567.4), "1,234,567");
        assert_eq!(short(-1234.0), "-1,234");
        assert_eq!(short(999.6), "1000");
        assert_eq!(short(0.0123), "0.012");
    }
}
