//! The simulation as tables for people.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::Hash;

use super::outcome::{Outcome, Simulation};
use crate::command::dimension::in_words;
use crate::command::number::{amount, percent, seconds};

/// Where sentences are wrapped.
const COLUMNS: usize = 100;
/// Rows of the tables below the first.
const ROWS_MAX: usize = 30;

/// The table of cases, the tables of tenants and budgets, and what they come to.
pub(super) fn show(simulation: &Simulation) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut out, simulation);
    out
}

fn write(out: &mut String, simulation: &Simulation) -> fmt::Result {
    writeln!(
        out,
        "{} minutes of traffic, seed {}, against the limits that the policy declares\n",
        simulation.minutes, simulation.seed
    )?;
    out.push_str(&cases(&simulation.cases).show());
    writeln!(
        out,
        "* of the answers that a scheduler which knows everything beforehand would give"
    )?;
    let tenants = tenants(&simulation.cases);
    if tenants.rows.len() > 2 {
        writeln!(
            out,
            "\nAnswered, and the wait that 95 % stay below, by tenant"
        )?;
        out.push_str(&tenants.show());
        writeln_some(out, left_out(&simulation.cases, |case| &case.tenants))?;
    }
    let budgets = budgets(&simulation.cases);
    if budgets.rows.len() > 1 {
        writeln!(
            out,
            "\nUsed of each limit: on average / in the busiest minute"
        )?;
        out.push_str(&budgets.show());
        writeln_some(out, left_out(&simulation.cases, |case| &case.budgets))?;
    }
    writeln!(out)?;
    for (number, case) in simulation.cases.iter().enumerate() {
        let verdict = format!("{number}  {}: {}", case.case, case.verdict);
        out.push_str(&wrapped(&verdict, "   "));
    }
    for note in &simulation.notes {
        out.push_str(&wrapped(&format!("note: {note}"), "      "));
    }
    if simulation.cases.len() == 1 {
        writeln!(
            out,
            "\nAsk what if: --scale 1.2, --without KEY, --limit ACCOUNT=x2; --plot FILE.svg draws \
             it."
        )?;
    }
    Ok(())
}

