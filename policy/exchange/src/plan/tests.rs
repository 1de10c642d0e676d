//! What each outcome leads to, told by driving plans against real pools.

mod any_outcome;
mod house;

use std::collections::VecDeque;

use keyweir_health::retry_budget::RetryLimits;
use keyweir_pool::ask::RefusalReason;
use keyweir_terms::ids::AccountId;

use self::house::{End, GOOD, House, MODEL, Outcome, UNKNOWN, limits, request};
use super::*;
use crate::fallback::Occasions;

const FIRST: ProviderId = ProviderId(0);
const BROKEN: Outcome = (Fault::Broken { wait: None }, Some(500));
const LOST: Outcome = (Fault::ConnectionLost, None);
const LIMITED: Outcome = (Fault::RateLimited { wait: None }, Some(429));

fn plan(patience_secs: u64, home: Home, fallbacks: VecDeque<Choice>) -> Plan {
    let limits = limits(patience_secs);
    Plan::new(request(Time::ZERO), limits, FIRST, home, fallbacks)
}

fn creating(fallbacks: VecDeque<Choice>) -> Plan {
    let request = Request {
        creates: true,
        ..request(Time::ZERO)
    };
    Plan::new(request, limits(30), FIRST, Home::Any, fallbacks)
}

fn plan_at_present(house: &House, patience_secs: u64, fallbacks: VecDeque<Choice>) -> Plan {
    let limits = limits(patience_secs);
    Plan::new(request(house.now), limits, FIRST, Home::Any, fallbacks)
}

fn to(provider: u32, model: Option<&str>) -> Choice {
    Choice {
        provider: ProviderId(provider),
        account: None,
        model: model.map(str::to_owned),
        on: Occasions::default(),
    }
}

fn holder(provider: u32, account: u32) -> (ProviderId, AccountId) {
    (ProviderId(provider), AccountId(account))
}

fn asked(house: &House) -> Vec<(ProviderId, AccountId)> {
    let sent = house.sent.iter();
    sent.map(|sent| (sent.provider, sent.account)).collect()
}

fn fault(end: End) -> Fault {
    match end {
        End::Refused(Why::Fault { fault, .. }) => fault,
        other => panic!("no fault is told: {other:?}"),
    }
}

fn reason(end: End) -> RefusalReason {
    match end {
        End::Refused(Why::Pool(refusal)) => refusal.reason,
        other => panic!("the pool did not refuse: {other:?}"),
    }
}

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

#[test]
fn attempts_are_bounded_in_time_and_so_are_fallbacks() {
    let mut house = House::calm(RetryLimits::default());
    house.attempt = Duration::from_secs(250);
    let mut plan = plan(30, Home::Any, [to(0, Some("other"))].into());
    let end = house.drive(&mut plan, |_| LIMITED);
    // At 0, 250 and 500 s; at 750 it is too late.
    assert_eq!(house.sent.len(), 3);
    assert_eq!(fault(end), LIMITED.0);
}

