use std::cell::RefCell;
use std::time::Duration;

use proptest::prelude::*;

use keyweir_terms::amount::Dimension;
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::request::RequestSize;
use keyweir_terms::time::Time;

use super::*;
use crate::allowance::{Allowance, Amount, Budget, Limit, Percent};
use crate::lack::{Ends, Lack, Lacking};
use crate::period::{Period, Unit};
use crate::prices::{Price, Prices, Rates, Unpriced};
use crate::request::{Asked, Standing};
use crate::spec::Member;

mod ahead;
mod cached;
mod caps;
mod periods;

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

#[test]
fn what_is_used_up_comes_back_with_time_and_the_refusal_says_when() {
    let mut meters = meters(&spec(
        limits(vec![limit(Dimension::Requests, 2)]),
        Allowance::default(),
    ));
    for _ in 0..2 {
        let reserved = ask(&mut meters, 0).expect("there is room");
        end(&mut meters, 0, reserved, 5, 5);
    }
    let lack = ask(&mut meters, 0).expect_err("it is used up");
    assert_eq!(lack.ends, Ends::In(Duration::from_secs(30)));
    assert_eq!(
        lack.to_string(),
        "the limit of 2 requests per minute of tenant own is used up; try again in 30 s \
         (this is the gateway's limit, not the provider's)"
    );
    assert!(ask(&mut meters, 29).is_err());
    let reserved = ask(&mut meters, 30).expect("there is room");
    // Nothing was sent: it is as if it had never been.
    let cost = meters.settle(at(30), reserved, (P, "priced-1"), Used::Nothing);
    assert_eq!(cost.money, Money::ZERO);
    let reserved = ask(&mut meters, 30)
        .expect("there is room")
        .expect("bounded");
    let left = reserved
        .left
        .of(Dimension::Requests)
        .expect("it is bounded");
    assert_eq!((left.limit, left.remaining), (2, 0));
    assert_eq!(left.reset, Duration::from_secs(60));
    end(&mut meters, 30, Some(reserved), 1, 1);
}

#[test]
fn who_waits_learns_whether_a_policy_has_changed_what_it_waits_for() {
    let per_minute = |dimension, max| limits(vec![limit(dimension, max)]);
    let requests = |max| per_minute(Dimension::Requests, max);
    let before = spec(requests(6), per_minute(Dimension::Tokens, 1_000));
    let mut two = requests(6);
    two.limits.push(limit(Dimension::OutputTokens, 900));
    let reversed = |mut allowance: Allowance| {
        allowance.limits.reverse();
        allowance
    };
    let tokens = || per_minute(Dimension::Tokens, 1_000);
    let shadow = Allowance {
        shadow: true,
        ..requests(6)
    };
    for (next, expected) in [
        (before.clone(), Standing::Holds),
        (spec(requests(6_000), tokens()), Standing::Changed),
        (
            spec(requests(6), per_minute(Dimension::Tokens, 9)),
            Standing::Changed,
        ),
        (spec(Allowance::default(), tokens()), Standing::Changed),
        (spec(shadow, tokens()), Standing::Changed),
        (spec(two.clone(), tokens()), Standing::Changed),
        (
            Spec {
                tenants: Table::default(),
                ..before.clone()
            },
            Standing::TenantGone,
        ),
    ] {
        let mut meters = meters(&before);
        let reserved = ask(&mut meters, 0)
            .expect("there is room")
            .expect("bounded");
        meters.configure(at(1), &next);
        assert_eq!(meters.standing(&reserved, "priced-1"), expected);
        assert_eq!(meters.has(T), expected != Standing::TenantGone);
        meters.give_back_unused(at(1), reserved);
    }
    let mut meters = meters(&spec(two.clone(), tokens()));
    let reserved = ask(&mut meters, 0)
        .expect("there is room")
        .expect("bounded");
    meters.configure(at(1), &spec(reversed(two), tokens()));
    assert_eq!(meters.standing(&reserved, "priced-1"), Standing::Holds);
}

