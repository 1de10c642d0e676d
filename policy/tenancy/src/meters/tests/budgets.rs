//! Budgets: what is spent of them, and who is refused or warned.

use super::*;
use crate::lack::Short;
use crate::money::Money;

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
fn a_refusal_says_what_is_left_and_what_the_request_would_take() {
    let refused_after = |own: Allowance, requests: u64| {
        let mut meters = meters(&spec(own, Allowance::default()));
        for _ in 0..requests {
            let reserved = ask(&mut meters, 0).expect("room");
            end(&mut meters, 0, reserved, 3, 1);
        }
        ask(&mut meters, 0).expect_err("no room")
    };
    let own = |tokens| budgets(vec![budget(Amount::Tokens(tokens))]);
    let ends = "; try again in 86400 s, which is 1 d 0 h (this";
    let of = "per day of tenant own";
    let mut lack = refused_after(own(10), 2);
    for (lack, words) in [
        (
            &refused_after(own(8), 2),
            format!("8 tokens {of} is spent{ends}"),
        ),
        (
            &lack,
            format!("{of} has 2 tokens left, and this request is expected to take 4 tokens{ends}"),
        ),
        (
            &refused_after(own(3), 0),
            format!("{of} is smaller than this request, which is expected to take 4 tokens (this"),
        ),
        (
            &refused_after(limits(vec![limit(Dimension::Tokens, 7)]), 1),
            "has 3 tokens left, and this request is expected to take 4 tokens; try again in"
                .to_owned(),
        ),
    ] {
        assert!(lack.to_string().contains(&words), "{lack}");
    }
    // What is left is rounded down, what is needed up.
    lack.lacking = Lacking::Budget(Amount::Money(Money::from_pico(10_000_000_000)), "day");
    lack.ends = Ends::WithOthers;
    lack.short = Some(Short {
        left: 1_999_999,
        expected: 1,
        most: 1_000_001,
    });
    let words = "is taken by requests that run; try again when they end, or with a lower max_tokens: what is \
                 left for them and for this one is 0.000001 USD, and this one may take 0.000002 USD (";
    assert!(lack.to_string().contains(words), "{lack}");
}

#[test]
fn who_lacks_a_price_is_told_for_which_model() {
    let of_money = budgets(vec![budget(Amount::Money(Money::from_pico(100)))]);
    let mut meters = meters(&spec(of_money, Allowance::default()));
    let lack = ask_for(&mut meters, 0, (T, "new-model"), Duration::ZERO).expect_err("no price");
    let words = "tenant own has a budget in money, and new-model has no price";
    assert!(lack.to_string().starts_with(words), "{lack}");
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
        assert_eq!(cost.usage.input, Some(expected.of(Dimension::InputTokens)));
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
