//! Clocks that jump, and budgets whose days begin at another moment than before.

use std::collections::BTreeMap;

use super::*;

const DAY: u64 = 86_400;
const YEAR: u64 = 365 * DAY;

/// Spends requests of four tokens until there is no room: how many.
fn spend(meters: &mut Meters, secs: u64) -> u64 {
    let mut served = 0;
    while let Ok(reserved) = ask(meters, secs) {
        end(meters, secs, reserved, 3, 1);
        served += 1;
        assert!(served <= 100, "nothing bounds it");
    }
    served
}

fn daily(tokens: u64, zone: &str, hour: i8) -> Spec {
    let budget = Budget {
        period: Period::new(Unit::Day, zone, hour).expect("a zone"),
        ..budget(Amount::Tokens(tokens))
    };
    spec(budgets(vec![budget]), Allowance::default())
}

/// As a process does that is started again at `secs`.
fn restarted(meters: &mut Meters, secs: u64, policy: &Spec) -> Meters {
    let mut after = Meters::default();
    after.configure(at(secs), policy);
    after.remember(at(secs).wall, meters.take_changed());
    after
}

#[test]
fn a_clock_that_jumped_ahead_and_came_back_keeps_nobody_from_later_days() {
    let policy = daily(8, "UTC", 0);
    for is_restarted in [false, true] {
        let mut meters = meters(&policy);
        assert_eq!(spend(&mut meters, 100), 2);
        assert_eq!(spend(&mut meters, YEAR), 2);
        let mut meters = match is_restarted {
            true => restarted(&mut meters, 200, &policy),
            false => meters,
        };
        assert_eq!(spend(&mut meters, 200), 0, "the day is spent");
        for day in [1, 2, 7] {
            assert_eq!(spend(&mut meters, day * DAY), 2, "day {day}");
            assert_eq!(spend(&mut meters, day * DAY + 100), 0, "day {day}");
        }
        assert_eq!(spend(&mut meters, YEAR), 2, "another time");
    }
}

#[test]
fn a_day_is_as_spent_as_it_was_where_the_clock_goes_back_to_it() {
    let policy = daily(8, "UTC", 0);
    for is_restarted in [false, true] {
        let mut meters = meters(&policy);
        assert_eq!(spend(&mut meters, 0), 2);
        let touched = ask(&mut meters, DAY + 10).expect("a new day");
        end(&mut meters, DAY + 10, touched, 3, 1);
        let mut meters = match is_restarted {
            true => restarted(&mut meters, 100, &policy),
            false => meters,
        };
        assert_eq!(spend(&mut meters, 100), 0, "the day before");
        assert_eq!(spend(&mut meters, DAY + 20), 1, "one was served");
        // It was ahead when the process began.
        let mut ahead = Meters::default();
        ahead.configure(at(3 * DAY), &policy);
        assert_eq!(spend(&mut ahead, 3 * DAY), 2);
        let mut ahead = match is_restarted {
            true => restarted(&mut ahead, 2 * DAY, &policy),
            false => ahead,
        };
        assert_eq!(spend(&mut ahead, 2 * DAY), 0, "no second budget");
    }
}

#[test]
fn a_clock_that_is_set_right_by_a_little_stays_in_its_day() {
    let mut meters = meters(&daily(8, "UTC", 0));
    let reserved = ask(&mut meters, DAY + 1).expect("room");
    end(&mut meters, DAY + 1, reserved, 3, 1);
    assert_eq!(spend(&mut meters, DAY - 5), 1, "of the later day's");
    assert_eq!(spend(&mut meters, DAY + 5), 0);
}

#[test]
fn a_budget_whose_day_begins_elsewhere_takes_over_what_was_spent() {
    let first = daily(12, "UTC", 0);
    for is_restarted in [false, true] {
        let mut meters = meters(&first);
        let reserved = ask(&mut meters, 7_200).expect("room");
        end(&mut meters, 7_200, reserved, 3, 1);
        let (mut left, mut secs) = (2, 7_200);
        let mut ledger = BTreeMap::new();
        for (zone, hour) in [
            ("Etc/UTC", 0),
            ("Europe/Berlin", 0),
            ("Europe/Berlin", 1),
            ("UTC", 0),
        ] {
            let policy = daily(12, zone, hour);
            secs += 60;
            meters = match is_restarted {
                true => {
                    ledger.extend(meters.take_changed());
                    let mut after = Meters::default();
                    after.configure(at(secs), &policy);
                    after.remember(at(secs).wall, ledger.clone());
                    after
                }
                false => {
                    meters.configure(at(secs), &policy);
                    meters
                }
            };
            if left > 0 {
                let reserved = ask(&mut meters, secs).expect("room");
                end(&mut meters, secs, reserved, 3, 1);
                left -= 1;
            }
            assert_eq!(spend(&mut meters, secs), left, "{zone} {hour}");
            left = 0;
        }
        assert_eq!(spend(&mut meters, DAY), 3, "a new day");
    }
}

