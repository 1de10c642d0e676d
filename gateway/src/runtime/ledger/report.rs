//! What the ledger says, added up as somebody asks: per tenant, per model and day …

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use keyweir_policy::tenancy::tally::Totals;
use serde_json::{Map, Value, json};

use super::spent::Spender;
use crate::telemetry::escape::is_unsafe;

/// How it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// In columns, for people.
    #[default]
    Table,
    Csv,
    /// A list of objects.
    Json,
}

/// What is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Day,
    Tenant,
    Provider,
    Account,
    Key,
    Model,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    by: Vec<By>,
    /// The first day that counts, since 1970-01-01.
    pub(crate) since: u32,
    format: Format,
}

const WORDS: [(&str, By); 6] = [
    ("day", By::Day),
    ("tenant", By::Tenant),
    ("provider", By::Provider),
    ("account", By::Account),
    ("key", By::Key),
    ("model", By::Model),
];

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

impl Query {
    /// What `by` (names with commas between), `since` (a day, or a number of days back from `today`)
    /// and `format` ask for; each may be absent.
    ///
    /// # Errors
    /// Says what to write instead.
    pub(crate) fn read(
        by: Option<&str>,
        since: Option<&str>,
        format: Option<&str>,
        today: u32,
    ) -> Result<Self, String> {
        let word = |word: &str| {
            let mut known = WORDS.iter();
            let found = known.find(|(name, _)| *name == word.trim());
            found.map(|(_, by)| *by).ok_or_else(|| {
                let known: Vec<&str> = WORDS.iter().map(|(name, _)| *name).collect();
                format!(
                    "by: nothing is told apart by {word:?}; write some of {}",
                    known.join(",")
                )
            })
        };
        let by = by.unwrap_or("tenant,model,day").split(',');
        let mut apart = Vec::new();
        for by in by.map(word) {
            let by = by?;
            if !apart.contains(&by) {
                apart.push(by);
            }
        }
        Ok(Self {
            by: apart,
            since: since.map_or(Ok(today.saturating_sub(30)), |since| {
                first_day(since, today)
            })?,
            format: format.map_or(Ok(Format::Table), str::parse)?,
        })
    }

    /// The type of what [`report`] makes of it.
    pub(crate) const fn content_type(&self) -> &'static str {
        match self.format {
            Format::Table => "text/plain; charset=utf-8",
            Format::Csv => "text/csv; charset=utf-8",
            Format::Json => "application/json",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "table" => Ok(Self::Table),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(format!(
                "format: {text:?} is none; write table, csv or json"
            )),
        }
    }
}

/// `2026-11-01`, or `30d`.
pub(super) fn first_day(text: &str, today: u32) -> Result<u32, String> {
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse().ok()) {
        return Ok(today.saturating_sub(days));
    }
    let wrong = || format!("since: {text:?} is no day; write 2026-11-01, or 30d for 30 days back");
    let date = format!("{text}T00:00:00Z");
    let is_date = text.len() == "2026-11-01".len();
    let secs = is_date
        .then(|| parse_date(&date))
        .flatten()
        .ok_or_else(wrong)?;
    Ok(secs)
}

/// Days since 1970-01-01 of an RFC 3339 date, by Howard Hinnant's `days_from_civil`.
fn parse_date(text: &str) -> Option<u32> {
    let (date, _) = text.split_once('T')?;
    let mut parts = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let is_right = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && parts.next().is_none();
    if !is_right {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    u32::try_from(days).ok()
}

/// A day as people write it, by Howard Hinnant's `civil_from_days`.
pub(crate) fn show_day(day: u32) -> String {
    let shifted = u64::from(day) + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

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

impl By {
    fn of(self, spender: &Spender) -> String {
        match self {
            Self::Day => show_day(spender.day),
            Self::Tenant => spender.tenant.clone(),
            Self::Provider => spender.provider.clone(),
            Self::Account => spender.account.clone(),
            Self::Key => spender.key.clone(),
            Self::Model => spender.model.clone(),
        }
    }

    fn name(self) -> &'static str {
        let mut words = WORDS.iter();
        let found = words.find(|(_, by)| *by == self);
        found.map_or("", |(name, _)| name)
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

    #[test]
    fn questions_that_are_none_are_told_what_to_write() {
        let read = |by, since, format| Query::read(by, since, format, 20_784);
        assert_eq!(
            read(None, Some("2026-11-26"), None).expect("right").since,
            20_783
        );
        assert_eq!(read(None, Some("7d"), None).expect("right").since, 20_777);
        for (by, since, format, expected) in [
            (
                Some("colour"),
                None,
                None,
                "by: nothing is told apart by \"colour\"; write some of",
            ),
            (
                None,
                Some("yesterday"),
                None,
                "since: \"yesterday\" is no day; write 2026-11-01",
            ),
            (
                None,
                Some("2026-13-01"),
                None,
                "since: \"2026-13-01\" is no day",
            ),
            (
                None,
                None,
                Some("xml"),
                "format: \"xml\" is none; write table, csv or json",
            ),
        ] {
            let told = read(by, since, format).expect_err("it is none");
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (day, shown) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (20_783, "2026-11-26"),
        ] {
            assert_eq!(show_day(day), shown);
            assert_eq!(first_day(shown, 0), Ok(day));
        }
    }
}
