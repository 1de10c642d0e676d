//! The report's picture: for each limit its largest minutes over time, beside the limit.

use keyweir_policy::quota::load::HIGH;
use keyweir_policy::quota::load::sum::Sum;
use keyweir_policy::terms::time::HOURS_PER_DAY;

use super::words::{day, hour, named, words};
use crate::command::number::{amount, percent};
use crate::command::svg::{Anchor, Stroke, Svg};
use crate::runtime::ledger::{Evidence, OfGroup};

const WIDTH: f64 = 1_000.0;
/// Title and legend.
const HEAD: f64 = 78.0;
/// One limit.
const ROW: f64 = 190.0;
/// Where its chart begins below the top of the row, and how high it is.
const CHART_TOP: f64 = 36.0;
const CHART_HEIGHT: f64 = 110.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 980.0;
/// Limits that are drawn, at most, those first that were nearest.
const ROWS_MAX: usize = 12;
/// Labels on the axis of time, about.
const LABELS: u32 = 8;

const GRID: Stroke = Stroke::solid("#e5e7eb", 1.0);
const AXIS: Stroke = Stroke::solid("#9ca3af", 1.0);
const LIMIT: Stroke = Stroke::dashed("#dc2626", 1.5);
const NEAR: Stroke = Stroke::dashed("#b45309", 1.0);
const TREND: Stroke = Stroke::solid("#6b7280", 1.5);
const PEAK: &str = "#2563eb";

/// Draws it.
pub(super) fn draw(found: &Evidence) -> String {
    let mut limits: Vec<(&OfGroup, &str, &Sum)> = found
        .groups
        .iter()
        .flat_map(|group| {
            group
                .dimensions
                .iter()
                .map(move |(name, sum)| (group, name.as_str(), sum))
        })
        .filter(|(_, _, sum)| sum.total.peak_share > 0.0)
        .collect();
    limits.sort_by(|a, b| b.2.total.peak_share.total_cmp(&a.2.total.peak_share));
    limits.truncate(ROWS_MAX);
    let title = format!(
        "Account {}: the largest minutes beside the limit, {} to {} (UTC)",
        found.account,
        day(found.first_hour),
        day(found.until_hour)
    );
    let mut svg = Svg::new(WIDTH, HEAD + ROW * limits.len().max(1) as f64, &title);
    svg.bold((20.0, 30.0), 18.0, &title);
    if limits.is_empty() {
        svg.text(
            (20.0, HEAD + 16.0),
            Anchor::Start,
            14.0,
            "No limit of it was known.",
        );
        return svg.finish();
    }
    legend(&mut svg);
    for (row, (group, dimension, sum)) in (0u32..).zip(&limits) {
        let top = HEAD + ROW * f64::from(row);
        heading(&mut svg, top, (group, dimension), sum);
        Chart::new(top, found, sum).draw(&mut svg, sum);
    }
    svg.finish()
}

fn legend(svg: &mut Svg) {
    let mut x = 20.0;
    let peak = Stroke::solid(PEAK, 6.0);
    for (text, stroke) in [
        ("the largest minute", peak),
        ("the limit", LIMIT),
        ("80 % of it", NEAR),
        ("growth", TREND),
    ] {
        svg.line((x, 53.0), (x + 24.0, 53.0), stroke);
        svg.text((x + 30.0, 57.0), Anchor::Start, 12.0, text);
        x += 56.0 + 6.6 * text.chars().count() as f64;
    }
}

fn heading(svg: &mut Svg, top: f64, (group, dimension): (&OfGroup, &str), sum: &Sum) {
    let (what, whose) = (words(dimension), named(group));
    let title = format!("{what} · {whose} at {}", group.provider);
    svg.bold((20.0, top + 16.0), 14.0, &title);
    let figures = format!(
        "at most {} of {} per minute, {} (UTC)",
        percent(sum.total.peak_share),
        amount(sum.total.limit_per_minute),
        hour(sum.peak_hour)
    );
    svg.text((RIGHT, top + 16.0), Anchor::End, 12.0, &figures);
}

/// A place for the bars of one limit.
struct Chart {
    bottom: f64,
    /// Hours: the first, and how many.
    first: f64,
    hours: f64,
    /// The share at the top.
    most: f64,
}

impl Chart {
    fn new(row: f64, found: &Evidence, sum: &Sum) -> Self {
        let step = sum.step_hours.max(1);
        let first = found.first_hour - found.first_hour % step;
        let hours = (found.until_hour + 1).saturating_sub(first).max(1);
        Self {
            bottom: row + CHART_TOP + CHART_HEIGHT,
            first: f64::from(first),
            hours: f64::from(hours.next_multiple_of(step)),
            most: 1.1 * sum.total.peak_share.max(1.0),
        }
    }

