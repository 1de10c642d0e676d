//! What bounds a tenant or a group of them: tables `limit` and `budget`.

use crate::file::fields::Fields;
use crate::file::problems::{At, Spot};
use crate::file::read::bounds::LIST_MAX;
use crate::file::read::names::{id, patterns, reference};
use crate::file::report::Severity;
use crate::file::value::Value;
use keyweir_tenancy::allowance::{Limit, Percent};
use keyweir_tenancy::money::Money;
use keyweir_tenancy::period::{Period, Unit};
use keyweir_terms::amount::Dimension;
use keyweir_terms::pattern::ModelPatterns;

/// The largest limit accepted: far above any provider's, far below where sums overflow.
const COUNT_MAX: u64 = 1_000_000_000_000;
/// Requests at a time: more than the gateway itself serves.
const AT_A_TIME_MAX: u64 = 1_000_000;

/// The least that is worth keeping: of an account of 100 requests a minute, one.
const SHARE_MIN: f64 = 0.01;
/// The least part of a budget of which is warned.
const WARN_AT_MIN: f64 = 0.01;

/// The fields of the dimensions, by [`Dimension::index`].
const PER_MINUTE: [&str; Dimension::COUNT] = [
    "requests_per_minute",
    "input_tokens_per_minute",
    "output_tokens_per_minute",
    "tokens_per_minute",
];

const WEEKDAYS: [(&str, i8); 7] = [
    ("monday", 1),
    ("tuesday", 2),
    ("wednesday", 3),
    ("thursday", 4),
    ("friday", 5),
    ("saturday", 6),
    ("sunday", 7),
];

/// What bounds a tenant or a group, as written.
#[derive(Debug)]
pub(in crate::file) struct RawAllowance {
    pub(in crate::file) limits: Vec<At<Limit>>,
    pub(in crate::file) budgets: Vec<RawBudget>,
    pub(in crate::file) shadow: bool,
    /// `None`: all.
    pub(in crate::file) accounts: Option<At<Vec<At<String>>>>,
    pub(in crate::file) reserves: Vec<RawReserve>,
    pub(in crate::file) group: Option<At<String>>,
}

/// A part of an account that is kept, as written.
#[derive(Debug)]
pub(in crate::file) struct RawReserve {
    pub(in crate::file) spot: Spot,
    pub(in crate::file) account: Option<At<String>>,
    pub(in crate::file) share: Option<f64>,
}

/// A budget, as written.
#[derive(Debug)]
pub(in crate::file) struct RawBudget {
    pub(in crate::file) spot: Spot,
    pub(in crate::file) models: ModelPatterns,
    pub(in crate::file) unit: Option<Unit>,
    pub(in crate::file) hour: i8,
    /// `None`: as the whole policy has it.
    pub(in crate::file) zone: Option<String>,
    pub(in crate::file) tokens: Option<u64>,
    pub(in crate::file) money: Option<Money>,
    pub(in crate::file) soft: bool,
    pub(in crate::file) warn_at: Option<Percent>,
}

/// A group of tenants, as written.
#[derive(Debug)]
pub(in crate::file) struct RawTenantGroup {
    pub(in crate::file) id: Option<At<String>>,
    pub(in crate::file) allowance: RawAllowance,
}

pub(super) fn tenant_group(fields: &mut Fields<'_>) -> Option<RawTenantGroup> {
    Some(RawTenantGroup {
        id: id(fields),
        allowance: allowance(fields),
    })
}

/// The fields that tenants and groups have in common.
pub(super) fn allowance(fields: &mut Fields<'_>) -> RawAllowance {
    RawAllowance {
        limits: fields.tables("limit", LIST_MAX, limit),
        budgets: fields.tables("budget", LIST_MAX, budget),
        shadow: fields.or("shadow", false, |value| value.boolean()),
        accounts: fields.optional("accounts", |value| value.at(accounts)),
        reserves: fields.tables("reserve", LIST_MAX, reserve),
        group: fields.optional("group", reference),
    }
}

/// The accounts that may be used; never none, which would be nobody's wish.
fn accounts(value: &Value<'_>) -> Option<Vec<At<String>>> {
    let listed = value.list(LIST_MAX, |value| Some(reference(value)))?;
    if listed.is_empty() {
        return value.refuse_with_hint(
            "needs at least one account",
            "leave it out for all accounts, or name those that may be used",
        );
    }
    Some(listed.into_iter().flatten().collect())
}