#[test]
fn who_gives_back_and_asks_anew_waits_as_a_raised_limit_has_it() {
    let requests = |max| limits(vec![limit(Dimension::Requests, max)]);
    let mut meters = meters(&spec(requests(6), Allowance::default()));
    let patient = Duration::from_secs(60);
    let mut held = Vec::new();
    for _ in 0..8 {
        let asked = ask_for(&mut meters, 0, (T, "priced-1"), patient);
        held.push(asked.expect("it waits").expect("bounded"));
    }
    assert_eq!(held[7].wait, Duration::from_secs(20));
    meters.configure(at(0), &spec(requests(6_000), Allowance::default()));
    for waiting in held.drain(6..) {
        meters.give_back_unused(at(0), waiting);
    }
    for _ in 0..2 {
        let asked = ask_for(&mut meters, 0, (T, "priced-1"), patient);
        let reserved = asked.expect("it waits").expect("bounded");
        assert!(
            reserved.wait <= Duration::from_millis(20),
            "{:?}",
            reserved.wait
        );
        held.push(reserved);
    }
}

#[test]
fn limits_are_told_with_what_is_left_of_them() {
    let own = Limit {
        concurrency: Some(3),
        ..limit(Dimension::Requests, 2)
    };
    let of_group = limits(vec![limit(Dimension::Tokens, 1_000)]);
    let mut meters = meters(&spec(limits(vec![own]), of_group));
    let told = |meters: &Meters, secs| -> Vec<(String, Limited, u64, u64)> {
        let limits = meters.limits(at(secs).now);
        let told = limits.map(|it| (it.owner.name.clone(), it.what, it.max, it.left));
        told.collect()
    };
    let requests = Limited::PerMinute(Dimension::Requests);
    let tokens = Limited::PerMinute(Dimension::Tokens);
    let row = |name: &str, what, max, left| (name.to_owned(), what, max, left);
    let mut at_rest = told(&meters, 0);
    at_rest.sort_by_key(|it| it.2);
    let (requests_2, three) = (
        row("own", requests, 2, 2),
        row("own", Limited::AtATime, 3, 3),
    );
    assert_eq!(
        at_rest,
        [requests_2, three, row("team", tokens, 1_000, 1_000)]
    );
    let reserved = ask(&mut meters, 0).expect("there is room");
    let mut used = told(&meters, 0);
    used.sort_by_key(|it| it.2);
    assert_eq!(
        used[..2],
        [
            row("own", requests, 2, 1),
            row("own", Limited::AtATime, 3, 2)
        ]
    );
    assert!(used[2].3 < 1_000);
    end(&mut meters, 0, reserved, 5, 5);
    meters.configure(at(1), &spec(Allowance::default(), Allowance::default()));
    assert!(told(&meters, 1).is_empty(), "what is gone is not told of");
}

#[test]
fn a_short_lack_is_waited_for_in_the_order_of_coming() {
    let mut meters = meters(&spec(
        limits(vec![limit(Dimension::Requests, 1)]),
        Allowance::default(),
    ));
    let patient = Duration::from_secs(150);
    let mut waits = Vec::new();
    let mut open = Vec::new();
    for _ in 0..3 {
        let reserved = ask_for(&mut meters, 0, (T, "m"), patient).expect("in time");
        let reserved = reserved.expect("bounded");
        waits.push(reserved.wait.as_secs());
        open.push(reserved);
    }
    assert_eq!(waits, [0, 60, 120]);
    let lack = ask_for(&mut meters, 0, (T, "m"), patient).expect_err("too long");
    assert_eq!(lack.ends, Ends::In(Duration::from_secs(180)));
    // Who leaves gives its turn back.
    let left = open.pop();
    let _ = meters.settle(at(0), left, (P, "m"), Used::Nothing);
    let reserved = ask_for(&mut meters, 0, (T, "m"), patient).expect("in time");
    assert_eq!(reserved.expect("bounded").wait.as_secs(), 120);
}

#[test]
fn a_request_that_is_larger_than_the_limit_need_not_come_again() {
    let mut meters = meters(&spec(
        limits(vec![limit(Dimension::InputTokens, 2)]),
        Allowance::default(),
    ));
    let lack = ask(&mut meters, 0).expect_err("3 tokens");
    assert_eq!(lack.ends, Ends::Never);
    assert!(
        lack.to_string().contains("is smaller than this request"),
        "{lack}"
    );
}

