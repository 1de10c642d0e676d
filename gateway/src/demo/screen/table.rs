//! The accounts and their keys: what each has left, what is under way, and who serves.

use std::time::Duration;

use super::page::Page;
use crate::demo::bar::bar;
use crate::demo::ink::{Ink, Line};
use crate::demo::rows::{AccountRow, KeyState};

const ACCOUNT: usize = 1;
const BARS: usize = 8;
/// The columns right of the bars: key, requests under way, state.
const RIGHT: usize = 39;
/// A percentage beside a bar.
const NUMBER: usize = 5;
/// Between two bars.
const GAP: usize = 2;
/// Beyond this, longer bars are no easier to read.
const BAR_MAX: usize = 28;

/// The table with its heading.
pub(super) fn lines(accounts: &[AccountRow], page: &Page) -> Vec<Line> {
    let columns = Columns::of(page);
    let mut lines = vec![heading(&columns)];
    for account in accounts {
        lines.extend(account_lines(account, &columns));
    }
    lines
}

/// Where columns begin.
struct Columns {
    bars: [usize; 3],
    bar: usize,
    has_numbers: bool,
    key: usize,
    in_flight_end: usize,
    state: usize,
}

impl Columns {
    fn of(page: &Page) -> Self {
        let beside = if page.has_numbers { NUMBER + GAP } else { GAP };
        let bar = ((page.width + 1 - BARS - RIGHT) / 3 - beside).min(BAR_MAX);
        let key = BARS + 3 * (bar + beside);
        Self {
            bars: [0, 1, 2].map(|index| BARS + index * (bar + beside)),
            bar,
            has_numbers: page.has_numbers,
            key,
            in_flight_end: key + 14,
            state: key + 16,
        }
    }
}

fn heading(columns: &Columns) -> Line {
    let mut line = Line::default();
    line.go_to(ACCOUNT).put(Ink::Faint, "account");
    for (at, name) in columns
        .bars
        .into_iter()
        .zip(["requests", "input", "output"])
    {
        line.go_to(at).put(Ink::Faint, name);
    }
    line.go_to(columns.key)
        .put(Ink::Faint, "key")
        .put_before(columns.in_flight_end, Ink::Faint, "busy")
        .go_to(columns.state)
        .put(Ink::Faint, "state");
    line
}

fn account_lines(account: &AccountRow, columns: &Columns) -> Vec<Line> {
    let mut lines = Vec::with_capacity(account.keys.len());
    for (index, key) in account.keys.iter().enumerate() {
        let mut line = Line::default();
        if index == 0 {
            line.go_to(ACCOUNT).put(Ink::Bold, account.name.as_str());
            bars(&mut line, account, columns);
        } else {
            line.go_to(BARS).put(Ink::Faint, "shares these budgets");
        }
        line.go_to(columns.key)
            .put(Ink::Plain, key.name.as_str())
            .put_before(
                columns.in_flight_end,
                Ink::Plain,
                &key.in_flight.to_string(),
            )
            .go_to(columns.state);
        let (ink, words) = state(key.state);
        line.put(ink, words);
        lines.push(line);
    }
    lines
}

fn bars(line: &mut Line, account: &AccountRow, columns: &Columns) {
    let is_in = account.keys.iter().any(|key| key.state.is_in());
    for (at, fill) in columns.bars.into_iter().zip(account.fills) {
        line.go_to(at);
        bar(line, columns.bar, fill, is_in);
        if columns.has_numbers {
            let percent = fill.map_or_else(
                || "?".to_owned(),
                |fill| format!("{:.0}%", 100.0 * (fill.free + fill.held)),
            );
            line.put(Ink::Faint, format!("{percent:>NUMBER$}"));
        }
    }
}

/// A key's state in at most 23 characters.
fn state(state: KeyState) -> (Ink, String) {
    match state {
        KeyState::New => (Ink::Faint, "◌ not used yet".to_owned()),
        KeyState::Serving => (Ink::Good, "● serving".to_owned()),
        KeyState::Cooling(left) => (Ink::Warning, format!("◌ 429, cooling {}", secs(left))),
        KeyState::BreakerOpen(None) => (Ink::Warning, "◌ failed, on trial".to_owned()),
        KeyState::BreakerOpen(rest) => (Ink::Bad, format!("✕ failing, {}", retry(rest))),
        KeyState::Rejected(rest) => (Ink::Bad, format!("✕ revoked, {}", retry(rest))),
        KeyState::NoMoney(rest) => (Ink::Bad, format!("✕ no money, {}", retry(rest))),
    }
}

fn retry(rest: Option<Duration>) -> String {
    match rest {
        Some(rest) => format!("retry {}", secs(rest)),
        None => "on trial".to_owned(),
    }
}

/// A countdown; tenths only where they can be seen to count.
fn secs(left: Duration) -> String {
    match left.as_secs() {
        secs @ 300.. => format!("{} m", secs / 60),
        secs @ 60.. => format!("{secs} s"),
        _ => format!("{:.1} s", left.as_secs_f64()),
    }
}