    fn x(&self, hour: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * ((hour - self.first) / self.hours).clamp(0.0, 1.0)
    }

    fn y(&self, share: f64) -> f64 {
        self.bottom - CHART_HEIGHT * (share / self.most).clamp(0.0, 1.0)
    }

    fn draw(&self, svg: &mut Svg, sum: &Sum) {
        self.frame(svg);
        let step = f64::from(sum.step_hours.max(1));
        let width = ((RIGHT - LEFT) * step / self.hours * 0.7).clamp(1.0, 40.0);
        for (begin, load) in &sum.steps {
            let x = self.x(f64::from(*begin) + 0.5 * step);
            let bar = Stroke::solid(PEAK, width);
            svg.line((x, self.bottom), (x, self.y(load.peak_share)), bar);
        }
        for (share, stroke) in [(HIGH, NEAR), (1.0, LIMIT)] {
            svg.line((LEFT, self.y(share)), (RIGHT, self.y(share)), stroke);
        }
        self.trend(svg, sum);
    }

    fn frame(&self, svg: &mut Svg) {
        for share in [0.0, 0.5, 1.0] {
            let y = self.y(share);
            svg.line((LEFT, y), (RIGHT, y), GRID);
            let label = format!("{:.0} %", 100.0 * share);
            svg.text((LEFT - 6.0, y + 4.0), Anchor::End, 11.0, &label);
        }
        svg.line((LEFT, self.bottom), (RIGHT, self.bottom), AXIS);
        let is_days = self.hours > f64::from(2 * HOURS_PER_DAY);
        let unit = if is_days { HOURS_PER_DAY } else { 1 };
        let every = ((self.hours / f64::from(unit * LABELS)).ceil().max(1.0)) as u32 * unit;
        let first = self.first as u32;
        let mut at = first.next_multiple_of(unit);
        while f64::from(at) < self.first + self.hours {
            let x = self.x(f64::from(at));
            svg.line((x, self.bottom), (x, self.bottom + 4.0), AXIS);
            let label = match is_days {
                true => day(at),
                false => format!("{:02}:00", at % HOURS_PER_DAY),
            };
            svg.text((x, self.bottom + 17.0), Anchor::Start, 11.0, &label);
            at += every;
        }
    }

    /// The line through the peaks, as far as whole days tell one.
    fn trend(&self, svg: &mut Svg, sum: &Sum) {
        let limit = sum.total.limit_per_minute;
        let Some(growth) = sum.peak_growth.filter(|_| limit > 0.0) else {
            return;
        };
        let last = sum
            .steps
            .iter()
            .rev()
            .nth(1)
            .map_or(self.first, |(hour, _)| f64::from(*hour));
        let middle = last + 0.5 * f64::from(HOURS_PER_DAY);
        let points = [self.first, self.first + self.hours].map(|at| {
            let days = (at - middle) / f64::from(HOURS_PER_DAY);
            (self.x(at), self.y(growth.after(days) / limit))
        });
        svg.curve(&points, TREND);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use keyweir_policy::quota::load::Load;

    use super::*;

    fn found(group: &str, steps: Vec<(u32, Load)>) -> Evidence {
        let mut sum = Sum {
            step_hours: 1,
            steps,
            ..Sum::default()
        };
        for (hour, load) in &sum.steps {
            sum.total.add(load);
            sum.peak_hour = *hour;
        }
        let group = OfGroup {
            provider: "p".to_owned(),
            endpoint: "inference".to_owned(),
            group: group.to_owned(),
            dimensions: BTreeMap::from([("output_tokens".to_owned(), sum)]),
            busiest: None,
        };
        Evidence {
            format: 1,
            account: "</title><script>".to_owned(),
            since_hour: 0,
            until_hour: 30,
            first_hour: 20,
            last_hour: 30,
            groups: vec![group],
            groups_in_all: 1,
        }
    }

    #[test]
    fn a_row_per_limit_is_drawn_and_names_stay_text() {
        let load = Load {
            limit_per_minute: 100.0,
            peak_share: 1.3,
            used: 1.0,
            ..Load::default()
        };
        let drawn = draw(&found("<b>", vec![(20, load), (30, load)]));
        assert!(drawn.contains("output tokens · &lt;b&gt; at p"));
        assert!(drawn.contains("at most 130.0 % of 100 per minute"));
        assert!(
            !drawn.contains("<script>") && !drawn.contains("NaN"),
            "{drawn}"
        );
        let none = draw(&found("", Vec::new()));
        assert!(none.contains("No limit of it was known."));
    }
}