#[test]
fn a_number_at_a_time_is_given_back_whatever_the_end() {
    let mut allowance = limits(vec![limit(Dimension::Requests, 100)]);
    allowance.limits[0].concurrency = Some(2);
    let mut meters = meters(&spec(allowance, Allowance::default()));
    let first = ask(&mut meters, 0).expect("room");
    let second = ask(&mut meters, 0).expect("room");
    let lack = ask(&mut meters, 0).expect_err("two run");
    assert_eq!(
        (lack.lacking, lack.ends),
        (Lacking::AtATime(2), Ends::WithOthers)
    );
    let _ = meters.settle(at(0), first, (P, "m"), Used::Nothing);
    let third = ask(&mut meters, 0).expect("room");
    end(&mut meters, 0, second, 0, 0);
    let _ = meters.settle(at(0), third, (P, "m"), Used::Untold);
    assert!(ask(&mut meters, 0).is_ok());
}

#[test]
fn a_group_bounds_its_members_together_and_nothing_is_taken_where_one_level_refuses() {
    let mut meters = meters(&spec(
        limits(vec![limit(Dimension::Requests, 100)]),
        limits(vec![limit(Dimension::Requests, 3)]),
    ));
    let others = ask_for(&mut meters, 0, (OTHER, "m"), Duration::ZERO).expect("room");
    end(&mut meters, 0, others, 1, 1);
    for _ in 0..2 {
        let reserved = ask(&mut meters, 0).expect("room");
        end(&mut meters, 0, reserved, 1, 1);
    }
    for _ in 0..200 {
        let lack = ask(&mut meters, 0).expect_err("the group has had 3");
        assert!(lack.owner.is_group && lack.owner.name == "team");
    }
    let own = ask(&mut meters, 20).expect("room").expect("bounded");
    let left = own.left.of(Dimension::Requests).expect("told");
    assert_eq!(left.limit, 3, "the scarcer of the two is told");
}

#[test]
fn a_hundred_at_once_spend_no_more_than_a_budget_and_the_estimates_error() {
    let mut meters = meters(&spec(
        budgets(vec![budget(Amount::Tokens(40))]),
        Allowance::default(),
    ));
    let mut open = Vec::new();
    for _ in 0..100 {
        match ask(&mut meters, 0) {
            Ok(reserved) => open.push(reserved),
            Err(lack) => assert_eq!(lack.ends, Ends::WithOthers),
        }
    }
    assert_eq!(open.len(), 10, "each is expected to take 4");
    for reserved in open {
        end(&mut meters, 0, reserved, 3, 1);
    }
    let lack = ask(&mut meters, 0).expect_err("it is spent");
    assert_eq!(lack.ends, Ends::In(Duration::from_secs(86_400)));
    assert!(
        lack.to_string()
            .contains("the budget of 40 tokens per day of tenant own is spent")
    );
    assert!(ask(&mut meters, 86_399).is_err());
    assert!(ask(&mut meters, 86_400).is_ok(), "a new day");
}

#[test]
fn a_burst_of_long_answers_shuts_its_group_out_for_minutes_and_not_for_hours() {
    let of_group = limits(vec![limit(Dimension::OutputTokens, 2_000)]);
    let mut meters = meters(&spec(Allowance::default(), of_group));
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(ask(&mut meters, 0).expect("each is expected to take one"));
    }
    for reserved in open {
        end(&mut meters, 1, reserved, 3, 8_000);
    }
    let ask_of_other = |meters: &mut Meters, secs| {
        ask_for(meters, secs, (OTHER, "priced-1"), Duration::ZERO).map(drop)
    };
    let lack = ask_of_other(&mut meters, 1).expect_err("three minutes' worth is owed");
    let Ends::In(wait) = lack.ends else {
        panic!("it ends: {lack}")
    };
    let minutes = |it: u64| Duration::from_secs(60 * it);
    assert!(wait > minutes(3) && wait < minutes(4), "{wait:?}");
    assert!(ask_of_other(&mut meters, 1 + 4 * 60).is_ok());
}

