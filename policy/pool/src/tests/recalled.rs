//! What a pool has learned, told and known again by another.

use keyweir_health::breaker::learned::LearnedBreaker;

use super::*;
use crate::learned::{Group, Learned, LearnedAccount, LearnedKey};
use crate::operator::{Action, Target};

fn told(limit: u64, remaining: u64) -> Snapshot {
    let reading = Reading {
        limit: Some(limit),
        remaining: Some(remaining),
        reset: Some(Duration::from_secs(3)),
        reset_grain: Duration::from_secs(1),
        window: Duration::from_secs(60),
        remaining_grain: 0,
    };
    let mut snapshot = Snapshot::default();
    snapshot.readings[Dimension::Requests.index()] = Some(reading);
    snapshot
}

/// All that there is to tell, in as many turns as it takes.
fn learned(pool: &mut Pool, now: Time) -> Vec<Learned> {
    let mut all = Vec::new();
    loop {
        let some = pool.take_learned(now, 2);
        if some.is_empty() {
            return all;
        }
        all.extend(some);
        assert!(all.len() < 1_000, "it comes to an end");
    }
}

/// Another pool of the same accounts, `age_secs` later.
fn again(spec: PoolSpec, rows: &[Learned], age_secs: f64) -> Pool {
    let mut pool = Pool::new(spec, at(1_000.0));
    rows.iter()
        .for_each(|row| pool.recall(at(1_000.0), age_secs, row));
    pool
}

/// A pool of two accounts of which the first has told its limit and then refused for a minute, and the
/// second's key is rejected.
fn experienced() -> (PoolSpec, Vec<Learned>) {
    let spec = spec(&[(1, None), (2, None)]);
    let mut pool = Pool::new(spec.clone(), at(0.0));
    let mut of_first = false;
    let mut rejected = 0;
    for n in 0..40 {
        let now = at(f64::from(n) * 0.01);
        let Admission::Granted(lease) = admit(&mut pool, now, 0.0) else {
            break;
        };
        let fault = match lease.account {
            AccountId(0) if of_first => Fault::RateLimited {
                wait: Some(Duration::from_secs(60)),
            },
            AccountId(0) => Fault::None,
            _ if lease.key == KeyId(1) && rejected < 2 => Fault::KeyRejected,
            _ => Fault::None,
        };
        of_first |= lease.account == AccountId(0);
        rejected += u32::from(fault == Fault::KeyRejected);
        let settlement = Settlement {
            snapshot: told(600, 20),
            ..outcome(fault)
        };
        pool.settle(now, lease, &settlement);
    }
    let target = Target::Key(KeyId(2));
    assert!(pool.operate(at(1.0), target, Action::Drain));
    let rows = learned(&mut pool, at(1.0));
    assert!(learned(&mut pool, at(1.0)).is_empty(), "it is told once");
    (spec, rows)
}

#[test]
fn limits_cooldowns_outages_and_holds_are_known_again_and_over_when_their_time_is() {
    let (spec, rows) = experienced();
    for (age_secs, cools) in [(10.0, true), (59.5, false)] {
        let mut pool = again(spec.clone(), &rows, age_secs);
        let view = pool.view(at(1_000.0));
        let account = &view.groups[0].accounts[0];
        let bucket = &account.buckets[0];
        assert_eq!(bucket.limit_per_minute, 600.0);
        assert_eq!(
            account.cooldown > Duration::ZERO,
            cools,
            "{age_secs}: {account:?}"
        );
        let key = |id: u32| {
            view.keys
                .iter()
                .find(|it| it.key == KeyId(id))
                .expect("there")
        };
        assert!(key(1).outage.is_some() && key(2).is_held);
        let ask = ask(&mut pool, at(1_000.0), 0.0);
        let asked = pool.admit(at(1_000.0), ask, &Attempts::default());
        assert_eq!(matches!(asked, Admission::Granted(_)), !cools, "{asked:?}");
    }
}

#[test]
fn buckets_have_refilled_in_the_meantime() {
    let spec = spec(&[(1, None)]);
    let mut pool = Pool::new(spec.clone(), at(0.0));
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let settlement = Settlement {
        snapshot: told(600, 5),
        ..outcome(Fault::None)
    };
    pool.settle(at(0.0), lease, &settlement);
    let rows = learned(&mut pool, at(0.0));
    let level = |age_secs: f64| {
        let pool = again(spec.clone(), &rows, age_secs);
        pool.view(at(1_000.0)).groups[0].accounts[0].buckets[0].level
    };
    assert!(level(0.0) < 7.0, "{}", level(0.0));
    assert!((13.0..=17.0).contains(&level(1.0)), "{}", level(1.0));
    assert!(level(1e12) > 20.0, "{}", level(1e12));
}

#[test]
fn what_cannot_be_is_left_out_and_what_is_gone_too() {
    let (spec, rows) = experienced();
    let group = Group {
        endpoint: Endpoint::Inference,
        name: "claude-sonnet-4".to_owned(),
    };
    let find = |row: &Learned| match row {
        Learned::InGroup(_, AccountId(0), account, _) => Some(**account),
        _ => None,
    };
    let sane: LearnedAccount = rows.iter().find_map(find).expect("it was used");
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300] {
        let mut damaged = sane;
        damaged.cooldown_secs = odd;
        damaged.budget.delayed = (odd, odd);
        for bucket in damaged.budget.buckets.iter_mut().flatten() {
            bucket.limit = Some(odd);
            bucket.level_share = odd;
            bucket.window_secs = odd;
        }
        let key = LearnedKey {
            breaker: LearnedBreaker {
                open_secs: Some((odd, odd)),
                opened: u32::MAX,
            },
            outage: None,
        };
        for account in [0, 7] {
            let row = Learned::InGroup(
                group.clone(),
                AccountId(account),
                Box::new(damaged),
                vec![(KeyId(0), key.clone()), (KeyId(99), key.clone())],
            );
            let goes_on = |rows: &[Learned]| {
                let mut pool = again(spec.clone(), rows, odd);
                // Nothing is out for longer than a day; then answers prove whoever was.
                for secs in [1_000.0, 90_000.0, 90_001.0, 90_002.0, 90_003.0, 90_004.0] {
                    let lease = granted(admit(&mut pool, at(secs), 1.0));
                    pool.settle(at(secs + 0.5), lease, &outcome(Fault::None));
                }
                pool.view(at(90_100.0))
            };
            let view = goes_on(&[row]);
            // A large figure may be one, and is bounded by what comes to bear on it.
            if odd == 1e300 && account == 0 {
                let bucket = view.groups[0].accounts[0].buckets[0];
                let figures = [bucket.limit_per_minute, bucket.burst, bucket.level];
                assert!(figures.iter().all(|it| it.is_finite()), "{bucket:?}");
                continue;
            }
            let (view, fresh) = (format!("{view:?}"), format!("{:?}", goes_on(&[])));
            assert_eq!(view, fresh, "{odd} of account {account}");
        }
    }
}
