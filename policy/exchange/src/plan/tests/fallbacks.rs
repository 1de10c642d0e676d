//! When a request is rerouted to another choice, and which.

use super::*;

#[test]
fn with_another_choice_left_nothing_is_waited_for_where_nobody_serves() {
    let mut house = House::new(&[2, 2], RetryLimits::default());
    let begun = house.now;
    for _ in 0..40 {
        let mut plan = plan_at_present(&house, 30, [to(1, None)].into());
        let end = house.drive(&mut plan, |sent| match sent.provider {
            FIRST => LOST,
            _ => GOOD,
        });
        assert_eq!(end, End::Answered);
        assert!(plan.waited() <= Duration::from_secs(1));
        house.now = house.now + Duration::from_millis(300);
    }
    let secs = house.now.secs_since(begun);
    let at_first = |sent: &&house::Sent| sent.provider == FIRST;
    let probes = house.sent.iter().filter(at_first).count() as f64;
    assert!(probes <= 8.0 + 4.0 * secs / 3.0, "{probes} in {secs} s");
}

#[test]
fn a_first_choice_that_is_back_has_its_requests_within_seconds() {
    let mut house = House::new(&[1, 1], RetryLimits::default());
    let back_at = Time::ZERO + Duration::from_secs(200);
    let mut first_answer = None;
    for _ in 0..300 {
        let mut plan = plan_at_present(&house, 30, [to(1, None)].into());
        let mut by = FIRST;
        let now = house.now;
        house.drive(&mut plan, |sent| {
            by = sent.provider;
            match by == FIRST && now < back_at {
                true => LOST,
                false => GOOD,
            }
        });
        if by == FIRST && now >= back_at {
            first_answer.get_or_insert(now.since(back_at));
        }
        house.now = house.now + Duration::from_secs(1);
    }
    assert!(first_answer.is_some_and(|after| after <= Duration::from_secs(4)));
}

#[test]
fn a_request_waits_for_its_first_choice_as_long_as_it_may() {
    let wait = Some(Duration::from_secs(3));
    let limited = (Fault::RateLimited { wait }, Some(429));
    for (fallback, provider) in [(1, ProviderId(1)), (5, FIRST)] {
        let mut house = House::new(&[1, 1], RetryLimits::default());
        house.drive(&mut plan(0, Home::Any, [].into()), |_| limited);
        let limits = TimeLimits {
            fallback: Duration::from_secs(fallback),
            ..limits(30)
        };
        let fallbacks = [to(1, None)].into();
        let mut plan = Plan::new(request(house.now), limits, FIRST, Home::Any, fallbacks);
        assert_eq!(house.drive(&mut plan, |_| GOOD), End::Answered);
        let last = house.sent.last().expect("it was sent");
        assert_eq!(last.provider, provider);
    }
}

#[test]
fn an_overloaded_first_choice_is_left_at_once() {
    let overloaded = (Fault::Overloaded { wait: None }, Some(529));
    let mut house = House::new(&[8, 8], RetryLimits::default());
    house.overload(0);
    let begun = house.now;
    let mut plan = plan_at_present(&house, 30, [to(1, None)].into());
    let end = house.drive(&mut plan, |sent| match sent.provider {
        FIRST => overloaded,
        _ => GOOD,
    });
    assert_eq!((end, house.now), (End::Answered, begun));
}

#[test]
fn a_breakdown_that_took_long_is_not_met_again_where_there_is_a_fallback() {
    for (met, secs, at_the_first) in [
        (LOST, 30, 1),
        (BROKEN, 5, 1),
        ((Fault::TimedOut, None), 1, 1),
    ] {
        for (fallbacks, expected) in [([to(1, None)].into(), at_the_first), ([].into(), 2)] {
            let mut house = House::new(&[8, 8], RetryLimits::default());
            house.attempt = Duration::from_secs(secs);
            let mut asked = 0;
            let end = house.drive(&mut plan(30, Home::Any, fallbacks), |sent| {
                asked += usize::from(sent.provider == FIRST);
                let is_good = sent.provider != FIRST || asked == 2;
                if is_good { GOOD } else { met }
            });
            assert_eq!(end, End::Answered, "{met:?}");
            assert_eq!(asked, expected, "{met:?}");
        }
    }
}

#[test]
fn a_breakdown_that_was_quick_is_met_elsewhere_before_falling_back() {
    let mut house = House::new(&[8, 8], RetryLimits::default());
    house.attempt = Duration::from_millis(500);
    let end = house.drive(&mut plan(30, Home::Any, [to(1, None)].into()), |sent| {
        if sent.at == Time::ZERO { LOST } else { GOOD }
    });
    assert_eq!(end, End::Answered);
    assert!(house.sent.iter().all(|sent| sent.provider == FIRST));
}