#[test]
fn one_request_that_is_larger_than_a_limit_owes_three_minutes_worth_at_most() {
    let own = limits(vec![limit(Dimension::OutputTokens, 10)]);
    let mut meters = meters(&spec(own, Allowance::default()));
    for _ in 0..50 {
        let reserved = ask(&mut meters, 0).expect("room");
        end(&mut meters, 0, reserved, 3, 0);
    }
    let large = RequestSize {
        output_max: Some(1_000),
        ..size()
    };
    let asked = Asked {
        tenant: T,
        provider: P,
        model: "priced-1",
        size: &large,
        patience: Duration::ZERO,
        asks_again: false,
        awaits_ledger: false,
    };
    let reserved = meters.reserve(at(0), &asked).expect("room");
    end(&mut meters, 0, reserved, 3, 1_000);
    let lack = meters.reserve(at(0), &asked).expect_err("it owes");
    let Ends::In(wait) = lack.ends else {
        panic!("it ends: {lack}")
    };
    assert!(wait <= Duration::from_secs(4 * 60), "{wait:?}");
    let reserved = meters.reserve(at(4 * 60), &asked).expect("it has paid");
    end(&mut meters, 4 * 60, reserved, 3, 5);
    let left = ask(&mut meters, 4 * 60).expect("room").expect("bounded");
    let left = left.left.of(Dimension::OutputTokens).expect("bounded");
    assert!(left.remaining >= 4, "what was not taken is given back");
}

#[test]
fn a_clock_that_is_put_back_gives_no_second_budget() {
    let mut meters = meters(&spec(
        budgets(vec![budget(Amount::Tokens(4))]),
        Allowance::default(),
    ));
    let reserved = ask(&mut meters, 86_400).expect("room");
    end(&mut meters, 86_400, reserved, 3, 1);
    assert!(ask(&mut meters, 100).is_err());
    assert!(ask(&mut meters, 86_500).is_err());
    assert!(ask(&mut meters, 2 * 86_400).is_ok());
}

#[test]
fn a_request_over_midnight_is_the_next_days_and_holds_its_place_until_then() {
    let mut meters = meters(&spec(
        budgets(vec![budget(Amount::Tokens(12))]),
        Allowance::default(),
    ));
    let over = ask(&mut meters, 86_399).expect("room");
    let early = ask(&mut meters, 86_399).expect("room");
    end(&mut meters, 86_399, early, 3, 1);
    // Of the new day's twelve, four are held.
    let first = ask(&mut meters, 86_401).expect("room");
    let second = ask(&mut meters, 86_401).expect("room");
    assert_eq!(
        ask(&mut meters, 86_401).expect_err("held").ends,
        Ends::WithOthers
    );
    end(&mut meters, 86_402, over, 3, 1);
    end(&mut meters, 86_402, first, 3, 1);
    end(&mut meters, 86_402, second, 3, 1);
    let lack = ask(&mut meters, 86_403).expect_err("spent");
    assert_eq!(lack.ends, Ends::In(Duration::from_secs(86_400 - 3)));
    // A clock that jumps over several midnights begins one day, and not several.
    assert!(ask(&mut meters, 5 * 86_400 + 7).is_ok());
}

#[test]
fn what_was_not_told_is_taken_to_be_what_was_expected() {
    let mut meters = meters(&spec(
        budgets(vec![budget(Amount::Money(Money::from_pico(8)))]),
        Allowance::default(),
    ));
    for _ in 0..2 {
        let reserved = ask(&mut meters, 0).expect("room");
        let cost = meters.settle(at(0), reserved, (P, "priced-1"), Used::Untold);
        assert_eq!(cost.money, Money::from_pico(4));
    }
    assert!(ask(&mut meters, 0).is_err());
}

