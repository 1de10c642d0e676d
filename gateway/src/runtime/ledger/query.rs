//! What is asked of the ledger: which days, what is told apart, and how it is shown.

use std::str::FromStr;

use super::spent::Spender;
use crate::telemetry::calendar::{read_day, show_day};

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
    pub(super) by: Vec<By>,
    /// The first day that counts, since 1970-01-01.
    pub(crate) since: u32,
    pub(super) format: Format,
}

const WORDS: [(&str, By); 6] = [
    ("day", By::Day),
    ("tenant", By::Tenant),
    ("provider", By::Provider),
    ("account", By::Account),
    ("key", By::Key),
    ("model", By::Model),
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

    /// The type of what [`super::report`] makes of it.
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
    read_day(text).ok_or_else(wrong)
}

impl By {
    pub(super) fn of(self, spender: &Spender) -> String {
        match self {
            Self::Day => show_day(spender.day),
            Self::Tenant => spender.tenant.clone(),
            Self::Provider => spender.provider.clone(),
            Self::Account => spender.account.clone(),
            Self::Key => spender.key.clone(),
            Self::Model => spender.model.clone(),
        }
    }

    pub(super) fn name(self) -> &'static str {
        let mut words = WORDS.iter();
        let found = words.find(|(_, by)| *by == self);
        found.map_or("", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
