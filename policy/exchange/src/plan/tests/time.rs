//! How long a request may wait, and how long its attempts may go on.

use super::*;

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