#[test]
fn of_what_broke_off_the_untold_part_is_what_was_expected_and_nothing_is_learned_of_it() {
    let mut meters = meters(&spec(
        budgets(vec![budget(Amount::Money(Money::from_pico(1_000)))]),
        Allowance::default(),
    ));
    let expected = ask(&mut meters, 0)
        .expect("room")
        .expect("bounded")
        .claim
        .need;
    for _ in 0..3 {
        let reserved = ask(&mut meters, 0).expect("room");
        let need = reserved.as_ref().expect("bounded").claim.need;
        assert_eq!(need, expected);
        let came = Usage {
            output: Some(7),
            ..Usage::default()
        };
        let cost = meters.settle(at(0), reserved, (P, "priced-1"), Used::Partly(came));
        assert_eq!(cost.usage.output, Some(7));
        assert_eq!(cost.usage.input, Some(expected.input));
    }
}

#[test]
fn a_model_without_a_price_is_refused_where_money_is_bounded() {
    let mut spec = spec(
        budgets(vec![budget(Amount::Money(Money::from_pico(8)))]),
        Allowance::default(),
    );
    let mut meters = meters(&spec);
    let unpriced = |meters: &mut Meters| ask_for(meters, 0, (T, "new"), Duration::ZERO);
    let lack = unpriced(&mut meters).expect_err("nobody knows what it costs");
    assert_eq!((lack.lacking, lack.ends), (Lacking::Price, Ends::Never));
    for (choice, money) in [(Unpriced::Pass, 0), (Unpriced::Dearest, 4)] {
        spec.prices.unpriced = choice;
        meters.configure(at(0), &spec);
        let reserved = unpriced(&mut meters).expect("it may");
        let usage = Usage {
            input: Some(3),
            output: Some(1),
            ..Usage::default()
        };
        let cost = meters.settle(at(0), reserved, (P, "new"), Used::Told(usage));
        assert_eq!((cost.money, cost.listed), (Money::from_pico(money), None));
    }
}

#[test]
fn a_soft_budget_warns_once_and_refuses_nothing() {
    let mut soft = budget(Amount::Tokens(4));
    soft.soft = true;
    let mut meters = meters(&spec(budgets(vec![soft]), Allowance::default()));
    let reserved = ask(&mut meters, 0).expect("room");
    assert_eq!(meters.next_overspent(T), None);
    end(&mut meters, 0, reserved, 4, 4);
    let told = meters.next_overspent(T).expect("it is spent");
    assert_eq!(
        told.to_string(),
        "4 tokens per day of tenant own; 200% spent"
    );
    assert_eq!(meters.next_overspent(T), None);
    let reserved = ask(&mut meters, 0).expect("it goes on").expect("bounded");
    assert!(reserved.overspent.is_some());
}

#[test]
fn a_shadow_counts_and_refuses_nothing() {
    let mut allowance = limits(vec![limit(Dimension::Requests, 1)]);
    allowance.shadow = true;
    let mut meters = meters(&spec(allowance, Allowance::default()));
    let first = ask(&mut meters, 0).expect("room").expect("bounded");
    assert_eq!(first.shadowed, None);
    let second = ask(&mut meters, 0).expect("it goes on").expect("bounded");
    assert_eq!(
        second.shadowed,
        Some(Lacking::PerMinute(Dimension::Requests, 1))
    );
    assert!(second.wait.is_zero() && second.left.bounded() == 0);
}

#[test]
fn a_new_policy_keeps_what_was_used() {
    let policy = |requests, tokens| {
        let mut allowance = limits(vec![limit(Dimension::Requests, requests)]);
        allowance.budgets = vec![budget(Amount::Tokens(tokens))];
        spec(allowance, Allowance::default())
    };
    let mut meters = meters(&policy(2, 8));
    let open = ask(&mut meters, 0).expect("room");
    let reserved = ask(&mut meters, 0).expect("room");
    end(&mut meters, 0, reserved, 3, 1);
    meters.configure(at(0), &spec(Allowance::default(), Allowance::default()));
    meters.configure(at(0), &policy(20, 12));
    end(&mut meters, 0, open, 3, 1);
    // 8 of 12 are spent, and the bucket is as empty as it was.
    let lack = ask(&mut meters, 0).expect_err("used up");
    assert_eq!(lack.ends, Ends::In(Duration::from_secs(3)));
    let reserved = ask(&mut meters, 3).expect("room");
    end(&mut meters, 3, reserved, 3, 1);
    let lack = ask(&mut meters, 10).expect_err("spent");
    assert_eq!(lack.lacking, Lacking::Budget(Amount::Tokens(12), "day"));
}

