//! Keys whose secrets are replaced.

use keyweir_health::breaker::BreakerState;

use super::*;
use crate::operator::{Action, Target};
use crate::report::{Heard, Other, OutReport, PoolReport, Who};

const BROKEN: Fault = Fault::Broken { wait: None };

/// Has `pool` meet `fault` until nobody can be asked.
fn take_out(pool: &mut Pool, fault: Fault) {
    for n in 0..100 {
        let now = at(f64::from(n) / 1_000.0);
        match admit(pool, now, 0.0) {
            Admission::Granted(lease) => pool.settle(now, lease, &outcome(fault)),
            _ => return,
        }
    }
    panic!("nobody is out");
}

fn served(pool: &mut Pool, now: f64) -> KeyId {
    let lease = granted(admit(pool, at(now), 0.0));
    let key = lease.key;
    pool.settle(at(now), lease, &outcome(Fault::None));
    key
}

fn notices(pool: &mut Pool) -> Vec<Notice> {
    std::iter::from_fn(|| pool.next_notice()).collect()
}

#[test]
fn a_key_with_another_secret_is_asked_at_once_whatever_its_old_one_met() {
    let mut pool = pool(&[(2, None)]);
    take_out(&mut pool, Fault::KeyRejected);
    refused(admit(&mut pool, at(0.2), 0.0));
    notices(&mut pool);
    pool.renew(at(0.3), &[KeyId(1)]);
    assert_eq!(notices(&mut pool), [Notice::KeyRenewed(KeyId(1))]);
    // And only that one.
    for n in 0..5 {
        assert_eq!(served(&mut pool, 0.4 + f64::from(n)), KeyId(1));
    }
    assert_eq!(pool.view(at(5.0)).keys[0].state, BreakerState::Open);
}

#[test]
fn a_key_whose_old_secret_kept_failing_is_asked_at_once() {
    let mut pool = pool(&[(1, None)]);
    let is_open = |pool: &Pool, now: f64| pool.view(at(now)).groups[0].keys[0].outage.is_some();
    let mut now = 0.0;
    loop {
        if let Admission::Granted(lease) = admit(&mut pool, at(now), 0.0) {
            pool.settle(at(now), lease, &outcome(BROKEN));
        }
        if is_open(&pool, now) {
            break;
        }
        assert!(now < 5.0, "the breaker never opens");
        now += 0.1;
    }
    pool.renew(at(now), &[KeyId(0)]);
    assert!(!is_open(&pool, now));
    assert!(notices(&mut pool).contains(&Notice::KeyRenewed(KeyId(0))));
}

#[test]
fn all_keys_that_are_renewed_at_once_are_asked_and_those_who_wait_are_served() {
    let mut pool = pool(&[(1, None), (2, None)]);
    take_out(&mut pool, Fault::KeyRejected);
    let ticket = waiting(admit(&mut pool, at(0.2), 300.0));
    pool.renew(at(0.3), &[KeyId(0), KeyId(1), KeyId(2)]);
    let (decided, decision) = pool.next_decision().expect("it is decided");
    assert_eq!(decided, ticket);
    pool.settle(at(0.4), decision.expect("granted"), &outcome(Fault::None));
    let leases: Vec<_> = (0..6).map(|_| admit(&mut pool, at(0.5), 0.0)).collect();
    let mut keys: Vec<_> = leases.into_iter().map(|it| granted(it).key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys, [KeyId(0), KeyId(1), KeyId(2)]);
}

#[test]
fn probes_of_another_secret_begin_as_close_together_as_those_of_a_new_key() {
    let mut pool = pool(&[(1, None)]);
    let interval = |pool: &mut Pool, now: f64| {
        for _ in 0..2 {
            let lease = granted(admit(pool, at(now), 0.0));
            pool.settle(at(now), lease, &outcome(Fault::KeyRejected));
        }
        let until = pool.view(at(now)).keys[0].outage.expect("out").until;
        until.expect("it is out").secs_since(at(now))
    };
    let first = interval(&mut pool, 0.0);
    let mut now = 0.0;
    for _ in 0..5 {
        now += 4_000.0;
        let probe = granted(admit(&mut pool, at(now), 0.0));
        pool.settle(at(now), probe, &outcome(Fault::KeyRejected));
    }
    let until = pool.view(at(now)).keys[0].outage.expect("out").until;
    assert!(until.expect("out").secs_since(at(now)) > 700.0);
    pool.renew(at(now + 1.0), &[KeyId(0)]);
    let again = interval(&mut pool, now + 2.0);
    assert!(again < 2.0 * first, "{first} {again}");
}

#[test]
fn a_model_that_was_refused_to_the_old_secret_is_asked_of_the_new_one_and_after_a_reset() {
    for renews in [true, false] {
        let mut pool = pool(&[(1, Some(60_000)), (1, Some(600))]);
        let lease = granted(admit(&mut pool, at(0.0), 0.0));
        let denied = lease.key;
        pool.settle(at(0.0), lease, &outcome(Fault::ModelDenied));
        assert_ne!(granted(admit(&mut pool, at(0.0), 0.0)).key, denied);
        if renews {
            pool.renew(at(1.0), &[denied]);
        } else {
            pool.operate(at(1.0), Target::Key(denied), Action::Reset);
        }
        assert_eq!(granted(admit(&mut pool, at(2.0), 0.0)).key, denied);
    }
}

