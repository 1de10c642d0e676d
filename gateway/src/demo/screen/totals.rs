//! The sums: how much is asked and answered, who waits, and which errors reached clients.

use std::collections::VecDeque;

use super::page::Page;
use crate::demo::bar::spark;
use crate::demo::ink::{Ink, Line, count, span};
use crate::demo::scene::Scene;
use crate::demo::tally::Failure;

/// Where a row's number ends and its sparkline begins.
const VALUE_END: usize = 16;
const SPARK: usize = 17;
/// Where the numbers of errors end, from the beginning of the right half.
const LIMITED_END: usize = 20;
const OVERLOADED_END: usize = 33;
/// The columns of the right half that errors need, up to `  9,999 other`.
const ERRORS: usize = OVERLOADED_END + 6 + 13;

/// The three lines.
pub(super) fn lines(scene: &Scene, page: &Page) -> [Line; 3] {
    let history = &scene.history;
    let both = history.asked.iter().chain(&history.answered);
    let busiest = both.max().copied().unwrap_or(0);
    let longest = history.waiting.iter().max().copied().unwrap_or(0);
    let waiting = if scene.waiting == 0 {
        Ink::Plain
    } else {
        Ink::Warning
    };
    let row = |name, value: &str, values, most, ink| {
        let mut line = Line::default();
        line.put(Ink::Faint, format!(" {name}"))
            .put_before(VALUE_END, ink, value);
        sparkline(&mut line, values, most, ink, page);
        line
    };
    let per_sec = |rate: f64| format!("{rate:.0}/s");
    let asked = per_sec(scene.rates.asked);
    let answered = per_sec(scene.rates.answered);
    let waits = count(scene.waiting as u64);
    let mut lines = [
        row("asked", &asked, &history.asked, busiest, Ink::Plain),
        row("answered", &answered, &history.answered, busiest, Ink::Good),
        row("waiting", &waits, &history.waiting, longest, waiting),
    ];
    clients(&mut lines[0], scene, page);
    provider(&mut lines[1], scene, page);
    patience(&mut lines[2], scene);
    lines
}

/// Where the right half begins.
const fn half(page: &Page) -> usize {
    let middle = page.width.div_ceil(2);
    let room = page.width - ERRORS;
    if middle < room { middle } else { room }
}

fn sparkline(line: &mut Line, values: &VecDeque<u64>, most: u64, ink: Ink, page: &Page) {
    line.go_to(SPARK);
    let width = half(page).saturating_sub(line.width() + 2);
    line.put(ink, spark(values, width, most)).go_to(half(page));
}

/// Two numbers of errors, in columns below each other.
fn errors(line: &mut Line, page: &Page, limited: u64, overloaded: u64, ink: Ink) {
    line.put_before(half(page) + LIMITED_END, ink, &count(limited))
        .put(Ink::Plain, " × 429")
        .put_before(half(page) + OVERLOADED_END, ink, &count(overloaded))
        .put(Ink::Plain, " × 529");
}

/// What the whole demonstration is about: these should be zero.
fn clients(line: &mut Line, scene: &Scene, page: &Page) {
    let totals = &scene.totals;
    let limited = totals.failed(Failure::Status(429));
    let overloaded = totals.failed(Failure::Status(529));
    let otherwise = totals.failed_otherwise();
    let ink = if limited + overloaded == 0 {
        Ink::Good
    } else {
        Ink::Bad
    };
    line.put(Ink::Plain, "clients saw");
    errors(line, page, limited, overloaded, ink);
    if otherwise > 0 {
        line.put(Ink::Bad, format!("  {} other", count(otherwise)));
    }
}

fn provider(line: &mut Line, scene: &Scene, page: &Page) {
    let upstream = &scene.upstream;
    let (limited, overloaded) = (upstream.rate_limited, upstream.overloaded);
    line.put(Ink::Plain, "provider said");
    errors(line, page, limited, overloaded, Ink::Warning);
    line.put(Ink::Faint, format!("  {} other", count(upstream.otherwise)));
}

fn patience(line: &mut Line, scene: &Scene) {
    let totals = &scene.totals;
    line.put(Ink::Plain, format!("failovers {}", count(totals.failovers)));
    if scene.is_overloaded {
        line.put(Ink::Bad, "   provider overloaded: held");
        return;
    }
    let (p50, p99) = (span(totals.lately.p50), span(totals.lately.p99));
    line.put(Ink::Faint, format!("   wait p50 {p50}  p99 {p99}"));
}
