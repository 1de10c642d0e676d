//! Limits per minute and at a time: what is refused, and when it would not be.

use super::*;

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
    assert!(second.wait.is_zero() && second.left == AllLeft::default());
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
