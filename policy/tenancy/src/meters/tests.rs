use std::cell::RefCell;
use std::time::Duration;

use proptest::prelude::*;

use keyweir_terms::amount::Dimension;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::request::RequestSize;
use keyweir_terms::time::Time;

use super::*;
use crate::allowance::{Allowance, Amount, Budget, Limit, Percent};
use crate::lack::{Ends, Lack, Lacking};
use crate::left::AllLeft;
use crate::period::{Period, Unit};
use crate::prices::{Price, Prices, Rates, Unpriced};
use crate::request::{Asked, Standing};
use crate::spec::Member;

mod ahead;
mod any_course;
mod budgets;
mod cached;
mod caps;
mod gateways;
mod limits;
mod periods;
mod rerouting;

const T: TenantId = TenantId(0);
const OTHER: TenantId = TenantId(1);
const P: ProviderId = ProviderId(0);
const START: Wall = Wall(1_795_651_200_000_000); // 2026-11-26, midnight

fn at(secs: u64) -> Moment {
    Moment {
        now: Time::from_micros(1 + secs * 1_000_000),
        wall: Wall(START.0 + secs as i64 * 1_000_000),
    }
}

fn limit(dimension: Dimension, max: u64) -> Limit {
    let mut per_minute = [None; Dimension::COUNT];
    per_minute[dimension.index()] = Some(max);
    Limit {
        models: ModelPatterns::any(),
        per_minute,
        concurrency: None,
    }
}

fn budget(amount: Amount) -> Budget {
    Budget {
        models: ModelPatterns::any(),
        period: Period::new(Unit::Day, "UTC", 0).expect("a zone"),
        amount,
        soft: false,
        warn_at: None,
    }
}

fn limits(limits: Vec<Limit>) -> Allowance {
    Allowance {
        limits,
        ..Allowance::default()
    }
}

fn budgets(budgets: Vec<Budget>) -> Allowance {
    Allowance {
        budgets,
        ..Allowance::default()
    }
}

/// Two tenants of a group; a token costs a picodollar, whatever it is.
fn spec(own: Allowance, of_group: Allowance) -> Spec {
    let member = |name: &str, allowance, group| Member {
        name: name.to_owned(),
        allowance,
        group,
    };
    let rates = Rates {
        input: 1,
        output: 1,
        cache_read: 1,
        cache_write: 1,
        cache_write_1h: 1,
    };
    let price = Price {
        name: "one".to_owned(),
        models: ModelPatterns::new(vec!["priced*".parse().expect("a pattern")]).expect("one"),
        provider: None,
        dialect: None,
        rates,
        long: None,
        batch: crate::money::WHOLE,
    };
    Spec {
        groups: vec![member("team", of_group, None)],
        tenants: Table::from_iter([
            member("own", own, Some(0)),
            member("other", Allowance::default(), Some(0)),
        ]),
        prices: Prices {
            rows: vec![price],
            unpriced: Unpriced::Refuse,
        },
        providers: Table::from_iter([("p".to_owned(), Dialect::Anthropic)]),
        cache_read_weight: 0,
    }
}

fn meters(spec: &Spec) -> Meters {
    let mut meters = Meters::default();
    meters.configure(at(0), spec);
    meters
}

/// As long as it is not learned otherwise, it is expected to take 3 + 1 tokens.
fn size() -> RequestSize {
    RequestSize {
        text_bytes: 0,
        media_tokens: 0,
        output_max: Some(1),
    }
}

fn ask_for(
    meters: &mut Meters,
    secs: u64,
    (tenant, model): (TenantId, &str),
    patience: Duration,
) -> Result<Option<Reserved>, Box<Lack>> {
    let asked = Asked {
        tenant,
        provider: P,
        model,
        size: &size(),
        patience,
        asks_again: false,
        awaits_ledger: false,
    };
    meters.reserve(at(secs), &asked)
}

fn ask(meters: &mut Meters, secs: u64) -> Result<Option<Reserved>, Box<Lack>> {
    ask_for(meters, secs, (T, "priced-1"), Duration::ZERO)
}

fn end(
    meters: &mut Meters,
    secs: u64,
    reserved: Option<Reserved>,
    input: u64,
    output: u64,
) -> Cost {
    let usage = Usage {
        input: Some(input),
        output: Some(output),
        ..Usage::default()
    };
    meters.settle(at(secs), reserved, (P, "priced-1"), Used::Told(usage))
}

#[test]
fn whoever_has_no_limits_is_not_looked_at() {
    let mut meters = meters(&spec(Allowance::default(), Allowance::default()));
    assert!(!meters.is_bounded(T));
    assert!(ask(&mut meters, 0).expect("it may").is_none());
}
