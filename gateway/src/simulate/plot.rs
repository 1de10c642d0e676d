//! The simulation as a picture: for each case what was asked, what the limits allow and what was
//! answered, and beside it who waited. All cases have one scale, so that they can be compared.

use super::asked::Asked;
use super::curves::Curves;
use super::outcome::{Outcome, Simulated};
use crate::command::number::{amount, percent, seconds};
use crate::command::svg::{Anchor, Stroke, Svg};

const WIDTH: f64 = 1_000.0;
/// Title and legend.
const HEAD: f64 = 78.0;
/// One case.
const ROW: f64 = 214.0;
/// Where charts begin below the top of their row, and how high they are.
const CHART_TOP: f64 = 44.0;
const CHART_HEIGHT: f64 = 120.0;
/// Left and right edges of the two charts.
const LEFT: (f64, f64) = (66.0, 490.0);
const RIGHT: (f64, f64) = (576.0, 980.0);
/// A capacity this many times above everything else would flatten the rest; it is told instead.
const CAPACITY_SHOWN_MAX: f64 = 2.0;
/// Ticks of an axis, about.
const TICKS: f64 = 5.0;

const GRID: Stroke = Stroke::solid("#e5e7eb", 1.0);
const AXIS: Stroke = Stroke::solid("#9ca3af", 1.0);
const DEMAND: Stroke = Stroke::solid("#6b7280", 1.5);
const ANSWERED: Stroke = Stroke::solid("#2563eb", 2.0);
const CAPACITY: Stroke = Stroke::dashed("#dc2626", 1.5);
const WAITING: Stroke = Stroke::solid("#b45309", 2.0);

/// Draws all cases.
pub(super) fn draw(cases: &[Simulated], asked: &Asked) -> String {
    let rows: usize = cases.iter().map(|case| case.curves.len()).sum();
    let title = format!(
        "What the pool does with it: {} minutes, seed {}",
        asked.minutes, asked.seed
    );
    let mut svg = Svg::new(WIDTH, HEAD + ROW * rows as f64, &title);
    svg.bold((20.0, 30.0), 18.0, &title);
    legend(&mut svg);
    let scales = Scales::of(cases);
    let mut top = HEAD;
    for case in cases {
        for (part, curves) in &case.curves {
            let several = (case.curves.len() > 1).then_some(part.as_str());
            heading(&mut svg, top, &case.outcome, several);
            row(&mut svg, top, curves, &scales);
            top += ROW;
        }
    }
    svg.finish()
}

fn legend(svg: &mut Svg) {
    let mut x = 20.0;
    for (text, stroke) in [
        ("asked", DEMAND),
        ("answered (when sent)", ANSWERED),
        ("what the declared limits allow", CAPACITY),
        ("waiting", WAITING),
    ] {
        svg.line((x, 53.0), (x + 24.0, 53.0), stroke);
        svg.text((x + 30.0, 57.0), Anchor::Start, 12.0, text);
        x += 56.0 + 6.6 * text.chars().count() as f64;
    }
}

/// The tops of the axes.
struct Scales {
    rate: f64,
    waiting: f64,
    minutes: f64,
}

impl Scales {
    fn of(cases: &[Simulated]) -> Self {
        let all = || cases.iter().flat_map(|case| &case.curves);
        let most = |of: fn(&Curves) -> &Vec<f64>| {
            let points = all().flat_map(|(_, curves)| of(curves));
            points.copied().fold(0.0, f64::max)
        };
        let rate = most(|it| &it.demand).max(most(|it| &it.answered)).max(0.01);
        let shown = |capacity: &f64| *capacity <= rate * CAPACITY_SHOWN_MAX;
        let capacities = all().filter_map(|(_, curves)| curves.capacity);
        let secs = |curves: &Curves| curves.step_secs * curves.demand.len() as f64;
        Self {
            rate: 1.08 * capacities.filter(shown).fold(rate, f64::max),
            waiting: (1.08 * most(|it| &it.waiting)).max(1.0),
            minutes: all().map(|(_, it)| secs(it)).fold(0.0, f64::max) / 60.0,
        }
    }
}

fn heading(svg: &mut Svg, top: f64, outcome: &Outcome, part: Option<&str>) {
    let title = match part {
        Some(part) => format!("{} ({part})", outcome.case),
        None => outcome.case.clone(),
    };
    svg.bold((20.0, top + 16.0), 14.0, &title);
    let figures = format!(
        "{} of {} answered, 95 % of them within {}",
        percent(outcome.success),
        outcome.requests,
        seconds(outcome.wait_secs.p95)
    );
    svg.text((RIGHT.1, top + 16.0), Anchor::End, 12.0, &figures);
}

fn row(svg: &mut Svg, top: f64, curves: &Curves, scales: &Scales) {
    let rates = Chart::new(top, LEFT, scales.minutes, scales.rate);
    rates.frame(svg, "requests/s");
    rates.fill(svg, curves.step_secs, &curves.answered, ANSWERED);
    rates.plot(svg, curves.step_secs, &curves.demand, DEMAND);
    rates.plot(svg, curves.step_secs, &curves.answered, ANSWERED);
    rates.level(svg, curves.capacity, CAPACITY);
    let waiting = Chart::new(top, RIGHT, scales.minutes, scales.waiting);
    waiting.frame(svg, "requests waiting");
    waiting.fill(svg, curves.step_secs, &curves.waiting, WAITING);
    waiting.plot(svg, curves.step_secs, &curves.waiting, WAITING);
}

