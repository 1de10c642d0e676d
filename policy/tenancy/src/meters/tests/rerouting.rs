//! Requests that are rerouted to another model or provider.

use super::*;

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
        .reroute(at(0), &mut first, (P, "other-1"))
        .expect("there is room");
    assert_eq!(left(&meters), [2, 0]);

    let mut second = take(&mut meters);
    let lack = meters
        .reroute(at(0), &mut second, (P, "other-1"))
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
        .reroute(at(0), &mut second, (P, "priced-1"))
        .expect("it holds what it needs");
    end(&mut meters, 0, Some(second), 1, 1);
}