#[test]
fn a_hard_budget_warns_from_a_part_of_it_on_and_refuses_at_its_end() {
    let own = Budget {
        warn_at: Some(Percent(80)),
        ..budget(Amount::Tokens(40))
    };
    let policy = spec(budgets(vec![own]), Allowance::default());
    let mut meters = meters(&policy);
    for count in 1..=10 {
        let reserved = ask(&mut meters, 0).expect("room");
        let over = reserved.as_ref().and_then(|it| it.overspent.as_ref());
        assert_eq!(over.is_some(), count > 8, "{count}");
        end(&mut meters, 0, reserved, 3, 1);
        let told = meters.next_overspent(T);
        assert_eq!(told.is_some(), count == 8, "once: {count}");
        assert!(told.is_none_or(|it| it.percent == 80));
    }
    let lack = ask(&mut meters, 0).expect_err("spent");
    assert_eq!(lack.lacking, Lacking::Budget(Amount::Tokens(40), "day"));
    assert!(ask(&mut meters, 86_400).expect("another day").is_some());
}

#[test]
fn what_was_spent_before_the_start_is_spent() {
    let policy = spec(
        budgets(vec![budget(Amount::Tokens(8))]),
        Allowance::default(),
    );
    let mut before = meters(&policy);
    let reserved = ask(&mut before, 0).expect("room");
    end(&mut before, 0, reserved, 7, 0);
    let changed = before.take_changed();
    assert_eq!(changed.len(), 1);
    assert!(before.take_changed().is_empty());
    for (begin, spent) in [(START, 7), (Wall(START.0 - 86_400_000_000), 0)] {
        let sums = Sums {
            begin,
            ..changed[0].1.clone()
        };
        let kept = [(changed[0].0.clone(), sums)];
        let mut after = Meters::default();
        after.remember(at(5).wall, kept.clone());
        after.configure(at(5), &policy);
        let mut beside = meters(&policy);
        beside.remember(at(5).wall, kept);
        let views: Vec<_> = beside.budgets(at(5).wall).map(|it| it.spent).collect();
        assert_eq!(views, [spent]);
        let views: Vec<_> = after.budgets(at(5).wall).map(|it| it.spent).collect();
        assert_eq!(views, [spent]);
    }
}

#[derive(Clone, Debug)]
enum Act {
    Ask {
        tenant: u32,
        patience: u64,
    },
    End {
        which: usize,
        input: u64,
        output: u64,
    },
    Leave {
        which: usize,
    },
    Untold {
        which: usize,
    },
    Pass(u64),
    Reload(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..2u32, 0..90u64).prop_map(|(tenant, patience)| Act::Ask { tenant, patience }),
        3 => (0..50usize, 0..40u64, 0..40u64)
            .prop_map(|(which, input, output)| Act::End { which, input, output }),
        1 => (0..50usize).prop_map(|which| Act::Leave { which }),
        1 => (0..50usize).prop_map(|which| Act::Untold { which }),
        2 => (0..40u64).prop_map(Act::Pass),
        1 => (1..500u64).prop_map(Act::Reload),
    ]
}

