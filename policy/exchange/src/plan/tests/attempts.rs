//! How often and where a request is tried again, and who has the last word.

use super::*;

#[test]
fn each_fault_gets_its_attempts_and_its_last_word() {
    let wait = None;
    for (fault, status, attempts, is_relayed) in [
        (Fault::BadRequest, Some(400), 1, true),
        (Fault::BadRequest, Some(404), 1, true),
        (Fault::ModelDenied, Some(403), 2, true),
        (Fault::Broken { wait }, Some(500), 4, true),
        (Fault::Broken { wait }, Some(200), 4, false),
        (Fault::Broken { wait }, Some(302), 4, false),
        (Fault::Overloaded { wait }, Some(529), 4, true),
        (Fault::ConnectFailed, None, 4, false),
        (Fault::ConnectionLost, None, 4, false),
        (Fault::TimedOut, None, 4, false),
        (Fault::StreamBroken, Some(200), 4, false),
        (Fault::ClientLeft, None, 1, false),
        (Fault::Aborted, None, 1, false),
        (Fault::TooLargeForLimit, Some(429), 8, true),
        (Fault::KeyRejected, Some(401), 8, false),
        (Fault::OutOfMoney { wait }, Some(402), 8, false),
        (Fault::AccountDisabled, Some(403), 8, false),
        (Fault::RateLimited { wait }, Some(429), 4, false),
        (Fault::RampLimited { wait }, Some(429), 4, false),
    ] {
        let mut house = House::calm(RetryLimits::default());
        let mut plan = plan(30, Home::Any, [].into());
        let end = house.drive(&mut plan, |_| (fault, status));
        assert_eq!(house.sent.len(), attempts, "{fault:?}");
        assert_eq!(plan.progress().attempts as usize, attempts, "{fault:?}");
        match end {
            End::Relayed(met) if is_relayed => assert_eq!(met, (fault, status)),
            End::Refused(Why::Fault { fault: told, .. }) if !is_relayed => assert_eq!(told, fault),
            other => panic!("{fault:?} {status:?}: {other:?}"),
        }
    }
}

#[test]
fn attempts_per_request_are_the_operators() {
    for (attempts_max, failures, rejections) in [(1, 1, 2), (2, 2, 4), (7, 7, 14)] {
        let retry = RetryLimits {
            attempts_max,
            ..RetryLimits::default()
        };
        for (met, attempts) in [
            (BROKEN, failures),
            (LIMITED, failures),
            ((Fault::KeyRejected, Some(401)), rejections),
        ] {
            let mut house = House::calm(retry);
            house.drive(&mut plan(60, Home::Any, [].into()), |_| met);
            assert_eq!(house.sent.len(), attempts, "{met:?} of {attempts_max}");
        }
    }
}

#[test]
fn a_first_breakdown_goes_elsewhere_at_once_and_a_second_is_given_time() {
    let mut house = House::new(&[40], RetryLimits::default());
    house.drive(&mut plan(30, Home::Any, [].into()), |_| LOST);
    let sent = &house.sent;
    assert_ne!(sent[0].account, sent[1].account);
    assert_eq!(sent[0].at, sent[1].at);
    assert!(sent[1].at < sent[2].at);
}

#[test]
fn what_makes_something_is_sent_again_once_at_most() {
    for met in [LOST, (Fault::TimedOut, None)] {
        let mut house = House::calm(RetryLimits::default());
        let end = house.drive(&mut creating([].into()), |_| met);
        assert_eq!(house.sent.len(), 2);
        assert_eq!(fault(end), met.0);
    }
    // What surely was not done may be asked for as often as anything else.
    let mut house = House::calm(RetryLimits::default());
    house.drive(&mut creating([].into()), |_| (Fault::ConnectFailed, None));
    assert_eq!(house.sent.len(), 4);
}

#[test]
fn what_makes_something_is_not_made_at_a_fallback_too() {
    let mut house = House::new(&[40, 40], RetryLimits::default());
    house.is_calm = true;
    let mut plan = creating([to(1, None)].into());
    let end = house.drive(&mut plan, |_| LOST);
    assert_eq!(house.sent.len(), 2);
    assert_eq!(fault(end), Fault::ConnectionLost);
    assert!(!plan.progress().fell_back);
}

#[test]
fn an_ambiguous_failure_is_not_repeated_where_that_is_switched_off() {
    let retry = RetryLimits {
        ambiguous: false,
        ..RetryLimits::default()
    };
    for fallbacks in [[].into(), [to(0, Some("other"))].into()] {
        let mut house = House::calm(retry);
        let end = house.drive(&mut plan(30, Home::Any, fallbacks), |_| LOST);
        assert_eq!(house.sent.len(), 1);
        assert_eq!(fault(end), Fault::ConnectionLost);
    }
    let mut house = House::calm(retry);
    house.drive(&mut plan(30, Home::Any, [].into()), |_| BROKEN);
    assert_eq!(house.sent.len(), 4);
}

#[test]
fn attempts_are_bounded_while_the_provider_is_overloaded_and_spread_over_the_patience() {
    let overloaded = (Fault::Overloaded { wait: None }, Some(529));
    let mut house = House::new(&[8], RetryLimits::default());
    house.overload(0);
    let end = house.drive(&mut plan(300, Home::Any, [].into()), |_| overloaded);
    assert_eq!(house.sent.len(), 4);
    assert_eq!(end, End::Relayed(overloaded));
    let last = house.sent[3].at.as_secs_f64();
    assert!((150.0..300.0).contains(&last), "{last}");
}

