//! What the ledger says, added up as somebody asks: per tenant, per model and day …

use std::collections::BTreeMap;
use std::fmt::Write as _;

use keyweir_policy::tenancy::tally::Totals;
use serde_json::{Map, Value, json};

use super::query::{Format, Query};
use super::spent::Spender;
use crate::telemetry::escape::is_unsafe;

/// What is counted, in the order of the columns.
const COUNTS: [&str; 7] = [
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "cost_usd",
    "unpriced",
];

/// What `query` asks of `usage`.
pub(crate) fn report(query: &Query, usage: &[(Spender, Totals)]) -> String {
    let mut sums: BTreeMap<Vec<String>, Totals> = BTreeMap::new();
    for (spender, totals) in usage {
        let names = query.by.iter().map(|by| by.of(spender));
        sums.entry(names.collect()).or_default().add(totals);
    }
    let names = query.by.iter().map(|by| by.name());
    let header: Vec<&str> = names.chain(COUNTS).collect();
    let rows = sums.into_iter().map(|(mut names, totals)| {
        names.extend(counted(&totals));
        names
    });
    let rows: Vec<Vec<String>> = rows.collect();
    match query.format {
        Format::Table => table(&header, &rows, query.by.len()),
        Format::Csv => csv(&header, &rows),
        Format::Json => objects(&header, &rows, query.by.len()),
    }
}

fn counted(totals: &Totals) -> [String; COUNTS.len()] {
    [
        totals.requests.to_string(),
        totals.input.to_string(),
        totals.cache_read.to_string(),
        totals.cache_write.to_string(),
        totals.output.to_string(),
        totals.money.to_string(),
        totals.unpriced.to_string(),
    ]
}

/// Columns: names on the left, counts on the right of theirs.
fn table(header: &[&str], rows: &[Vec<String>], names: usize) -> String {
    let plain = |text: &str| -> String {
        let shown = text.chars().map(|c| if is_unsafe(c) { '?' } else { c });
        shown.collect()
    };
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(header[column].len())
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut out = String::new();
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    for row in [&header].into_iter().chain(rows) {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let cell = plain(cell);
            let _ = if column < names {
                write!(line, "{cell:<width$}  ")
            } else {
                write!(line, "{cell:>width$}  ")
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// RFC 4180, with plain newlines. A cell that a spreadsheet would take for a formula is quoted by a `'`.
fn csv(header: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |text: &str| {
        let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let text = if is_formula {
            format!("'{text}")
        } else {
            text.to_owned()
        };
        if text.contains([',', '"', '\n', '\r']) {
            return format!("\"{}\"", text.replace('"', "\"\""));
        }
        text
    };
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<String> = cells.map(cell).collect();
        format!("{}\n", cells.join(","))
    };
    let mut out = line(&mut header.iter().copied());
    for row in rows {
        out.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    out
}

/// Counts are numbers; the cost is text, since it is exact.
fn objects(header: &[&str], rows: &[Vec<String>], names: usize) -> String {
    let objects = rows.iter().map(|row| {
        let mut object = Map::new();
        for (column, (name, cell)) in header.iter().zip(row).enumerate() {
            let count = cell.parse::<u64>().ok().filter(|_| column >= names);
            let value = count.map_or_else(|| json!(cell), |count| json!(count));
            object.insert((*name).to_owned(), value);
        }
        Value::Object(object)
    });
    format!("{:#}\n", Value::Array(objects.collect()))
}

#[cfg(test)]
mod tests {
    use keyweir_policy::tenancy::money::Money;

    use super::*;

    fn usage() -> Vec<(Spender, Totals)> {
        let one = |day, tenant: &str, model: &str, requests| {
            let spender = Spender {
                day,
                tenant: tenant.to_owned(),
                model: model.to_owned(),
                ..Spender::default()
            };
            let totals = Totals {
                requests,
                output: 10 * requests,
                money: Money::from_pico(u128::from(requests) * 1_500_000_000_000),
                ..Totals::default()
            };
            (spender, totals)
        };
        vec![
            one(20_783, "search", "claude", 1),
            one(20_783, "search", "=gpt,\"5\"", 2),
            one(20_784, "chat", "claude", 3),
        ]
    }

    fn asked(by: &str, format: &str) -> String {
        let query = Query::read(Some(by), None, Some(format), 20_784).expect("right");
        report(&query, &usage())
    }

    #[test]
    fn sums_are_told_apart_as_asked() {
        assert_eq!(
            asked("tenant", "table"),
            "tenant  requests  input_tokens  cache_read_tokens  cache_write_tokens  output_tokens  \
             cost_usd  unpriced\n\
             chat           3             0                  0                   0             30  \
             \u{20}   4.50         0\n\
             search         3             0                  0                   0             30  \
             \u{20}   4.50         0\n"
        );
        assert_eq!(
            asked("day,model", "csv"),
            "day,model,requests,input_tokens,cache_read_tokens,cache_write_tokens,output_tokens,\
             cost_usd,unpriced\n\
             2026-11-26,\"'=gpt,\"\"5\"\"\",2,0,0,0,20,3.00,0\n\
             2026-11-26,claude,1,0,0,0,10,1.50,0\n\
             2026-11-27,claude,3,0,0,0,30,4.50,0\n"
        );
        let read: Value = serde_json::from_str(&asked("tenant", "json")).expect("JSON");
        assert_eq!(read[0]["tenant"], "chat");
        assert_eq!(read[0]["requests"], 3);
        assert_eq!(read[0]["cost_usd"], "4.50");
    }
}
