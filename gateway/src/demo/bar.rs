//! Bars and sparklines.

use std::collections::VecDeque;

use super::ink::{Ink, Line};
use super::rows::Fill;

/// A bar's full and half cell, and what is behind it.
pub(super) const FULL: char = '━';
const HALF: char = '╸';
pub(super) const TRACK: char = '─';
/// A sparkline's steps, from nothing to all.
const STEPS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Free shares below which a bar is a warning, and bad.
const SCARCE: f64 = 0.35;
const SPENT: f64 = 0.12;

/// Draws how full a bucket is: what is free, then what running requests hold, then what is used.
/// A bucket that nobody draws from is grey.
pub(super) fn bar(line: &mut Line, width: usize, fill: Option<Fill>, is_in: bool) {
    let Some(fill) = fill else {
        line.put(Ink::Faint, TRACK.to_string().repeat(width));
        return;
    };
    let halves = |share: f64| (share * 2.0 * width as f64).round() as usize;
    let (free, taken) = (halves(fill.free), halves(fill.free + fill.held));
    let ink = ink(fill, is_in);
    let held = if is_in { Ink::Held } else { Ink::Faint };
    let mut run = Run {
        line,
        text: String::new(),
        ink,
    };
    for cell in 0..width {
        let at = 2 * cell;
        let ink = if at < free { ink } else { held };
        if at + 1 < taken {
            run.put(ink, FULL);
        } else if at < taken {
            run.put(ink, HALF);
        } else {
            run.put(Ink::Faint, TRACK);
        }
    }
    run.end();
}

fn ink(fill: Fill, is_in: bool) -> Ink {
    let left = fill.free + fill.held;
    match left {
        _ if !is_in => Ink::Faint,
        _ if left < SPENT => Ink::Bad,
        _ if left < SCARCE => Ink::Warning,
        _ => Ink::Good,
    }
}

/// Cells of one ink, written at once.
struct Run<'a> {
    line: &'a mut Line,
    text: String,
    ink: Ink,
}

impl Run<'_> {
    fn put(&mut self, ink: Ink, cell: char) {
        if ink != self.ink {
            self.end();
            self.ink = ink;
        }
        self.text.push(cell);
    }

    fn end(&mut self) {
        if !self.text.is_empty() {
            self.line.put(self.ink, std::mem::take(&mut self.text));
        }
    }
}

/// The last `width` values, the newest at the right, on a scale that ends at `most`.
pub(super) fn spark(values: &VecDeque<u64>, width: usize, most: u64) -> String {
    let shown = values.len().min(width);
    let steps = STEPS.len() - 1;
    let mut text = " ".repeat(width - shown);
    text.extend(values.iter().skip(values.len() - shown).map(|value| {
        let share = *value as f64 / most.max(1) as f64;
        let step = (share * steps as f64).ceil() as usize;
        STEPS[step.min(steps)]
    }));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(free: f64, held: f64) -> String {
        let mut line = Line::default();
        let fill = Some(Fill { free, held });
        bar(&mut line, 10, fill, true);
        line.text()
    }

    #[test]
    fn bar_shows_halves_of_a_cell() {
        assert_eq!(drawn(1.0, 0.0), "━━━━━━━━━━");
        assert_eq!(drawn(0.0, 0.0), "──────────");
        assert_eq!(drawn(0.45, 0.0), "━━━━╸─────");
        assert_eq!(drawn(0.2, 0.25), "━━━━╸─────");
    }

    #[test]
    fn spark_shows_the_newest_at_the_right() {
        let values: VecDeque<u64> = [1, 0, 4, 8].into();
        assert_eq!(spark(&values, 6, 8), "  ▁ ▄█");
        assert_eq!(spark(&values, 2, 8), "▄█");
        assert_eq!(spark(&values, 2, 0), "██");
    }
}