#[test]
fn a_retry_does_not_wait_beyond_the_time_for_attempts() {
    let mut house = House::new(&[1], RetryLimits::default());
    house.attempt = Duration::from_secs(599);
    let wait = Some(Duration::from_secs(20));
    let limited = (Fault::RateLimited { wait }, Some(429));
    let end = house.drive(&mut plan(30, Home::Any, [].into()), |_| limited);
    assert_eq!(house.sent.len(), 1);
    assert!(matches!(end, End::Refused(Why::Pool(_))), "{end:?}");
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
fn a_first_attempt_may_be_at_a_fallback_however_late() {
    let mut house = House::new(&[1, 1], RetryLimits::default());
    house.now = house.now + Duration::from_secs(5);
    let limits = TimeLimits {
        patience: Duration::ZERO,
        fallback: Duration::from_secs(1),
        attempts: Duration::from_secs(1),
    };
    let wait = Some(Duration::from_secs(60));
    let limited = (Fault::RateLimited { wait }, Some(429));
    house.drive(&mut plan(0, Home::Any, [].into()), |_| limited);
    let fallbacks = [to(1, None)].into();
    let mut plan = Plan::new(request(Time::ZERO), limits, FIRST, Home::Any, fallbacks);
    assert_eq!(house.drive(&mut plan, |_| GOOD), End::Answered);
    assert!(plan.progress().fell_back);
}

#[test]
fn a_first_attempt_may_wait_longer_than_the_time_for_attempts() {
    let mut house = House::new(&[1], RetryLimits::default());
    let wait = Some(Duration::from_secs(20));
    let limited = (Fault::RateLimited { wait }, Some(429));
    house.drive(&mut plan(0, Home::Any, [].into()), |_| limited);
    let limits = TimeLimits {
        patience: Duration::from_secs(30),
        fallback: Duration::from_secs(1),
        attempts: Duration::from_secs(1),
    };
    let mut plan = Plan::new(request(house.now), limits, FIRST, Home::Any, [].into());
    assert_eq!(house.drive(&mut plan, |_| GOOD), End::Answered);
    assert!(plan.waited() >= Duration::from_secs(19));
}

#[test]
fn patience_counts_waiting_only() {
    let mut house = House::new(&[1], RetryLimits::default());
    // Attempts of 60 s, and between them waits of 8 s: the fourth would be beyond 30 s of waiting.
    house.attempt = Duration::from_secs(60);
    let wait = Some(Duration::from_secs(8));
    let limited = (Fault::RateLimited { wait }, Some(429));
    let mut plan = plan(30, Home::Any, [].into());
    house.drive(&mut plan, |_| limited);
    assert_eq!(house.sent.len(), 4);
    let waited = plan.waited().as_secs_f64();
    assert!((24.0..25.0).contains(&waited), "{waited}");
    assert!(house.now.as_secs_f64() > 240.0);
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
fn what_another_account_made_is_sought_on_and_charges_nobody() {
    let unknown = (Fault::ReferenceUnknown, Some(400));
    let candidates = [holder(0, 0), holder(0, 1), holder(0, 2)];
    let mut house = House::new(&[3], RetryLimits::default());
    let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
    let end = house.drive(&mut seeking, |sent| match sent.account {
        AccountId(2) => GOOD,
        _ => unknown,
    });
    assert_eq!(end, End::Answered);
    assert_eq!(asked(&house), candidates);
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

#[test]
fn what_is_not_known_at_a_known_home_is_the_clients_to_hear() {
    let mut house = House::new(&[3], RetryLimits::default());
    let mut plan = plan(0, Home::Known(AccountId(2)), [].into());
    assert_eq!(house.drive(&mut plan, |_| UNKNOWN), End::Relayed(UNKNOWN));
    assert_eq!(asked(&house), [holder(0, 2)]);
    assert!(!plan.is_sought());
}

#[test]
fn what_nobody_remembers_is_sought_from_account_to_account_over_providers() {
    let candidates = [holder(0, 0), holder(0, 1), holder(1, 0), holder(1, 1)];
    let mut house = House::new(&[2, 2], RetryLimits::default());
    let mut first = plan(0, Home::sought(candidates.into_iter()), [].into());
    let end = house.drive(&mut first, |sent| match sent.provider {
        ProviderId(1) if sent.account == AccountId(1) => GOOD,
        _ => UNKNOWN,
    });
    assert_eq!(end, End::Answered);
    assert_eq!(asked(&house), candidates);
    assert!(first.is_sought() && !first.progress().fell_back);

    let mut house = House::new(&[2, 2], RetryLimits::default());
    let mut nowhere = plan(0, Home::sought(candidates.into_iter()), [].into());
    assert_eq!(
        house.drive(&mut nowhere, |_| UNKNOWN),
        End::Relayed(UNKNOWN)
    );
    assert_eq!(asked(&house), candidates);
}

#[test]
fn nobody_says_that_there_is_no_such_thing_before_all_were_asked() {
    let candidates = [holder(0, 0), holder(0, 1), holder(0, 2)];
    let mut house = House::new(&[3], RetryLimits::default());
    let out = Home::Known(AccountId(1));
    house.drive(&mut plan(0, out, [].into()), |_| {
        (Fault::KeyRejected, Some(401))
    });
    house.sent.clear();

    let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
    let end = house.drive(&mut seeking, |_| UNKNOWN);

    assert_eq!(asked(&house), [candidates[0], candidates[2]]);
    assert_eq!(reason(end), RefusalReason::AllOpen);
}

#[test]
fn of_accounts_that_could_not_be_asked_the_one_that_is_back_first_is_told() {
    for waits in [[10, 40], [40, 10]] {
        let mut house = House::new(&[3], RetryLimits::default());
        for (account, secs) in (0..).zip(waits) {
            let wait = Some(Duration::from_secs(secs));
            let out = Home::Known(AccountId(account));
            let limited = (Fault::RateLimited { wait }, Some(429));
            house.drive(&mut plan(0, out, [].into()), |_| limited);
        }
        let candidates = [holder(0, 0), holder(0, 1), holder(0, 2)];
        let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
        match house.drive(&mut seeking, |_| UNKNOWN) {
            End::Refused(Why::Pool(refusal)) => {
                let after = refusal.retry_after(house.now).expect("it comes back");
                assert!((9..=11).contains(&after.as_secs()), "{after:?}");
            }
            other => panic!("not refused: {other:?}"),
        }
    }
}

#[test]
fn seeking_begins_from_nothing_at_each_provider() {
    let mut house = House::new(&[1, 1], RetryLimits::default());
    house.is_calm = true;
    let candidates = [holder(0, 0), holder(1, 0)];
    let mut seeking = plan(30, Home::sought(candidates.into_iter()), [].into());
    let mut outcomes = [BROKEN, BROKEN, BROKEN, UNKNOWN].into_iter();
    let end = house.drive(&mut seeking, |_| outcomes.next().unwrap_or(BROKEN));
    assert_eq!(end, End::Relayed(BROKEN));
    assert_eq!(house.sent.len(), 8);
}

#[test]
fn what_broke_down_at_one_provider_is_no_reason_at_the_next() {
    let mut house = House::new(&[1, 1], RetryLimits::default());
    let second = ProviderId(1);
    for _ in 0..2 {
        let mut out = Plan::new(request(Time::ZERO), limits(0), second, Home::Any, [].into());
        house.drive(&mut out, |_| (Fault::KeyRejected, Some(401)));
    }
    let candidates = [holder(0, 0), holder(1, 0)];
    let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
    let end = house.drive(&mut seeking, |_| LOST);
    assert_eq!(reason(end), RefusalReason::AllOpen);
}

#[test]
fn an_account_that_is_gone_holds_nothing() {
    let candidates = [holder(0, 7), holder(0, 1)];
    let mut house = House::new(&[2], RetryLimits::default());
    let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
    assert_eq!(
        house.drive(&mut seeking, |_| UNKNOWN),
        End::Relayed(UNKNOWN)
    );
}

#[test]
fn a_breakdown_does_not_make_a_thing_be_sought_elsewhere() {
    let candidates = [holder(0, 0), holder(0, 1)];
    let mut house = House::calm(RetryLimits::default());
    let mut seeking = plan(30, Home::sought(candidates.into_iter()), [].into());
    assert_eq!(house.drive(&mut seeking, |_| BROKEN), End::Relayed(BROKEN));
    assert_eq!(asked(&house), [candidates[0]; 4]);
}

#[test]
fn what_was_waited_for_other_parts_of_an_answer_is_off_its_patience() {
    let mut house = House::new(&[40], RetryLimits::default());
    house.overload(0);
    let refused_after = |house: &mut House, waited: u64| {
        let plan = plan_at_present(house, 30, VecDeque::new());
        let mut plan = plan.having_waited(Duration::from_secs(waited));
        let began = house.now;
        let end = house.drive(&mut plan, |_| (Fault::Overloaded { wait: None }, Some(529)));
        assert!(!matches!(end, End::Answered));
        house.now.since(began)
    };
    let whole = refused_after(&mut house, 0);
    let rest = refused_after(&mut house, 25);
    assert!(rest < whole, "{rest:?} {whole:?}");
}