#[test]
fn a_budget_takes_over_nothing_of_one_that_stays_or_of_another_length() {
    let of_day = budget(Amount::Tokens(8));
    let later = Budget {
        period: Period::new(Unit::Day, "UTC", 12).expect("a zone"),
        amount: Amount::Tokens(400),
        ..of_day.clone()
    };
    let of_week = Budget {
        period: Period::new(Unit::Week(1), "UTC", 0).expect("a zone"),
        ..of_day.clone()
    };
    let policy = |all: &[&Budget]| {
        let all = all.iter().copied().cloned().collect();
        spec(budgets(all), Allowance::default())
    };
    let spent = |meters: &mut Meters| -> Vec<u128> {
        meters.budgets(at(3).wall).map(|it| it.spent).collect()
    };
    let mut meters = meters(&policy(&[&of_day]));
    assert_eq!(spend(&mut meters, 0), 2);
    meters.configure(at(1), &policy(&[&later, &of_day]));
    assert_eq!(spent(&mut meters), [8, 0]);
    meters.configure(at(2), &policy(&[&later, &of_week]));
    assert_eq!(spent(&mut meters), [0, 0]);
}

#[test]
fn the_order_of_models_begins_nothing_anew() {
    let models = |names: &[&str]| {
        let names = names.iter().map(|name| name.parse().expect("a pattern"));
        ModelPatterns::new(names.collect()).expect("some")
    };
    let policy = |names: &[&str]| {
        let budget = Budget {
            models: models(names),
            ..budget(Amount::Tokens(8))
        };
        let limit = Limit {
            models: models(names),
            ..limit(Dimension::Requests, 10)
        };
        let allowance = Allowance {
            limits: vec![limit],
            budgets: vec![budget],
            shadow: false,
        };
        spec(allowance, Allowance::default())
    };
    let mut meters = meters(&policy(&["priced-*", "m*"]));
    assert_eq!(spend(&mut meters, 0), 2);
    let limits =
        |meters: &Meters| -> Vec<u64> { meters.limits(at(0).now).map(|it| it.left).collect() };
    for names in [&["m*", "priced-*"][..], &["priced-*", "m*", "priced-*"]] {
        meters.configure(at(0), &policy(names));
        assert_eq!(spend(&mut meters, 0), 0, "{names:?}");
        assert_eq!(limits(&meters), [8]);
    }
    // As it was written before keys were sorted.
    let sums = Sums {
        begin: START,
        spent: 8,
        unsettled: 0,
        before: Vec::new(),
    };
    let key = "tenant own|priced-*,m*|tokens per day, 00:00 UTC".to_owned();
    let mut after = Meters::default();
    after.configure(at(0), &policy(&["priced-*", "m*"]));
    after.remember(at(0).wall, [(key, sums)]);
    assert_eq!(spend(&mut after, 0), 0);
}

#[test]
fn what_runs_while_a_day_comes_to_begin_elsewhere_is_charged_to_it() {
    let mut meters = meters(&daily(16, "UTC", 0));
    let first = ask(&mut meters, 7_200).expect("room");
    let second = ask(&mut meters, 7_200).expect("room");
    let third = ask(&mut meters, 7_200).expect("room");
    meters.configure(at(7_201), &daily(16, "Europe/Berlin", 0));
    end(&mut meters, 7_202, first, 3, 1);
    meters.configure(at(7_203), &daily(16, "Europe/Berlin", 1));
    end(&mut meters, 7_204, second, 3, 1);
    let unused = meters.settle(at(7_204), third, (P, "priced-1"), Used::Nothing);
    assert_eq!(unused.money, Money::ZERO);
    assert_eq!(spend(&mut meters, 7_205), 2, "two of four were served");
    // Of one that is gone without another in its place nobody is charged.
    let last = ask(&mut meters, DAY + 7_200).expect("room");
    meters.configure(
        at(DAY + 7_201),
        &spec(Allowance::default(), Allowance::default()),
    );
    end(&mut meters, DAY + 7_202, last, 3, 1);
    meters.configure(at(DAY + 7_203), &daily(16, "Europe/Berlin", 1));
    assert_eq!(spend(&mut meters, DAY + 7_204), 3);
}

#[test]
fn a_policy_that_lacks_all_tenants_for_a_moment_begins_no_budget_anew_however_many_there_are() {
    // More than are kept as they were when they are gone.
    let models =
        |place: usize| ModelPatterns::new(vec![format!("m-{place}").parse().expect("one")]);
    let many = (0..10_100).map(|place| Budget {
        models: models(place).expect("one"),
        ..budget(Amount::Tokens(1_000))
    });
    let mut own: Vec<Budget> = many.collect();
    own.push(budget(Amount::Tokens(40)));
    let policy = spec(budgets(own), Allowance::default());
    let mut meters = meters(&policy);
    let reserved = ask(&mut meters, 0).expect("room");
    end(&mut meters, 0, reserved, 30, 0);
    for is_written in [false, true] {
        if is_written {
            let _: Vec<_> = meters.take_changed();
        }
        let nobody = Spec {
            groups: Vec::new(),
            tenants: Table::default(),
            ..spec(Allowance::default(), Allowance::default())
        };
        meters.configure(at(1), &nobody);
        meters.configure(at(1), &policy);
        let spent = meters.budgets(at(1).wall).map(|it| it.spent).max();
        assert_eq!(spent, Some(30), "{is_written}");
    }
}