/// Text in lines of readable length, those after the first indented.
fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    // A gap of several spaces is kept.
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > COLUMNS {
            out.push('\n');
            out.push_str(indent);
            column = indent.len();
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

fn writeln_some(out: &mut String, line: Option<String>) -> fmt::Result {
    line.map_or(Ok(()), |line| writeln!(out, "{line}"))
}

/// Rows of cells; the first column is text and the others numbers.
struct Table {
    rows: Vec<Vec<String>>,
    /// How many columns stand to the left.
    left: usize,
}

impl Table {
    fn show(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                let _ = if column < self.left {
                    write!(line, "{gap}{cell:width$}")
                } else {
                    write!(line, "{gap}{cell:>width$}")
                };
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

fn cases(cases: &[Outcome]) -> Table {
    let head = [
        "case", "requests", "answered", "refused", "success", "of best*", "upstream", "429/1000",
        "wait p50", "p95", "p99",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (number, case) in cases.iter().enumerate() {
        rows.push(vec![
            format!("{number}  {}", case.case),
            case.requests.to_string(),
            case.answered.to_string(),
            case.refused.to_string(),
            percent(case.success),
            percent(case.of_all_knowing),
            format!("{:.3}", case.upstream_per_request),
            format!("{:.1}", case.rate_limited_per_thousand),
            seconds(case.wait_secs.p50),
            seconds(case.wait_secs.p95),
            seconds(case.wait_secs.p99),
        ]);
    }
    Table { rows, left: 1 }
}

/// `case 0`, `case 1` …
fn numbers(cases: &[Outcome]) -> impl Iterator<Item = String> {
    (0..cases.len()).map(|number| format!("case {number}"))
}

/// Things that each case says something of: in the order of their first mention, and of very many
/// those that matter most.
fn rows_of<'o, K: Eq + Hash + Copy, T>(
    cases: &'o [Outcome],
    of: impl Fn(&'o Outcome) -> &'o [T],
    key: impl Fn(&'o T) -> K,
    weight: impl Fn(&T) -> f64,
) -> Vec<(&'o T, Vec<Option<&'o T>>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut rows: Vec<(&T, Vec<Option<&T>>)> = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        for thing in of(case) {
            let place = *places.entry(key(thing)).or_insert_with(|| {
                rows.push((thing, vec![None; cases.len()]));
                rows.len() - 1
            });
            rows[place].1[number] = Some(thing);
        }
    }
    if rows.len() > ROWS_MAX {
        let most = |row: &(&T, Vec<Option<&T>>)| {
            let weights = row.1.iter().flatten().map(|thing| weight(thing));
            weights.fold(f64::MIN, f64::max)
        };
        rows.sort_by(|a, b| most(b).total_cmp(&most(a)));
        rows.truncate(ROWS_MAX);
    }
    rows
}

fn tenants(cases: &[Outcome]) -> Table {
    let head = std::iter::once("tenant".to_owned()).chain(numbers(cases));
    let mut rows = vec![head.collect::<Vec<_>>()];
    let of_cases = rows_of(
        cases,
        |case| &case.tenants,
        |tenant| tenant.tenant.as_str(),
        |tenant| 1.0 - tenant.success,
    );
    for (tenant, by_case) in of_cases {
        let mut row = vec![tenant.tenant.clone()];
        row.extend(by_case.into_iter().map(|found| {
            found.map_or("-".to_owned(), |it| {
                format!("{}, {}", percent(it.success), seconds(it.wait_secs.p95))
            })
        }));
        rows.push(row);
    }
    Table { rows, left: 1 }
}

fn budgets(cases: &[Outcome]) -> Table {
    let of_cases = rows_of(
        cases,
        |case| &case.budgets,
        |it| {
            (
                it.provider.as_str(),
                it.group.as_str(),
                it.account.as_str(),
                it.dimension,
            )
        },
        |it| it.used_in_busiest_minute,
    );
    let has_groups = of_cases.iter().any(|(budget, _)| !budget.group.is_empty());
    let group = |text: &str| has_groups.then(|| text.to_owned());
    let mut head = vec!["account".to_owned()];
    head.extend(group("group"));
    head.push("dimension".to_owned());
    let left = head.len();
    head.push("limit/min".to_owned());
    head.extend(numbers(cases));
    let mut rows = vec![head];
    for (budget, by_case) in of_cases {
        let mut row = vec![budget.account.clone()];
        row.extend(group(&budget.group));
        row.push(in_words(budget.dimension).to_owned());
        row.push(amount(budget.limit_per_minute));
        row.extend(by_case.into_iter().map(|found| {
            found.map_or("-".to_owned(), |it| {
                let (mean, most) = (100.0 * it.used, 100.0 * it.used_in_busiest_minute);
                let of = if it.limit_per_minute == budget.limit_per_minute {
                    String::new()
                } else {
                    format!(" of {}", amount(it.limit_per_minute))
                };
                format!("{mean:.0} / {most:.0} %{of}")
            })
        }));
        rows.push(row);
    }
    Table { rows, left }
}

/// A note on what a table leaves out.
fn left_out<T>(cases: &[Outcome], of: impl Fn(&Outcome) -> &[T]) -> Option<String> {
    let most = cases.iter().map(|case| of(case).len()).max().unwrap_or(0);
    let more = most.checked_sub(ROWS_MAX).filter(|more| *more > 0)?;
    Some(format!("… and {more} that matter less; --json tells all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_are_wrapped_between_words() {
        let text = format!("1  case: {}", "word ".repeat(30).trim_end());
        let wrapped = wrapped(&text, "   ");
        let lines: Vec<&str> = wrapped.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("1  case: word") && lines[0].len() <= COLUMNS);
        assert!(lines[1].starts_with("   word"));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let table = Table {
            rows: vec![row(["é", "1"]), row(["long", "100"])],
            left: 1,
        };
        assert_eq!(table.show(), "é       1\nlong  100\n");
    }
}
