use super::*;

fn at(secs: f64) -> Time {
    Time::ZERO.after_secs(secs)
}

fn word(by: u64, may_be_believed: bool) -> Word {
    Word {
        by: (RequestId(by), TenantId(0)),
        is_contradicted: false,
        fault: Fault::KeyRejected,
        granted: Generation::default(),
        may_be_believed,
        wait: None,
        draw: 1.0,
    }
}

fn proven() -> Standing {
    let mut standing = Standing::new();
    let granted = standing.grant();
    standing.succeeded(at(0.0), at(0.0), granted);
    standing
}

#[test]
fn one_request_makes_suspected_and_another_takes_out() {
    let mut standing = proven();
    assert_ne!(standing.hear(at(0.0), &word(1, true)), Heard::Out);
    assert!(standing.is_suspected() && !standing.admits(at(0.1)));
    assert_eq!(standing.state(at(0.1)), BreakerState::HalfOpen);
    // Its own word again is no other.
    assert_ne!(standing.hear(at(0.1), &word(1, true)), Heard::Out);
    assert_eq!(standing.hear(at(0.2), &word(2, true)), Heard::Out);
    assert_eq!(standing.state(at(100.0)), BreakerState::Open);
}

#[test]
fn one_tenants_requests_take_nobody_out_while_other_tenants_are_served() {
    let of = |by: u64, tenant| Word {
        by: (RequestId(by), TenantId(tenant)),
        is_contradicted: true,
        ..word(by, true)
    };
    let mut standing = proven();
    for by in 1..100 {
        assert_ne!(standing.hear(at(0.1), &of(by, 1)), Heard::Out, "{by}");
        standing.doubt(at(0.1), RequestId(by), by % 2 == 0);
        assert!(standing.admits_at_last(at(0.1), RequestId(1_000)));
    }
    let granted = standing.grant();
    standing.succeeded(at(0.2), at(0.2), granted);
    assert!(standing.admits(at(0.2)));
    // Two tenants' are believed.
    assert_ne!(standing.hear(at(0.3), &of(200, 1)), Heard::Out);
    assert_eq!(standing.hear(at(0.4), &of(201, 2)), Heard::Out);
    // And one's, where nobody else is served.
    let mut standing = proven();
    assert_ne!(standing.hear(at(0.3), &of(300, 1)), Heard::Out);
    let alone = Word {
        is_contradicted: false,
        ..of(301, 1)
    };
    assert_eq!(standing.hear(at(0.4), &alone), Heard::Out);
}

#[test]
fn who_is_suspected_is_asked_by_others_where_nobody_else_can_serve_and_cleared_by_a_success() {
    let mut standing = proven();
    standing.hear(at(0.0), &word(1, true));
    assert!(!standing.admits_at_last(at(0.0), RequestId(1)));
    assert!(standing.admits_at_last(at(0.0), RequestId(2)));
    let granted = standing.grant();
    assert!(standing.admits_at_last(at(0.0), RequestId(3)));
    assert!(
        !standing.succeeded(at(0.1), at(0.1), granted),
        "it was not out"
    );
    assert!(!standing.is_suspected() && standing.admits(at(0.1)));
    assert_ne!(standing.hear(at(0.2), &word(4, true)), Heard::Out);
}

#[test]
fn what_never_served_goes_out_on_one_word_until_that_is_doubted() {
    let mut standing = Standing::new();
    assert_ne!(standing.hear(at(0.0), &word(1, false)), Heard::Out);
    let mut standing = Standing::new();
    assert_eq!(standing.hear(at(0.0), &word(1, true)), Heard::Out);
    standing.doubt(at(0.0), RequestId(2), false);
    assert!(!standing.is_suspected());
    standing.doubt(at(0.0), RequestId(1), false);
    assert!(standing.is_suspected());
    standing.hear(at(0.1), &word(2, true));
    standing.doubt(at(0.1), RequestId(2), false);
    assert!(!standing.is_suspected(), "two have said so");
}

