//! What operators do to keys and accounts.

use keyweir_health::breaker::BreakerState;

use super::*;
use crate::operator::{Action, Target};
use crate::outage::{Cause, CooldownFrom};

const ACCOUNT: Target = Target::Account(AccountId(0));
const KEY: Target = Target::Key(KeyId(0));

#[test]
fn a_drained_key_takes_no_more_and_finishes_what_runs() {
    let mut pool = pool(&[(2, None)]);
    let running = granted(admit(&mut pool, at(0.0), 0.0));
    let (drained, other) = match running.key {
        KeyId(0) => (KeyId(0), KeyId(1)),
        key => (key, KeyId(0)),
    };
    assert!(pool.operate(at(0.0), Target::Key(drained), Action::Drain));
    for _ in 0..3 {
        let lease = granted(admit(&mut pool, at(0.1), 0.0));
        assert_eq!(lease.key, other);
        pool.settle(at(0.2), lease, &outcome(Fault::None));
    }
    pool.settle(at(1.0), running, &outcome(Fault::None));
    let view = pool.view(at(1.0));
    let key = view
        .keys
        .iter()
        .find(|it| it.key == drained)
        .expect("listed");
    assert!(key.is_held && key.in_flight == 0);
    assert!(pool.operate(at(1.0), Target::Key(drained), Action::Resume));
    assert!(!pool.view(at(1.0)).keys.iter().any(|key| key.is_held));
}

#[test]
fn where_all_are_held_requests_are_refused_at_once_and_those_who_wait_too() {
    let mut pool = pool(&[(1, Some(20))]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let ticket = waiting(admit(&mut pool, at(0.0), 60.0));
    pool.operate(at(0.1), ACCOUNT, Action::Drain);
    let (decided, decision) = pool.next_decision().expect("it is decided");
    assert_eq!(decided, ticket);
    let refusal = decision.expect_err("it is refused");
    assert_eq!(
        (refusal.reason, refusal.not_until),
        (RefusalReason::AllOpen, None)
    );
    let refusal = refused(admit(&mut pool, at(0.2), 60.0));
    assert_eq!(
        (refusal.reason, refusal.not_until),
        (RefusalReason::AllOpen, None)
    );
    pool.settle(at(1.0), lease, &outcome(Fault::None));
    pool.operate(at(10.0), ACCOUNT, Action::Resume);
    let lease = granted(admit(&mut pool, at(10.0), 0.0));
    pool.settle(at(11.0), lease, &outcome(Fault::None));
}

#[test]
fn a_hold_survives_another_policy() {
    let mut pool = pool(&[(1, None), (1, None)]);
    pool.operate(at(0.0), KEY, Action::Drain);
    pool.reconfigure(at(1.0), spec(&[(1, Some(60)), (1, None), (1, None)]));
    assert!(pool.view(at(1.0)).keys[0].is_held);
}

#[test]
fn what_is_out_is_shown_as_out_until_a_request_has_gone_to_find_out() {
    for target in [ACCOUNT, KEY] {
        let mut pool = pool(&[(1, None)]);
        pool.operate(at(0.0), target, Action::Trip);
        let shown = |pool: &Pool, now: f64| {
            let view = pool.view(at(now));
            let key = view.keys[0];
            match target {
                Target::Key(_) => key.state,
                Target::Account(_) => {
                    assert_eq!(key.of_account, view.accounts[0].standing);
                    key.of_account
                }
            }
        };
        // Its probe is long due: it is out, as long as nobody asks.
        assert_eq!(shown(&pool, 1.0), BreakerState::Open);
        assert_eq!(shown(&pool, 10_000.0), BreakerState::Open);
        let probe = granted(admit(&mut pool, at(10_000.0), 0.0));
        assert_eq!(shown(&pool, 10_000.0), BreakerState::HalfOpen);
        pool.settle(at(10_001.0), probe, &outcome(Fault::None));
        assert_ne!(shown(&pool, 10_001.0), BreakerState::Open);
    }
}

#[test]
fn a_tripped_account_is_out_until_it_is_probed_or_reset() {
    let mut pool = pool(&[(1, None)]);
    pool.operate(at(5.0), ACCOUNT, Action::Trip);
    let outage = pool.view(at(6.0)).accounts[0].outage.expect("it is out");
    assert_eq!((outage.cause, outage.since), (Cause::Operator, at(5.0)));
    assert!(outage.until > Some(at(60.0)), "{outage:?}");
    assert_eq!(
        refused(admit(&mut pool, at(6.0), 0.0)).reason,
        RefusalReason::AllOpen
    );
    pool.operate(at(7.0), ACCOUNT, Action::Reset);
    assert_eq!(pool.view(at(7.0)).accounts[0].outage, None);
    let lease = granted(admit(&mut pool, at(7.0), 0.0));
    pool.settle(at(8.0), lease, &outcome(Fault::None));
}

#[test]
fn a_reset_closes_breakers_and_ends_cooldowns_but_lifts_no_hold() {
    let mut pool = pool(&[(1, None)]);
    let fault = Fault::Broken { wait: None };
    let mut now = 0.0;
    while pool
        .view(at(now))
        .groups
        .iter()
        .all(|it| it.keys[0].outage.is_none())
    {
        assert!(now < 5.0, "the breaker never opens");
        if let Admission::Granted(lease) = admit(&mut pool, at(now), 0.0) {
            pool.settle(at(now), lease, &outcome(fault));
        }
        now += 0.1;
    }
    let outage = pool.view(at(now)).groups[0].keys[0]
        .outage
        .expect("it is open");
    assert_eq!(outage.cause, Cause::Fault(fault));
    pool.operate(at(now), KEY, Action::Drain);
    pool.operate(at(now), KEY, Action::Reset);
    let view = pool.view(at(now));
    assert_eq!(view.groups[0].keys[0].outage, None);
    assert!(view.keys[0].is_held);
}

#[test]
fn a_cooldown_says_where_it_comes_from_and_a_reset_ends_it() {
    for (wait, from) in [
        (Some(Duration::from_secs(20)), CooldownFrom::Provider),
        (None, CooldownFrom::Backoff),
    ] {
        let mut pool = pool(&[(1, None)]);
        let lease = granted(admit(&mut pool, at(0.0), 0.0));
        pool.settle(at(0.0), lease, &outcome(Fault::RateLimited { wait }));
        let account = pool.view(at(0.1)).groups[0].accounts[0].clone();
        assert_eq!(account.cooldown_from, from);
        assert!(!account.cooldown.is_zero());
        pool.operate(at(0.1), ACCOUNT, Action::Reset);
        assert!(pool.view(at(0.1)).groups[0].accounts[0].cooldown.is_zero());
    }
}

#[test]
fn nobody_is_meant_by_an_id_that_is_not_there() {
    let mut pool = pool(&[(1, None)]);
    for action in Action::ALL {
        assert!(!pool.operate(at(0.0), Target::Account(AccountId(7)), action));
        assert!(!pool.operate(at(0.0), Target::Key(KeyId(7)), action));
    }
}

#[test]
fn those_who_wait_are_told_by_class_and_tenant() {
    let mut pool = pool(&[(1, Some(20))]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let _first = waiting(admit(&mut pool, at(1.0), 60.0));
    let _second = waiting(admit(&mut pool, at(2.0), 60.0));
    let lines = pool.view(at(3.0)).groups[0].lines.clone();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((lines[0].waiting, lines[0].since), (2, at(1.0)));
    assert_eq!(lines[0].tenant, Some(TenantId(0)));
    pool.settle(at(3.0), lease, &outcome(Fault::None));
}