proptest! {
    /// Whatever interleaves: what is reserved is what open requests hold, and what is spent is what
    /// ended requests used, on every level.
    #[test]
    fn nothing_drifts(acts in prop::collection::vec(act(), 1..120)) {
        let policy = |most: u64| {
            let mut own = limits(vec![limit(Dimension::Tokens, most), limit(Dimension::Requests, most)]);
            own.limits[1].concurrency = Some(8);
            own.budgets = vec![budget(Amount::Tokens(most))];
            spec(own, budgets(vec![budget(Amount::Tokens(2 * most))]))
        };
        let meters = RefCell::new(meters(&policy(200)));
        let mut open: Vec<(u32, Reserved)> = Vec::new();
        let (mut own, mut all, mut secs) = (0u128, 0u128, 0u64);
        for act in acts {
            let mut meters = meters.borrow_mut();
            match act {
                Act::Ask { tenant, patience } => {
                    let of = (TenantId(tenant), "priced-1");
                    if let Ok(Some(reserved)) = ask_for(&mut meters, secs, of, Duration::from_secs(patience)) {
                        open.push((tenant, reserved));
                    }
                }
                Act::End { which, input, output } if !open.is_empty() => {
                    let (tenant, reserved) = open.swap_remove(which % open.len());
                    end(&mut meters, secs, Some(reserved), input, output);
                    all += u128::from(input + output);
                    own += if tenant == 0 { u128::from(input + output) } else { 0 };
                }
                Act::Leave { which } if !open.is_empty() => {
                    let (_, reserved) = open.swap_remove(which % open.len());
                    let _ = meters.settle(at(secs), Some(reserved), (P, "m"), Used::Nothing);
                }
                Act::Untold { which } if !open.is_empty() => {
                    let (tenant, reserved) = open.swap_remove(which % open.len());
                    let tokens = u128::from(reserved.claim.need.input + reserved.claim.need.output);
                    let _ = meters.settle(at(secs), Some(reserved), (P, "m"), Used::Untold);
                    all += tokens;
                    own += if tenant == 0 { tokens } else { 0 };
                }
                Act::Pass(more) => secs += more,
                Act::Reload(most) => meters.configure(at(secs), &policy(most)),
                _ => {}
            }
            let held = |of: Option<u32>| -> u128 {
                let open = open.iter().filter(|(tenant, _)| of.is_none_or(|of| of == *tenant));
                open.map(|(_, it)| u128::from(it.claim.need.input + it.claim.need.output)).sum()
            };
            for row in meters.rows.iter_mut() {
                let (spent, held, running) = if row.owner.is_group {
                    (all, held(None), open.len())
                } else {
                    (own, held(Some(0)), open.iter().filter(|(tenant, _)| *tenant == 0).count())
                };
                prop_assert_eq!(row.open as usize, running);
                match &row.meter {
                    Meter::Budget(spending) => {
                        prop_assert_eq!((spending.spent, spending.reserved), (spent, held));
                    }
                    Meter::Concurrency(at_a_time) => {
                        prop_assert_eq!(at_a_time.running as usize, running);
                    }
                    Meter::Rate(_) => {}
                }
            }
        }
    }
}

/// What gateways of which each believes that there are `told` give together in `secs`, when each is asked
/// for more than there is.
fn given_by(gateways: u32, told: u32, allowance: &Allowance, secs: u64) -> u64 {
    let spec = spec(allowance.clone(), Allowance::default());
    let mut all: Vec<Meters> = (0..gateways).map(|_| meters(&spec)).collect();
    let mut given = 0;
    for sec in 0..secs {
        for meters in &mut all {
            meters.share_among(Replicas::new(told));
            while let Ok(reserved) = ask(meters, sec) {
                end(meters, sec, reserved, 3, 1);
                given += 1;
            }
        }
    }
    given
}

#[test]
fn gateways_give_together_what_a_limit_per_minute_says() {
    for max in [3, 10, 60, 601] {
        let allowance = limits(vec![limit(Dimension::Requests, max)]);
        let alone = given_by(1, 1, &allowance, 900) as f64;
        for gateways in [2, 4, 8] {
            let together = given_by(gateways, gateways, &allowance, 900) as f64;
            let off = (together - alone).abs();
            // Each may be one request ahead of its share.
            let most = 0.1 * alone + f64::from(gateways);
            assert!(
                off <= most,
                "{max} by {gateways}: {together}, {alone} by one"
            );
        }
    }
}

#[test]
fn gateways_spend_together_what_a_budget_says() {
    let allowance = budgets(vec![budget(Amount::Tokens(400))]);
    assert_eq!(given_by(1, 1, &allowance, 10), 100);
    assert_eq!(given_by(4, 4, &allowance, 10), 100);
    assert_eq!(given_by(3, 3, &allowance, 10), 99);
}