#[test]
fn the_words_of_requests_that_are_told_the_same_everywhere_while_others_are_served_do_not_count() {
    let mut standing = proven();
    for by in 0..7 {
        standing.hear(at(0.1), &word(by, true));
        standing.doubt(at(0.1), RequestId(by), true);
        assert!(standing.admits(at(0.1)));
    }
    standing.hear(at(0.1), &word(20, true));
    assert_eq!(standing.hear(at(0.1), &word(21, true)), Heard::Out);
    standing.doubt(at(0.1), RequestId(21), true);
    assert!(standing.is_suspected(), "one is left");
}

#[test]
fn words_taken_back_count_where_nobody_is_served_in_between() {
    let mut standing = proven();
    let out = (0..20).find(|by| {
        let out = standing.hear(at(0.1), &word(*by, true)) == Heard::Out;
        standing.doubt(at(0.1), RequestId(*by), true);
        out
    });
    assert_eq!(out, Some(u64::from(DOUBTED_ENOUGH)));
    assert_eq!(standing.state(at(0.1)), BreakerState::Open);
}

#[test]
fn a_request_that_is_served_by_another_confirms_what_it_was_told() {
    let mut standing = proven();
    standing.hear(at(1.0), &word(1, true));
    assert!(standing.confirm(at(1.1), at(1.0), 1.0));
    assert_eq!(standing.state(at(1.1)), BreakerState::Open);
    let mut standing = proven();
    standing.hear(at(1.0), &word(1, true));
    let granted = standing.grant();
    standing.succeeded(at(1.1), at(1.05), granted);
    assert!(!standing.confirm(at(1.2), at(1.0), 1.0), "it serves others");
}

#[test]
fn a_hold_outlasts_successes_and_a_reset_and_ends_by_itself_never() {
    let mut standing = proven();
    let granted = standing.grant();
    standing.hold(true);
    assert!(!standing.admits(at(1e6)) && !standing.admits_at_last(at(1e6), RequestId(1)));
    assert_eq!(standing.state(at(0.0)), BreakerState::Open);
    standing.succeeded(at(1.0), at(0.0), granted);
    standing.reset();
    assert!(!standing.admits(at(1.0)) && standing.opens_at(at(1.0)).is_none());
    standing.hold(false);
    assert!(standing.admits(at(1.0)));
}

#[test]
fn who_is_out_says_why_and_since_when_until_it_serves() {
    let mut standing = Standing::new();
    standing.hear(at(1.0), &word(1, true));
    let until = standing.opens_at(at(2.0));
    let outage = standing.outage(at(2.0)).expect("it is out");
    assert_eq!(outage.cause, Cause::Fault(Fault::KeyRejected));
    assert_eq!((outage.since, outage.until), (at(1.0), until));
    let later = until.expect("it is probed");
    let granted = standing.grant();
    standing.hear(
        later,
        &Word {
            granted: Generation::default(),
            ..word(2, true)
        },
    );
    assert_eq!(standing.outage(later).map(|it| it.since), Some(at(1.0)));
    standing.succeeded(later, later, granted);
    standing.reset();
    assert_eq!(standing.outage(later), None);
    standing.trip(later, 1.0);
    let tripped = standing.outage(later).expect("it is out");
    assert_eq!((tripped.cause, tripped.since), (Cause::Operator, later));
    assert!(!standing.admits(later) && standing.admits(later.after_secs(3_600.0)));
}

#[test]
fn what_was_sent_before_it_was_out_does_not_keep_it_out_for_longer() {
    let mut standing = Standing::new();
    standing.hear(at(0.0), &word(1, true));
    let until = standing.opens_at(at(0.0));
    for by in 2..10 {
        assert_ne!(standing.hear(at(1.0), &word(by, true)), Heard::Out);
    }
    assert_eq!(standing.opens_at(at(1.0)), until);
}

#[test]
fn what_is_out_is_probed_every_few_seconds_where_nobody_else_can_serve() {
    let mut standing = Standing::new();
    standing.hear(at(0.0), &word(1, true));
    assert!(!standing.admits_at_last(at(4.9), RequestId(2)));
    assert!(standing.admits_at_last(at(5.0), RequestId(2)));
    let granted = standing.grant();
    assert!(!standing.admits_at_last(at(5.0), RequestId(3)));
    assert!(standing.succeeded(at(5.1), at(5.0), granted), "it is back");
}