/// A place for curves.
struct Chart {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    minutes: f64,
    most: f64,
}

impl Chart {
    fn new(row: f64, (left, right): (f64, f64), minutes: f64, most: f64) -> Self {
        let top = row + CHART_TOP;
        Self {
            left,
            right,
            top,
            bottom: top + CHART_HEIGHT,
            minutes,
            most,
        }
    }

    fn x(&self, minutes: f64) -> f64 {
        self.left + (self.right - self.left) * (minutes / self.minutes).min(1.0)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * (value / self.most).min(1.0)
    }

    fn frame(&self, svg: &mut Svg, unit: &str) {
        for value in ticks(self.most) {
            let y = self.y(value);
            svg.line((self.left, y), (self.right, y), GRID);
            svg.text(
                (self.left - 6.0, y + 4.0),
                Anchor::End,
                11.0,
                &amount(value),
            );
        }
        for minutes in ticks(self.minutes) {
            let x = self.x(minutes);
            svg.line((x, self.bottom), (x, self.bottom + 4.0), AXIS);
            svg.text(
                (x, self.bottom + 17.0),
                Anchor::Middle,
                11.0,
                &amount(minutes),
            );
        }
        svg.line((self.left, self.bottom), (self.right, self.bottom), AXIS);
        svg.text((self.left, self.top - 8.0), Anchor::Start, 11.0, unit);
        let below = (self.right, self.bottom + 32.0);
        svg.text(below, Anchor::End, 11.0, "minutes");
    }

    fn points(&self, step_secs: f64, values: &[f64]) -> Vec<(f64, f64)> {
        let at = |step: u32| (f64::from(step) + 0.5) * step_secs / 60.0;
        let values = (0u32..).zip(values);
        values
            .map(|(step, value)| (self.x(at(step)), self.y(*value)))
            .collect()
    }

    fn plot(&self, svg: &mut Svg, step_secs: f64, values: &[f64], stroke: Stroke) {
        svg.curve(&self.points(step_secs, values), stroke);
    }

    fn fill(&self, svg: &mut Svg, step_secs: f64, values: &[f64], stroke: Stroke) {
        svg.area(&self.points(step_secs, values), self.bottom, stroke.colour);
    }

    /// A horizontal line, or a word where it would lie outside.
    fn level(&self, svg: &mut Svg, level: Option<f64>, stroke: Stroke) {
        let told = match level {
            Some(level) if level <= self.most => {
                let y = self.y(level);
                return svg.line((self.left, y), (self.right, y), stroke);
            }
            Some(level) => format!("the limits allow {}/s", amount(level)),
            None => "no limit holds".to_owned(),
        };
        svg.text((self.right, self.top - 8.0), Anchor::End, 11.0, &told);
    }
}

/// Round numbers from zero to `most`.
fn ticks(most: f64) -> Vec<f64> {
    if !(most.is_finite() && most > 0.0) {
        return vec![0.0];
    }
    let rough = most / TICKS;
    let magnitude = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|of| of * magnitude)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * magnitude);
    let count = (most / step).floor() as u32;
    (0..=count).map(|number| f64::from(number) * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::recorded::Recording;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(7.0), [0.0, 2.0, 4.0, 6.0]);
        for most in [0.03, 1.0, 9.99, 123.0, 4.5e7] {
            let ticks = ticks(most);
            assert!((3..=6).contains(&ticks.len()), "{most}: {ticks:?}");
            assert!(ticks.last().is_some_and(|last| *last <= most), "{most}");
        }
        assert_eq!(ticks(0.0), [0.0]);
        assert_eq!(ticks(f64::NAN), [0.0]);
    }

    #[test]
    fn a_picture_has_a_row_per_case_and_names_as_they_are() {
        let curves = Curves {
            step_secs: 5.0,
            demand: vec![1.0, 2.0],
            answered: vec![1.0, 1.5],
            waiting: vec![0.0, 3.0],
            capacity: Some(100.0),
        };
        let case = |name: &str| Simulated {
            outcome: Outcome {
                case: name.to_owned(),
                ..Outcome::default()
            },
            curves: vec![("<part>".to_owned(), curves.clone())],
        };
        let asked = Asked {
            minutes: 1,
            seed: 1,
            patience: None,
            first_token: std::time::Duration::from_secs(1),
            tokens_per_second: 70.0,
            flows: Vec::new(),
            recording: Recording::default(),
            notes: Vec::new(),
        };
        let drawn = draw(&[case("as it is"), case("without <a> & b")], &asked);
        assert!(drawn.contains("without &lt;a&gt; &amp; b"));
        assert!(drawn.contains("the limits allow 100/s"));
        assert_eq!(drawn.matches("<polygon").count(), 4);
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    }
}
