//! What accounts carry is told by looks, and who falls short of them is counted at one bucket each.

use keyweir_quota::load::Load;

use super::*;
use crate::loads::Carried;

const REQUESTS: usize = Dimension::Requests.index();

/// All that there is to tell, a few at a time.
fn taken(pool: &mut Pool, now: Time) -> Vec<Carried> {
    let mut rows = Vec::new();
    let mut turns = 0;
    while pool.take_loads(now, now, 2, &mut rows) > 0 {
        turns += 1;
        assert!(turns < 1_000, "it comes to an end");
    }
    rows
}

#[test]
fn what_is_used_is_told_once_and_adds_up() {
    let mut pool = pool(&[(1, Some(600)), (1, Some(600)), (1, Some(600))]);
    let mut used = 0.0;
    for second in 0..60 {
        let now = at(f64::from(second));
        for _ in 0..10 {
            let Admission::Granted(lease) = admit(&mut pool, now, 0.0) else {
                panic!("there is room at {second}");
            };
            pool.settle(now, lease, &outcome(Fault::None));
        }
        let rows = taken(&mut pool, at(f64::from(second) + 0.5));
        assert_eq!(rows.len(), 3, "each account, once");
        used += rows.iter().map(|it| it.loads[REQUESTS].used).sum::<f64>();
        assert!(
            rows.iter()
                .all(|it| it.loads[REQUESTS].limit_per_minute == 600.0)
        );
    }
    assert_eq!(used, 600.0);
    // Nobody uses them any more: there is nothing to tell, and in the end nothing to look at.
    assert!(taken(&mut pool, at(100.0)).is_empty());
    let mut rows = Vec::new();
    assert_eq!(pool.take_loads(at(300.0), at(300.0), 9, &mut rows), 3);
    assert_eq!(pool.take_loads(at(301.0), at(301.0), 9, &mut rows), 0);
    assert!(rows.is_empty());
}

#[test]
fn who_waits_and_who_is_refused_falls_short_of_one_bucket() {
    let mut pool = pool(&[(1, Some(60)), (1, Some(60))]);
    let (mut granted, mut waiting, mut refused) = (0, 0, 0);
    for n in 0..40 {
        let patience = if n % 2 == 0 { 5.0 } else { 0.0 };
        match admit(&mut pool, at(1.0), patience) {
            Admission::Granted(_) => granted += 1,
            Admission::Waiting(_) => waiting += 1,
            Admission::Refused(_) => refused += 1,
        }
    }
    assert!(granted > 0 && waiting > 0 && refused > 0);
    let rows = taken(&mut pool, at(1.1));
    let sum = |of: fn(&Load) -> u64| -> u64 {
        let loads = rows.iter().flat_map(|it| &it.loads);
        loads.map(of).sum()
    };
    assert_eq!(sum(|it| it.waited), waiting);
    assert_eq!(sum(|it| it.refused), refused);
    let of_requests = |it: &Carried| it.loads[REQUESTS].short();
    assert_eq!(rows.iter().map(of_requests).sum::<u64>(), waiting + refused);
    // Those whose patience ends are refused, too.
    let (mut now, mut over) = (at(1.1), 0);
    while let Some(wake) = pool.next_wake(now) {
        now = wake.max(now.after_secs(0.001));
        pool.wake(now);
        while let Some((_, decision)) = pool.next_decision() {
            over += u64::from(decision.is_err());
        }
    }
    assert!(over > 0, "more wait than are served in five seconds");
    let rows = taken(&mut pool, now.after_secs(0.1));
    let refused: u64 = rows.iter().map(|it| it.loads[REQUESTS].refused).sum();
    assert_eq!(refused, over);
}

#[test]
fn a_refusal_of_the_provider_counts_where_it_was_met_and_its_retry_as_waiting() {
    let mut pool = pool(&[(1, None)]);
    let Admission::Granted(lease) = admit(&mut pool, at(1.0), 60.0) else {
        panic!("nothing is known");
    };
    let (key, account) = (lease.key, lease.account);
    let wait = Some(Duration::from_secs(10));
    pool.settle(at(1.1), lease, &outcome(Fault::RateLimited { wait }));
    let mut attempts = Attempts::default();
    attempts.count();
    attempts.refused(at(1.1), key, account);
    let ask = ask(&mut pool, at(1.1), 60.0);
    let admission = pool.admit(at(1.1), ask, &attempts);
    assert!(matches!(admission, Admission::Waiting(_)), "{admission:?}");
    let rows = taken(&mut pool, at(1.2));
    assert_eq!(rows.len(), 1);
    let loads = &rows[0].loads;
    let sum = |of: fn(&Load) -> u64| -> u64 { loads.iter().map(of).sum() };
    assert_eq!((sum(|it| it.rate_limited), sum(|it| it.waited)), (1, 1));
}

#[test]
fn who_waits_for_a_breaker_falls_short_of_nothing() {
    let mut pool = pool(&[(1, Some(6_000))]);
    for n in 0..20 {
        let now = at(f64::from(n) * 0.01);
        if let Admission::Granted(lease) = admit(&mut pool, now, 0.0) {
            pool.settle(now, lease, &outcome(Fault::Broken { wait: None }));
        }
    }
    taken(&mut pool, at(0.3));
    let admission = admit(&mut pool, at(0.4), 0.0);
    assert!(matches!(admission, Admission::Refused(_)), "{admission:?}");
    let rows = taken(&mut pool, at(0.5));
    let short = |it: &Carried| it.loads.iter().map(Load::short).sum::<u64>();
    assert_eq!(rows.iter().map(short).sum::<u64>(), 0);
}

#[test]
fn an_account_is_in_use_while_a_request_runs_whether_there_is_anything_to_tell_or_not() {
    let mut pool = pool(&[(1, Some(600))]);
    let lease = granted(admit(&mut pool, at(1.0), 0.0));
    let in_use = |rows: &[Carried]| rows[0].loads[REQUESTS].in_use_secs;
    assert_eq!(in_use(&taken(&mut pool, at(1.5))), 0.5);
    assert!(taken(&mut pool, at(11.5)).is_empty());
    pool.settle(at(12.0), lease, &outcome(Fault::None));
    let lease = granted(admit(&mut pool, at(12.0), 0.0));
    assert_eq!(in_use(&taken(&mut pool, at(12.5))), 11.0);
    // A pause is no use.
    pool.settle(at(13.0), lease, &outcome(Fault::None));
    assert!(taken(&mut pool, at(900.0)).is_empty());
    let lease = granted(admit(&mut pool, at(1_000.0), 0.0));
    assert_eq!(in_use(&taken(&mut pool, at(1_000.5))), 0.5);
    pool.settle(at(1_001.0), lease, &outcome(Fault::None));
}
