use super::window::TRIP_VOLUME;
use super::*;

fn at(secs: f64) -> Time {
    Time::ZERO.after_secs(secs)
}

fn tripped() -> Breaker {
    let mut breaker = Breaker::new(OPEN_BACKOFF);
    for _ in 0..TRIP_CONSECUTIVE {
        let granted = breaker.grant();
        breaker.failed(at(0.0), granted, None, 1.0);
    }
    breaker
}

#[test]
fn open_breaker_admits_one_probe_after_backoff() {
    let mut breaker = tripped();
    let until = breaker.opens_at(at(0.0)).unwrap();
    assert!(!breaker.admits(at(0.5)));
    assert!(breaker.admits(until));
    breaker.grant();
    assert!(!breaker.admits(until));
    assert_eq!(breaker.state(until), BreakerState::HalfOpen);
}

#[test]
fn a_probe_that_succeeds_ramps_the_key_up() {
    let mut breaker = tripped();
    let now = breaker.opens_at(at(0.0)).unwrap();
    let probe = breaker.grant();
    breaker.succeeded(now, probe);
    let mut allowed = 0;
    for expected in [1, 2, 4, 8] {
        let mut granted = Vec::new();
        while breaker.admits(now) && granted.len() < 100 {
            granted.push(breaker.grant());
        }
        assert_eq!(granted.len(), expected);
        allowed = granted.len();
        breaker.succeeded(now, granted.pop().unwrap());
        for generation in granted {
            breaker.passed(now, generation);
        }
    }
    assert_eq!(allowed, 8);
    assert!((0..100).all(|_| {
        breaker.grant();
        breaker.admits(now)
    }));
}

#[test]
fn streams_that_go_on_hold_up_nobody() {
    let mut breaker = Breaker::new(OPEN_BACKOFF);
    // What was on its way before the fault goes on for minutes.
    let mut streams: Vec<Generation> = (0..20).map(|_| breaker.grant()).collect();
    for _ in 0..TRIP_CONSECUTIVE {
        let granted = breaker.grant();
        breaker.failed(at(0.0), granted, None, 1.0);
    }
    let now = breaker.opens_at(at(0.0)).unwrap();
    // Each answer has begun, and none has ended.
    for expected in [1, 1, 2, 4, 8] {
        let mut granted = Vec::new();
        while breaker.admits(now) && granted.len() < 100 {
            granted.push(breaker.grant());
        }
        assert_eq!(granted.len(), expected);
        let (last, others) = granted.split_last_mut().expect("it admits one");
        let was_open = breaker.state(now) != BreakerState::Closed;
        assert_eq!(breaker.begun(now, last), was_open);
        for generation in others {
            breaker.passed(now, *generation);
        }
        streams.push(*last);
    }
    assert!(!breaker.is_recovering());
    let in_flight = streams.len() as u32;
    assert_eq!(breaker.in_flight(), in_flight);
    // Each that ends is told of once.
    for stream in streams {
        assert!(!breaker.succeeded(now, stream));
    }
    assert_eq!(breaker.in_flight(), 0);
}

#[test]
fn a_key_whose_streams_begin_and_break_does_not_recover() {
    let mut breaker = tripped();
    let mut now = at(0.0);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let until = breaker.opens_at(now).expect("it is open");
        waits.push(until.secs_since(now));
        now = until;
        while breaker.state(now) != BreakerState::Open {
            let mut granted = breaker.grant();
            breaker.begun(now, &mut granted);
            breaker.failed(now, granted, None, 1.0);
        }
    }
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0]), "{waits:?}");
}

#[test]
fn a_failed_probe_opens_for_longer_up_to_the_cap() {
    let mut breaker = tripped();
    let mut now = at(0.0);
    let mut waits = Vec::new();
    for _ in 0..12 {
        let until = breaker.opens_at(now).unwrap();
        waits.push(until.secs_since(now));
        now = until;
        let probe = breaker.grant();
        assert!(breaker.failed(now, probe, None, 1.0));
    }
    assert!(waits.windows(2).all(|pair| pair[1] >= pair[0]), "{waits:?}");
    assert_eq!(*waits.last().unwrap(), 60.0);
}

#[test]
fn outcomes_of_an_older_generation_do_not_move_it() {
    let mut breaker = Breaker::new(OPEN_BACKOFF);
    let old: Vec<_> = (0..20).map(|_| breaker.grant()).collect();
    for generation in &old[..3] {
        breaker.failed(at(0.0), *generation, None, 0.0);
    }
    let now = breaker.opens_at(at(0.0)).unwrap();
    let probe = breaker.grant();
    breaker.succeeded(now, probe);
    for generation in &old[3..] {
        assert!(!breaker.failed(now, *generation, None, 0.0));
    }
    assert_eq!(breaker.state(now), BreakerState::Closed);
}

#[test]
fn the_providers_wait_beats_ours_when_longer() {
    let mut breaker = Breaker::new(OPEN_BACKOFF);
    breaker.trip(at(0.0), Some(Duration::from_secs(20)), 1.0);
    assert_eq!(breaker.opens_at(at(0.0)), Some(at(20.0)));
}

#[test]
fn a_share_of_failures_trips_only_with_enough_outcomes() {
    let mut breaker = Breaker::new(OPEN_BACKOFF);
    let mut tripped_after = None;
    for turn in 0..20 {
        let granted = breaker.grant();
        if turn % 2 == 0 {
            breaker.succeeded(at(0.1), granted);
        } else if breaker.failed(at(0.1), granted, None, 0.0) {
            tripped_after = Some(turn + 1);
            break;
        }
    }
    assert_eq!(tripped_after, Some(TRIP_VOLUME));
}

#[test]
fn a_probe_whose_client_left_is_let_through_again() {
    let mut breaker = tripped();
    let now = breaker.opens_at(at(0.0)).unwrap();
    let probe = breaker.grant();
    breaker.passed(now, probe);
    assert!(breaker.admits(now));
}

#[test]
fn what_was_the_requests_own_fault_counts_no_longer() {
    let mut breaker = Breaker::new(OPEN_BACKOFF);
    for _ in 0..20 {
        let granted = breaker.grant();
        assert!(!breaker.failed(at(0.0), granted, None, 0.0));
        breaker.absolve(at(0.0), at(0.0));
    }
    let mut breaker = tripped();
    breaker.absolve(at(0.1), at(0.1));
    assert_eq!(breaker.state(at(0.1)), BreakerState::Open);
    breaker.absolve(at(0.1), at(0.0));
    assert_eq!(breaker.state(at(0.1)), BreakerState::Closed);
}

#[test]
fn what_is_opened_for_a_span_stays_open_no_longer_the_next_time() {
    let mut breaker = Breaker::new(OPEN_BACKOFF);
    for n in 0..5 {
        let now = at(f64::from(n) * 10.0);
        breaker.trip_for(now, Duration::from_secs(2));
        assert_eq!(breaker.open_span(), Some((now, now.after_secs(2.0))));
    }
    breaker.trip(at(60.0), None, 1.0);
    assert_eq!(breaker.opens_at(at(60.0)), Some(at(61.0)));
}

#[test]
fn a_probe_before_its_time_is_one_at_a_time_too() {
    let mut breaker = tripped();
    let probe = breaker.grant();
    assert!(!breaker.admits(at(0.1)));
    breaker.succeeded(at(0.1), probe);
    assert!(breaker.admits(at(0.1)));
}