fn reserve(fields: &mut Fields<'_>) -> Option<RawReserve> {
    Some(RawReserve {
        spot: fields.spot().clone(),
        account: fields.required("account", reference),
        share: fields.required("share", |value| value.fraction(SHARE_MIN..=1.0)),
    })
}

fn limit(fields: &mut Fields<'_>) -> Option<At<Limit>> {
    let spot = fields.spot().clone();
    let is_limit = |name: &&str| fields.has(name);
    let mut names = PER_MINUTE.iter().chain(&["concurrency"]);
    if !names.any(is_limit) {
        let names = PER_MINUTE.join(", ");
        let hint = format!("set one of {names}, concurrency");
        let problems = fields.problems();
        problems.note_with_hint(Severity::Error, spot.clone(), "limits nothing", hint);
    }
    let models = fields.or("models", ModelPatterns::any(), |value| patterns(&value));
    let concurrency = fields.optional("concurrency", |value| value.count(0..=AT_A_TIME_MAX));
    let value = Limit {
        models,
        per_minute: PER_MINUTE
            .map(|name| fields.optional(name, |value| value.count(0..=COUNT_MAX))),
        concurrency: concurrency.and_then(|max| u32::try_from(max).ok()),
    };
    Some(At { value, spot })
}

fn budget(fields: &mut Fields<'_>) -> Option<RawBudget> {
    let spot = fields.spot().clone();
    if !fields.has("tokens") && !fields.has("usd") {
        let problems = fields.problems();
        let hint = "set tokens or usd";
        problems.note_with_hint(Severity::Error, spot.clone(), "bounds nothing", hint);
    }
    Some(RawBudget {
        spot,
        models: fields.or("models", ModelPatterns::any(), |value| patterns(&value)),
        unit: unit(fields),
        hour: fields.or("hour", 0, |value| i8::try_from(value.count(0..=23)?).ok()),
        zone: fields.optional("time_zone", |value| time_zone(&value)),
        tokens: fields.optional("tokens", |value| value.count(0..=COUNT_MAX * 1_000)),
        money: fields.optional("usd", |value| money(&value)),
        soft: fields.or("soft", false, |value| value.boolean()),
        warn_at: fields.optional("warn_at", |value| {
            let part = value.fraction(WARN_AT_MIN..=1.0)?;
            Some(Percent((part * 100.0).round() as u8))
        }),
    })
}

/// How long the period is, and on which day it begins.
fn unit(fields: &mut Fields<'_>) -> Option<Unit> {
    const WORDS: [(&str, u8); 3] = [("day", 0), ("week", 1), ("month", 2)];
    let per = fields.required("per", |value| value.one_of(&WORDS));
    let day = fields.optional("day", |value| match per {
        Some(0) => value.refuse_with_hint("a day begins at its hour", "leave it out, or set hour"),
        _ => value.either(
            |_| per == Some(1),
            |value| value.one_of(&WEEKDAYS),
            |value| i8::try_from(value.count(1..=31)?).ok(),
        ),
    });
    Some(match per? {
        0 => Unit::Day,
        1 => Unit::Week(day.unwrap_or(1)),
        _ => Unit::Month(day.unwrap_or(1)),
    })
}

pub(super) fn time_zone(value: &Value<'_>) -> Option<String> {
    let name = value.text()?;
    if Period::new(Unit::Day, name, 0).is_none() {
        return value.refuse_with_hint(
            "is no time zone",
            "write its name in the tz database: \"UTC\", \"Europe/Berlin\", \"America/New_York\"",
        );
    }
    Some(name.to_owned())
}

/// US dollars, as a number or as text: both are read digit by digit.
pub(super) fn money(value: &Value<'_>) -> Option<Money> {
    const HINT: &str = "write dollars: 250, 12.50 or \"12.50\"";
    let Some(text) = value.as_digits() else {
        return value.refuse_with_hint("must be an amount of US dollars", HINT);
    };
    match text.parse() {
        Ok(money) => Some(money),
        Err(error) => {
            let error: keyweir_tenancy::money::MoneyError = error;
            value.refuse_with_hint(error.to_string(), HINT)
        }
    }
}
