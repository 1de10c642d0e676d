//! Where a series of days leads.
//!
//! A straight line, by Theil and Sen: its slope is the median of the slopes between all pairs of days. One
//! day of an outage or of a load test moves it little, where it would tilt a line of least squares; and
//! nothing finer than a line can be told from some weeks.

use serde::{Deserialize, Serialize};

/// Days that a line is drawn through, at least: every day of the week once.
pub const DAYS_MIN: usize = 7;
/// Days that are looked at, at most: pairs grow with their square.
const DAYS_MAX: usize = 400;

/// A line through some days.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// How many days it rests on.
    pub days: u32,
    /// Where it stands on the last of them.
    pub last: f64,
    /// How much it gains per day; negative: it loses.
    pub per_day: f64,
    /// A quarter of all pairs of days grew more slowly than this …
    pub per_day_low: f64,
    /// … and a quarter faster than this.
    pub per_day_high: f64,
}

impl Growth {
    /// The line through `points`, each a day and its amount, in their order. `None`: they are too few.
    pub fn of(points: &[(u32, f64)]) -> Option<Self> {
        let points = &points[points.len().saturating_sub(DAYS_MAX)..];
        let (last, _) = *points.last().filter(|_| points.len() >= DAYS_MIN)?;
        let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
        for (position, (day, amount)) in points.iter().enumerate() {
            for (later, more) in &points[position + 1..] {
                let days = later.checked_sub(*day).filter(|days| *days > 0)?;
                slopes.push((more - amount) / f64::from(days));
            }
        }
        let per_day = quantile(&mut slopes, 0.5);
        let on_last = |(day, amount): &(u32, f64)| amount + per_day * f64::from(last - day);
        let mut on_last: Vec<f64> = points.iter().map(on_last).collect();
        Some(Self {
            days: u32::try_from(points.len()).unwrap_or(u32::MAX),
            last: quantile(&mut on_last, 0.5).max(0.0),
            per_day,
            per_day_low: quantile(&mut slopes, 0.25),
            per_day_high: quantile(&mut slopes, 0.75),
        })
    }

    /// Where it stands so many days after the last.
    pub fn after(&self, days: f64) -> f64 {
        (self.last + self.per_day * days).max(0.0)
    }

    /// In how many days it reaches `amount`; `None`: it does not grow.
    pub fn reaches(&self, amount: f64) -> Option<f64> {
        if self.last >= amount {
            return Some(0.0);
        }
        (self.per_day > 0.0).then(|| (amount - self.last) / self.per_day)
    }
}

/// The value that the share `of` of `values` stays below; of an even number of them the mean of the two
/// in the middle.
fn quantile(values: &mut [f64], of: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = of * values.len().saturating_sub(1) as f64;
    let below = values.get(at.floor() as usize).copied().unwrap_or(0.0);
    let above = values.get(at.ceil() as usize).copied().unwrap_or(0.0);
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_growth_is_found_whatever_one_day_does() {
        let mut points: Vec<(u32, f64)> = (0..14)
            .map(|day| (100 + day, 50.0 + 2.0 * f64::from(day)))
            .collect();
        points[5].1 = 10_000.0;
        points[9].1 = 0.0;
        let growth = Growth::of(&points).expect("two weeks");
        assert!((growth.per_day - 2.0).abs() < 0.5, "{growth:?}");
        assert!((growth.last - 76.0).abs() < 3.0, "{growth:?}");
        assert!(growth.per_day_low <= growth.per_day && growth.per_day <= growth.per_day_high);
        let days = growth.reaches(100.0).expect("it grows");
        assert!((days - (100.0 - growth.last) / growth.per_day).abs() < 1e-9);
        assert_eq!(growth.reaches(10.0), Some(0.0));
    }

    #[test]
    fn gaps_are_no_days() {
        let points = [0, 1, 2, 3, 7, 8, 9].map(|day| (day, f64::from(day)));
        let growth = Growth::of(&points).expect("seven days");
        assert_eq!((growth.per_day, growth.last, growth.days), (1.0, 9.0, 7));
        assert_eq!(growth.after(10.0), 19.0);
    }

    #[test]
    fn what_falls_reaches_nothing_and_is_never_negative() {
        let points: Vec<(u32, f64)> = (0..8).map(|day| (day, 80.0 - f64::from(day))).collect();
        let growth = Growth::of(&points).expect("eight days");
        assert_eq!(growth.reaches(100.0), None);
        assert_eq!(growth.after(1_000.0), 0.0);
    }

    #[test]
    fn too_few_days_and_days_out_of_order_tell_nothing() {
        let points: Vec<(u32, f64)> = (0..6).map(|day| (day, 1.0)).collect();
        assert_eq!(Growth::of(&points), None);
        assert_eq!(Growth::of(&[]), None);
        assert_eq!(Growth::of(&[(3, 1.0); 9]), None);
    }
}