#[test]
fn who_has_a_fallback_does_not_wait_for_what_broke_down_twice() {
    let overloaded = (Fault::Overloaded { wait: None }, Some(529));
    for met in [overloaded, BROKEN, LOST] {
        let mut house = House::new(&[8, 8], RetryLimits::default());
        house.attempt = Duration::from_millis(100);
        let end = house.drive(&mut plan(30, Home::Any, [to(1, None)].into()), |sent| {
            if sent.provider == FIRST { met } else { GOOD }
        });
        assert_eq!(end, End::Answered);
        let first = house.sent.iter().filter(|sent| sent.provider == FIRST);
        assert_eq!(first.count(), 2, "{met:?}");
        assert_eq!(house.now, Time::ZERO + 3 * house.attempt, "{met:?}");
    }
}

#[test]
fn what_a_fallback_serves_is_answered_and_what_is_wrong_with_the_request_is_not_asked_again() {
    let mut house = House::new(&[2, 2], RetryLimits::default());
    let fallbacks = [to(1, Some("other"))];
    let mut first = plan(0, Home::Any, fallbacks.clone().into());
    let end = house.drive(&mut first, |sent| match sent.provider {
        FIRST => BROKEN,
        _ => GOOD,
    });
    assert_eq!(end, End::Answered);
    assert!(first.progress().fell_back);
    let last = house.sent.last().expect("it was sent");
    assert_eq!(
        (last.provider, last.model.as_str()),
        (ProviderId(1), "other")
    );

    let mut house = House::new(&[2, 2], RetryLimits::default());
    let wrong = (Fault::BadRequest, Some(400));
    let end = house.drive(&mut plan(0, Home::Any, fallbacks.into()), |_| wrong);
    assert_eq!(end, End::Relayed(wrong));
    assert_eq!(house.sent.len(), 1);
}

#[test]
fn what_is_too_long_goes_to_a_choice_that_is_for_it_and_to_no_other() {
    let too_long = (Fault::ContextTooLong, Some(400));
    let longer = Choice {
        on: Occasions {
            unavailable: false,
            context_length: true,
        },
        ..to(1, Some("longer"))
    };
    let mut house = House::new(&[2, 2], RetryLimits::default());
    let fallbacks = [to(1, Some("other")), longer];
    let mut first = plan(0, Home::Any, fallbacks.clone().into());
    let end = house.drive(&mut first, |sent| match sent.model.as_str() {
        "longer" => GOOD,
        _ => too_long,
    });
    assert_eq!(end, End::Answered);
    assert_eq!(house.sent.len(), 2);
    let mut house = House::new(&[2, 2], RetryLimits::default());
    let mut other = plan(0, Home::Any, fallbacks[..1].to_vec().into());
    assert_eq!(
        house.drive(&mut other, |_| too_long),
        End::Relayed(too_long)
    );
    assert_eq!(house.sent.len(), 1);
}

#[test]
fn attempts_begin_from_nothing_at_each_choice() {
    let mut house = House::new(&[40, 40, 40], RetryLimits::default());
    house.is_calm = true;
    let fallbacks = [to(1, None), to(2, None)];
    let end = house.drive(&mut plan(30, Home::Any, fallbacks.into()), |_| BROKEN);
    assert_eq!(end, End::Relayed(BROKEN));
    for (provider, attempts) in [(0, 2), (1, 2), (2, 4)] {
        let at = |sent: &&house::Sent| sent.provider == ProviderId(provider);
        assert_eq!(house.sent.iter().filter(at).count(), attempts);
    }
}

#[test]
fn a_fallback_that_cannot_be_named_is_skipped_for_the_next_one() {
    for (fallbacks, provider, model) in [
        (
            vec![to(1, Some("unwritable")), to(1, Some("other"))],
            1,
            "other",
        ),
        // The client's model still stands in the request.
        (vec![to(0, Some("unwritable")), to(1, None)], 1, MODEL),
        // And so does the one that was written last.
        (
            vec![to(0, Some("other")), to(0, Some("unwritable")), to(1, None)],
            1,
            "other",
        ),
    ] {
        let mut house = House::new(&[1, 1], RetryLimits::default());
        house.unwritable = vec!["unwritable"];
        let end = house.drive(
            &mut plan(0, Home::Any, fallbacks.into()),
            |sent| match sent.provider {
                FIRST => LIMITED,
                _ => GOOD,
            },
        );
        assert_eq!(end, End::Answered);
        let last = house.sent.last().expect("it was sent");
        assert_eq!(last.provider, ProviderId(provider));
        assert_eq!(last.model, model);
    }
}

#[test]
fn where_no_fallback_can_be_named_the_first_choice_has_the_last_word() {
    let mut house = House::calm(RetryLimits::default());
    house.unwritable = vec!["unwritable"];
    let fallbacks = [to(0, Some("unwritable"))];
    let end = house.drive(&mut plan(30, Home::Any, fallbacks.into()), |_| LOST);
    assert_eq!(fault(end), Fault::ConnectionLost);
}

#[test]
fn a_request_that_must_go_to_one_account_does_not_fall_back() {
    let home = Home::Known(AccountId(1));
    let mut house = House::new(&[3, 3], RetryLimits::default());
    let mut plan = plan(0, home, [to(1, None)].into());
    let end = house.drive(&mut plan, |_| LOST);
    assert_eq!(fault(end), Fault::ConnectionLost);
    assert_eq!(asked(&house), [holder(0, 1)]);
}