#[test]
fn a_number_of_gateways_that_lies_does_bounded_harm() {
    let allowance = budgets(vec![budget(Amount::Tokens(400))]);
    // Each of four that believes to be alone spends all of it, and no more.
    assert_eq!(given_by(4, 1, &allowance, 10), 400);
    // One that believes in three others spends its share.
    assert_eq!(given_by(1, 4, &allowance, 10), 25);
    // Where a request is larger than the share, the refusal says that it is one.
    let mut meters = meters(&spec(allowance, Allowance::default()));
    meters.share_among(Replicas::new(200));
    let lack = ask(&mut meters, 0).expect_err("a share of 2 tokens");
    assert_eq!(lack.ends, Ends::Never);
    let said = lack.to_string();
    assert!(
        said.contains("each of 200 gateways gives its share of it"),
        "{said}"
    );
}

#[test]
fn requests_at_a_time_are_shared_out_and_each_gateway_has_one_at_least() {
    let mut allowance = limits(vec![]);
    allowance.limits.push(Limit {
        models: ModelPatterns::any(),
        per_minute: [None; Dimension::COUNT],
        concurrency: Some(4),
    });
    let running = |told: u32| {
        let mut meters = meters(&spec(allowance.clone(), Allowance::default()));
        meters.share_among(Replicas::new(told));
        std::iter::from_fn(|| ask(&mut meters, 0).ok())
            .take(9)
            .count()
    };
    assert_eq!([1, 2, 3, 4, 8].map(running), [4, 2, 2, 1, 1]);
}

#[test]
fn what_is_spent_counts_for_the_others_too() {
    let mut soft = budget(Amount::Tokens(100));
    soft.soft = true;
    let mut meters = meters(&spec(budgets(vec![soft]), Allowance::default()));
    meters.share_among(Replicas::new(2));
    let reserved = ask(&mut meters, 0).expect("room");
    end(&mut meters, 0, reserved, 40, 10);
    let over = meters
        .next_overspent(T)
        .expect("half of it is all of the share");
    assert_eq!(over.percent, 100);
    let views: Vec<_> = meters.budgets(at(0).wall).collect();
    assert_eq!((views[0].spent, views[0].counted), (50, 100));
}

#[test]
fn who_turns_to_another_model_is_held_to_its_limits_and_no_more_to_the_first_ones() {
    let of = |pattern: &str, max| Limit {
        models: ModelPatterns::new(vec![pattern.parse().expect("a pattern")]).expect("one"),
        ..limit(Dimension::Requests, max)
    };
    let allowance = limits(vec![of("priced-*", 2), of("other-*", 1)]);
    let mut meters = meters(&spec(allowance, Allowance::default()));
    let take = |meters: &mut Meters| ask(meters, 0).expect("there is room").expect("bounded");
    let left = |meters: &Meters| {
        meters
            .limits(at(0).now)
            .map(|it| it.left)
            .collect::<Vec<_>>()
    };

    let mut first = take(&mut meters);
    assert_eq!(left(&meters), [1, 1]);
    meters
        .turn(at(0), &mut first, (P, "other-1"))
        .expect("there is room");
    assert_eq!(left(&meters), [2, 0]);

    let mut second = take(&mut meters);
    let lack = meters
        .turn(at(0), &mut second, (P, "other-1"))
        .expect_err("it is used up");
    assert_eq!(lack.lacking, Lacking::PerMinute(Dimension::Requests, 1));
    assert_eq!(left(&meters), [1, 0], "it goes on holding what it held");

    end(&mut meters, 0, Some(first), 1, 1);
    meters.settle(at(0), Some(second), (P, "priced-1"), Used::Nothing);
    assert_eq!(left(&meters), [2, 0]);
}

#[test]
fn who_asks_the_same_elsewhere_keeps_what_it_holds() {
    let mut meters = meters(&spec(
        limits(vec![limit(Dimension::OutputTokens, 1_000)]),
        Allowance::default(),
    ));
    let first = ask(&mut meters, 0).expect("there is room");
    let mut second = ask(&mut meters, 0)
        .expect("there is room")
        .expect("bounded");
    // Far more than was expected: the limit owes now.
    end(&mut meters, 0, first, 1, 50_000);
    assert!(ask(&mut meters, 0).is_err());
    meters
        .turn(at(0), &mut second, (P, "priced-1"))
        .expect("it holds what it needs");
    end(&mut meters, 0, Some(second), 1, 1);
}
