//! What hours of load come to.

use keyweir_terms::amount::Dimension;
use keyweir_terms::time::HOURS_PER_DAY;
use serde::{Deserialize, Serialize};

use super::Load;
use super::growth::Growth;

/// Spans up to so many hours are told by the hour; longer ones by the day.
const BY_THE_HOUR_MAX: u32 = 96;

/// An hour (since 1970-01-01 UTC), and what was carried in it, by [`Dimension::index`].
pub type Hour = (u32, [Load; Dimension::COUNT]);

/// What one bucket carried over some hours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    /// All of it.
    pub total: Load,
    /// The hour of the largest share of the limit; without a limit, of the most that was used in a minute.
    pub peak_hour: u32,
    /// Hours in each of `steps`: one, or a day.
    pub step_hours: u32,
    /// The course of it: the first hour of each step in which anything was carried, and what.
    pub steps: Vec<(u32, Load)>,
    /// Where the largest minute of each day leads, in amounts per minute. Only whole days count.
    pub peak_growth: Option<Growth>,
    /// Where what is used in a day leads.
    pub use_growth: Option<Growth>,
}

impl Sum {
    /// Of one dimension of `hours`, in their order. `None`: nothing was carried.
    pub fn of(hours: &[Hour], dimension: Dimension) -> Option<Self> {
        let of_dimension = hours
            .iter()
            .map(|(hour, loads)| (*hour, loads[dimension.index()]))
            .filter(|(_, load)| !load.is_nothing());
        let hours: Vec<(u32, Load)> = of_dimension.collect();
        let ((first, _), (last, _)) = (hours.first()?, hours.last()?);
        let days = steps(&hours, HOURS_PER_DAY);
        let is_short = last - first < BY_THE_HOUR_MAX;
        let step_hours = if is_short { 1 } else { HOURS_PER_DAY };
        let peak = hours.iter().max_by(|(_, a), (_, b)| higher(a, b))?;
        // The first and the last day are parts of days, as far as anybody knows.
        let whole = days.get(1..days.len() - 1).unwrap_or_default();
        let growth = |of: fn(&Load) -> f64| {
            let points = whole
                .iter()
                .map(|(hour, load)| (hour / HOURS_PER_DAY, of(load)));
            Growth::of(&points.collect::<Vec<_>>())
        };
        Some(Self {
            total: total(hours.iter().map(|(_, load)| load)),
            peak_hour: peak.0,
            step_hours,
            peak_growth: growth(|load| load.peak_per_minute),
            use_growth: growth(|load| load.used),
            steps: if is_short { hours } else { days },
        })
    }
}

/// Which has the larger share of its limit; where there is none, of which more was used.
fn higher(one: &Load, other: &Load) -> std::cmp::Ordering {
    let by_share = one.peak_share.total_cmp(&other.peak_share);
    by_share.then(one.peak_per_minute.total_cmp(&other.peak_per_minute))
}

/// The hour in which any limit was nearest to being used up, and the dimension of it. `None`: no limit was
/// ever known.
pub fn busiest(hours: &[Hour]) -> Option<(&Hour, Dimension)> {
    let all = hours.iter().flat_map(|hour| {
        let of_hour = Dimension::ALL.into_iter().map(move |it| (hour, it));
        of_hour.filter(|((_, loads), it)| loads[it.index()].peak_share > 0.0)
    });
    all.max_by(|((_, a), of_a), ((_, b), of_b)| higher(&a[of_a.index()], &b[of_b.index()]))
}

/// By steps of so many hours, in their order.
fn steps(hours: &[(u32, Load)], step: u32) -> Vec<(u32, Load)> {
    let mut steps: Vec<(u32, Load)> = Vec::new();
    for (hour, load) in hours {
        let begin = hour - hour % step;
        match steps.last_mut() {
            Some((last, sum)) if *last == begin => sum.add(load),
            _ => steps.push((begin, *load)),
        }
    }
    steps
}

fn total<'a>(loads: impl Iterator<Item = &'a Load>) -> Load {
    let mut total = Load::default();
    for load in loads {
        total.add(load);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(at: u32, share: f64) -> Hour {
        let mut loads = [Load::default(); Dimension::COUNT];
        loads[Dimension::OutputTokens.index()] = Load {
            limit_per_minute: 100.0,
            peak_per_minute: 100.0 * share,
            peak_share: share,
            above_secs: if share >= super::super::HIGH {
                60.0
            } else {
                0.0
            },
            used: 10.0,
            waited: 1,
            ..Load::default()
        };
        (at, loads)
    }

    #[test]
    fn hours_make_a_total_a_peak_and_a_course() {
        let hours = [hour(30, 0.5), hour(31, 0.9), hour(33, 0.7)];
        let sum = Sum::of(&hours, Dimension::OutputTokens).expect("something");
        assert_eq!(sum.total.used, 30.0);
        assert_eq!((sum.total.waited, sum.total.above_secs), (3, 60.0));
        assert_eq!((sum.peak_hour, sum.step_hours), (31, 1));
        assert_eq!(sum.steps.len(), 3);
        assert_eq!(sum.peak_growth, None);
        assert_eq!(Sum::of(&hours, Dimension::Requests), None);
        let (busy, dimension) = busiest(&hours).expect("a limit is known");
        assert_eq!((busy.0, dimension), (31, Dimension::OutputTokens));
        assert!(busiest(&[]).is_none());
    }

    #[test]
    fn weeks_are_told_by_the_day_and_lead_somewhere() {
        let hours: Vec<Hour> = (0..20 * 24)
            .map(|at| hour(at, 0.2 + 0.01 * f64::from(at / 24)))
            .collect();
        let sum = Sum::of(&hours, Dimension::OutputTokens).expect("something");
        assert_eq!((sum.step_hours, sum.steps.len()), (24, 20));
        assert_eq!(sum.steps[1].1.used, 240.0);
        let growth = sum.peak_growth.expect("three weeks");
        assert_eq!(growth.days, 18);
        assert!((growth.per_day - 1.0).abs() < 1e-9, "{growth:?}");
        assert!((growth.last - 38.0).abs() < 1e-9, "{growth:?}");
        assert_eq!(sum.use_growth.map(|it| it.per_day), Some(0.0));
    }
}