#[test]
fn a_hold_stays_and_so_does_what_is_known_of_the_account() {
    let mut pool = pool(&[(1, None), (1, None)]);
    pool.operate(at(0.0), Target::Key(KeyId(0)), Action::Drain);
    pool.operate(at(0.0), Target::Account(AccountId(1)), Action::Trip);
    pool.renew(at(1.0), &[KeyId(0), KeyId(1)]);
    let view = pool.view(at(1.0));
    assert!(view.keys[0].is_held);
    assert!(view.accounts[1].outage.is_some());
    refused(admit(&mut pool, at(1.0), 0.0));
}

#[test]
fn what_was_sent_with_the_old_secret_says_nothing_of_the_new_one() {
    for fault in [Fault::KeyRejected, Fault::ModelDenied, BROKEN] {
        let mut pool = pool(&[(1, Some(60_000))]);
        served(&mut pool, 0.0);
        let sent: Vec<_> = (0..6)
            .map(|_| granted(admit(&mut pool, at(0.0), 0.0)))
            .collect();
        pool.renew(at(1.0), &[KeyId(0)]);
        for lease in sent {
            pool.settle(at(1.1), lease, &outcome(fault));
        }
        assert_eq!(notices(&mut pool), [], "{fault:?}");
        assert_eq!(pool.view(at(1.2)).keys[0].state, BreakerState::Closed);
        assert_eq!(pool.view(at(1.2)).keys[0].in_flight, 0);
        served(&mut pool, 1.2);
    }
}

#[test]
fn that_another_key_served_what_the_old_secret_was_refused_takes_no_new_one_out() {
    let mut pool = pool(&[(1, Some(60_000)), (1, Some(600))]);
    let first = ask(&mut pool, at(0.0), 0.0);
    let lease = granted(pool.admit(at(0.0), first, &Attempts::default()));
    let renewed = lease.key;
    pool.renew(at(1.0), &[renewed]);
    pool.settle(at(1.1), lease, &outcome(Fault::KeyRejected));
    let mut attempts = Attempts::default();
    attempts.count();
    attempts.rejected(at(1.1), (renewed, at(0.0)), None);
    pool.operate(at(1.2), Target::Key(renewed), Action::Drain);
    let retry = granted(pool.admit(at(1.2), first, &attempts));
    assert_ne!(retry.key, renewed);
    pool.settle(at(1.3), retry, &outcome(Fault::None));
    pool.operate(at(1.4), Target::Key(renewed), Action::Resume);
    assert!(!notices(&mut pool).contains(&Notice::KeyOut(renewed)));
    assert_eq!(served(&mut pool, 1.5), renewed);
}

#[test]
fn a_request_that_the_old_secret_could_not_serve_is_sent_with_the_new_one() {
    let mut pool = pool(&[(1, None)]);
    let first = ask(&mut pool, at(0.0), 0.0);
    let lease = granted(pool.admit(at(0.0), first, &Attempts::default()));
    let mut attempts = Attempts::default();
    attempts.count();
    attempts.rejected(at(1.0), (lease.key, at(0.0)), None);
    pool.settle(at(1.0), lease, &outcome(Fault::KeyRejected));
    let again = |pool: &mut Pool, now: f64| pool.admit(at(now), first, &attempts);
    refused(again(&mut pool, 1.0));
    pool.renew(at(2.0), &[KeyId(0)]);
    assert_eq!(granted(again(&mut pool, 2.0)).key, KeyId(0));
}

#[test]
fn what_others_tell_of_the_old_secret_is_not_heard() {
    let out = |who, since| OutReport {
        who,
        since: Duration::from_secs(since),
        rest: Duration::from_secs(100),
    };
    let hear = |pool: &mut Pool, now: f64, since| {
        let group = pool.groups.values().next().expect("one").name.hash();
        let told = PoolReport {
            out: vec![
                out(Who::Key(KeyId(0)), since),
                out(Who::KeyOfGroup(KeyId(0), group), since),
            ],
            ..PoolReport::default()
        };
        let others = [Other {
            process: 7,
            age: Duration::ZERO,
            report: &told,
        }];
        pool.hear(
            at(now),
            &Heard {
                others: &others,
                accounts: &Table::default(),
                place: 0,
                turn: 0,
            },
        );
    };
    let mut pool = pool(&[(1, None)]);
    served(&mut pool, 0.0);
    pool.renew(at(10.0), &[KeyId(0)]);
    hear(&mut pool, 12.0, 5);
    let lease = granted(admit(&mut pool, at(12.0), 0.0));
    pool.settle(at(12.0), lease, &outcome(Fault::ClientLeft));
    hear(&mut pool, 13.0, 1);
    refused(admit(&mut pool, at(13.0), 0.0));
}