#[test]
fn attempts_are_bounded_whatever_the_pool_makes_of_them() {
    let zero = Some(Duration::ZERO);
    for met in [
        BROKEN,
        (Fault::Overloaded { wait: None }, Some(529)),
        (Fault::Broken { wait: None }, Some(200)),
        (Fault::RateLimited { wait: zero }, Some(429)),
        LIMITED,
        LOST,
    ] {
        for accounts in [1, 2, 4, 40] {
            let mut house = House::new(&[accounts], RetryLimits::default());
            house.drive(&mut plan(60, Home::Any, [].into()), |_| met);
            let sent = house.sent.len();
            assert!(sent <= 4, "{met:?}, {accounts} accounts: {sent}");
        }
    }
}

#[test]
fn the_last_key_of_a_pool_is_tried_over_the_whole_patience() {
    let mut house = House::new(&[1], RetryLimits::default());
    let end = house.drive(&mut plan(30, Home::Any, [].into()), |_| BROKEN);
    assert_eq!(end, End::Relayed(BROKEN));
    let at: Vec<_> = house.sent.iter().map(|it| it.at.as_secs_f64()).collect();
    assert_eq!(at.len(), 4);
    assert!((3.0..10.0).contains(&at[2]), "{at:?}");
    assert!((17.0..30.0).contains(&at[3]), "{at:?}");
}

#[test]
fn a_refusal_that_names_no_wait_is_given_the_patience() {
    for accounts in [1, 3] {
        for fault in [
            Fault::RateLimited { wait: None },
            Fault::RampLimited { wait: None },
        ] {
            let refused = (fault, Some(429));
            let mut house = House::new(&[accounts], RetryLimits::default());
            house.drive(&mut plan(30, Home::Any, [].into()), |_| refused);
            let at: Vec<_> = house.sent.iter().map(|it| it.at.as_secs_f64()).collect();
            assert_eq!(at.len(), 4);
            assert!(
                (12.0..30.0).contains(&at[3]),
                "{fault:?} {accounts}: {at:?}"
            );

            let mut house = House::new(&[accounts], RetryLimits::default());
            let end = house.drive(&mut plan(30, Home::Any, [].into()), |sent| {
                match sent.at.as_secs_f64() > 12.0 {
                    true => GOOD,
                    false => refused,
                }
            });
            assert_eq!(end, End::Answered, "{fault:?} {accounts}");
        }
    }
}

#[test]
fn a_request_that_is_told_of_dead_keys_finds_the_one_that_lives() {
    let mut house = House::new(&[8], RetryLimits::default());
    let lives = AccountId(5);
    let end = house.drive(&mut plan(30, Home::Any, [].into()), |sent| {
        match sent.account == lives {
            true => GOOD,
            false => (Fault::KeyRejected, Some(401)),
        }
    });
    assert_eq!(end, End::Answered);
    assert!(house.sent.len() <= 8);
}

#[test]
fn what_every_key_is_told_of_itself_is_told_at_once_and_in_our_words() {
    for fault in [
        Fault::KeyRejected,
        Fault::OutOfMoney { wait: None },
        Fault::AccountDisabled,
    ] {
        let mut house = House::new(&[3], RetryLimits::default());
        let end = house.drive(&mut plan(30, Home::Any, [].into()), |_| (fault, Some(401)));
        assert_eq!(super::tests::fault(end), fault);
        assert_eq!(house.sent.len(), 3);
        assert_eq!(house.now, Time::ZERO);
        // And others are served, by whoever serves them.
        let end = house.drive(&mut plan(30, Home::Any, [].into()), |_| GOOD);
        assert_eq!((end, house.now), (End::Answered, Time::ZERO));
    }
}

#[test]
fn retries_are_a_share_of_successes() {
    let mut house = House::calm(RetryLimits {
        budget_per_sec: 0.0,
        ..RetryLimits::default()
    });
    for _ in 0..50 {
        house.drive(&mut plan(0, Home::Any, [].into()), |_| GOOD);
    }
    let retried = (0..1000)
        .filter(|_| {
            house.sent.clear();
            let mut outcomes = [BROKEN, (Fault::BadRequest, Some(400))].into_iter();
            house.drive(&mut plan(0, Home::Any, [].into()), |_| {
                outcomes.next().expect("one retry")
            });
            house.sent.len() > 1
        })
        .count();
    assert!((9..=10).contains(&retried), "{retried}");
}

#[test]
fn a_refusal_after_a_breakdown_tells_the_breakdown() {
    // The only account breaks down, and nothing is waited for: the pool refuses what follows.
    let mut house = House::new(&[1], RetryLimits::default());
    let end = house.drive(&mut plan(0, Home::Any, [].into()), |_| LOST);
    assert_eq!(fault(end), Fault::ConnectionLost);
    // A refusal after a refusal tells of the pool.
    let mut house = House::new(&[1], RetryLimits::default());
    let end = house.drive(&mut plan(0, Home::Any, [].into()), |_| LIMITED);
    assert_eq!(house.sent.len(), 1);
    assert_ne!(reason(end), RefusalReason::PatienceOver);
}
