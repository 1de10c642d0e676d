//! Money, exactly: whole picodollars (10⁻¹² USD).
//!
//! Prices are told in dollars per million tokens, to a few decimals; a millionth of a millionth of a
//! dollar is the smallest part that such a price makes of one token, so that sums are exact and no
//! float is ever in between.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

/// Picodollars of one dollar.
const DOLLAR: u128 = 1_000_000_000_000;
/// Decimals that a picodollar stands for.
const DECIMALS: usize = 12;
/// The largest amount that is read: far above any budget, far below where sums overflow.
const DOLLARS_MAX: u128 = 1_000_000_000_000;

/// Parts of a whole, in which shares are told: the weight of cache reads, the price of batches.
pub const WHOLE: u64 = 1_000;

/// An amount of US dollars. Differences saturate at nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u128);

/// Why a text is no amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// It is not digits, perhaps with a point in between.
    #[error("must be an amount of US dollars")]
    NoAmount,
    /// It has a part of a picodollar.
    #[error("has more than 12 decimals")]
    TooFine,
    /// It is more than anybody has.
    #[error("is more than 1_000_000_000_000 dollars")]
    TooMuch,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many picodollars.
    pub const fn from_pico(pico: u128) -> Self {
        Self(pico)
    }

    /// Picodollars.
    pub const fn pico(self) -> u128 {
        self.0
    }

    /// Dollars, for graphs: not exact.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / DOLLAR as f64
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads dollars: `12`, `0.075`, `1_000.50`.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let plain: String = text.chars().filter(|c| *c != '_').collect();
        let (whole, part) = plain.split_once('.').unwrap_or((&plain, "0"));
        let is_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(part) {
            return Err(MoneyError::NoAmount);
        }
        let part = part.trim_end_matches('0');
        if part.len() > DECIMALS {
            return Err(MoneyError::TooFine);
        }
        let dollars: u128 = whole.parse().map_err(|_| MoneyError::TooMuch)?;
        if dollars > DOLLARS_MAX {
            return Err(MoneyError::TooMuch);
        }
        let part: u128 = format!("{part:0<DECIMALS$}")
            .parse()
            .map_err(|_| MoneyError::NoAmount)?;
        Ok(Self(dollars * DOLLAR + part))
    }
}

impl fmt::Display for Money {
    /// Dollars, exactly, with at least two decimals: `12.00`, `0.000075`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:0DECIMALS$}", self.0 % DOLLAR);
        let part = part.trim_end_matches('0');
        write!(f, "{}.{part:0<2}", self.0 / DOLLAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown_exactly() {
        for (text, shown) in [
            ("0", "0.00"),
            ("12", "12.00"),
            ("0.075", "0.075"),
            ("1_000.5", "1000.50"),
            ("0.000000000001", "0.000000000001"),
            ("3.10000000000000", "3.10"),
        ] {
            let money: Money = text.parse().expect(text);
            assert_eq!(money.to_string(), shown);
            assert_eq!(shown.parse(), Ok(money));
        }
        for (text, error) in [
            ("", MoneyError::NoAmount),
            ("-1", MoneyError::NoAmount),
            ("1.", MoneyError::NoAmount),
            (".5", MoneyError::NoAmount),
            ("1e3", MoneyError::NoAmount),
            ("nan", MoneyError::NoAmount),
            ("0.0000000000001", MoneyError::TooFine),
            ("1000000000001", MoneyError::TooMuch),
            (
                "9999999999999999999999999999999999999999999",
                MoneyError::TooMuch,
            ),
        ] {
            assert_eq!(text.parse::<Money>(), Err(error), "{text}");
        }
    }
}
