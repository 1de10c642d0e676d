//! Pools of several gateways that tell one another what they take.

use keyweir_health::breaker::BreakerState;

use super::*;
use crate::report::{Heard, Other, OutReport, PoolReport, Who};

/// Lets all hear what all have told, as it was `age` seconds ago.
fn exchange(pools: &mut [Pool], now: Time, age: f64) {
    let told: Vec<PoolReport> = pools.iter_mut().map(|pool| pool.report(now)).collect();
    let names: Table<AccountId, u64> = (0..10).collect();
    for (me, pool) in pools.iter_mut().enumerate() {
        let others: Vec<Other<'_>> = (told.iter().enumerate())
            .filter(|(process, _)| *process != me)
            .map(|(process, told)| Other {
                process: process as u64,
                age: Duration::from_secs_f64(age),
                report: told,
            })
            .collect();
        let heard = Heard {
            others: &others,
            accounts: &names,
            place: me as u32,
            turn: now.as_secs_f64() as u64,
        };
        pool.hear(now, &heard);
    }
}

fn at_once(pool: &mut Pool, now: Time) -> Vec<Lease> {
    let admit = || match admit(pool, now, 0.0) {
        Admission::Granted(lease) => Some(lease),
        _ => None,
    };
    std::iter::from_fn(admit).take(1_000).collect()
}

#[test]
fn what_one_has_taken_the_other_does_not_take_again() {
    // Thirty at once.
    let accounts = [(1, Some(600))];
    let mut pools = [pool(&accounts), pool(&accounts)];
    exchange(&mut pools, at(0.0), 0.0);
    // A half, until the others have heard of it.
    let first = at_once(&mut pools[0], at(0.0)).len();
    assert_eq!(first, 15);
    exchange(&mut pools, at(0.1), 0.0);
    let second = at_once(&mut pools[1], at(0.1)).len();
    assert!((13..=16).contains(&second), "{second}");
    exchange(&mut pools, at(0.2), 0.0);
    // A tenth of a second's requests, and not another bucket.
    let more = at_once(&mut pools[0], at(0.2)).len();
    assert!(more <= 3, "{more}");
}

#[test]
fn a_word_that_is_heard_twice_is_counted_once() {
    let accounts = [(1, Some(600))];
    let mut pools = [pool(&accounts), pool(&accounts)];
    exchange(&mut pools, at(0.0), 0.0);
    let taken = at_once(&mut pools[0], at(0.0)).len();
    for _ in 0..20 {
        exchange(&mut pools, at(0.1), 0.0);
    }
    let left = at_once(&mut pools[1], at(0.1)).len();
    assert!((28 - taken..=31 - taken).contains(&left), "{left}");
}

#[test]
fn a_cooldown_holds_for_all_and_goes_in_no_circle() {
    let accounts = [(1, None), (1, None)];
    let mut pools = [pool(&accounts), pool(&accounts)];
    let lease = granted(admit(&mut pools[0], at(0.0), 0.0));
    let cools = lease.account;
    let wait = Some(Duration::from_secs(10));
    pools[0].settle(at(0.0), lease, &outcome(Fault::RateLimited { wait }));
    // The other knows the group, too.
    let lease = granted(admit(&mut pools[1], at(0.0), 0.0));
    pools[1].settle(at(0.0), lease, &outcome(Fault::None));
    for tenth in 1..90 {
        exchange(&mut pools, at(f64::from(tenth) / 10.0), 0.05);
        let lease = granted(admit(&mut pools[1], at(f64::from(tenth) / 10.0), 0.0));
        assert_ne!(lease.account, cools);
        pools[1].settle(at(f64::from(tenth) / 10.0), lease, &outcome(Fault::None));
    }
    let now = at(10.1);
    exchange(&mut pools, now, 0.05);
    for pool in &mut pools {
        let mut accounts: Vec<AccountId> = (0..20)
            .map(|_| {
                let lease = granted(admit(pool, now, 0.0));
                let account = lease.account;
                pool.settle(now, lease, &outcome(Fault::None));
                account
            })
            .collect();
        accounts.sort_unstable();
        accounts.dedup();
        assert_eq!(accounts.len(), 2, "it is over");
    }
}

#[test]
fn a_key_that_is_out_at_one_is_out_at_the_other_unless_it_serves_there() {
    let accounts = [(1, None), (1, None)];
    for serves in [false, true] {
        let mut pools = [pool(&accounts), pool(&accounts)];
        let lease = granted(admit(&mut pools[0], at(0.0), 0.0));
        let key = lease.key;
        pools[0].settle(at(0.0), lease, &outcome(Fault::KeyRejected));
        if serves {
            for _ in 0..10 {
                let lease = granted(admit(&mut pools[1], at(0.05), 0.0));
                pools[1].settle(at(0.05), lease, &outcome(Fault::None));
            }
        }
        exchange(&mut pools, at(0.1), 0.0);
        let view = pools[1].view(at(0.1));
        let it = view.keys.iter().find(|it| it.key == key).expect("there");
        let is_out = it.state == BreakerState::Open;
        assert_eq!(is_out, !serves, "{it:?}");
        // What was only heard is not told.
        assert!(pools[1].report(at(0.1)).out.is_empty());
    }
}

/// How many of the requests that four pools send are refused by a provider whose eight accounts hold two
/// requests each, at three quarters of what these can take.
fn refusals(exchanges: bool) -> usize {
    const REFILL: f64 = 40.0 / 60.0;
    let mut pools: Vec<Pool> = (0..4).map(|_| pool(&[(1, Some(40)); 8])).collect();
    let (mut levels, mut refusals) = ([2.0_f64; 8], 0);
    for tenth in 0..1_200_u32 {
        let now = at(f64::from(tenth) / 10.0);
        for level in &mut levels {
            *level = (*level + REFILL / 10.0).min(2.0);
        }
        // All are asked at once, once a second.
        for pool in pools.iter_mut().filter(|_| tenth % 10 == 0) {
            let Admission::Granted(lease) = admit(pool, now, 0.0) else {
                continue;
            };
            let level = &mut levels[lease.account.index()];
            let fault = if *level >= 1.0 {
                *level -= 1.0;
                Fault::None
            } else {
                refusals += 1;
                Fault::RateLimited { wait: None }
            };
            pool.settle(now, lease, &outcome(fault));
        }
        if exchanges {
            exchange(&mut pools, now.after_secs(0.05), 0.05);
        }
    }
    refusals
}

#[test]
fn gateways_that_see_the_same_do_not_all_go_for_the_same() {
    let (with, without) = (refusals(true), refusals(false));
    // Without a word of one another, each learns to avoid where it was refused, too.
    let (few, fewer) = (with <= 40, 3 * with < 2 * without);
    assert!(few && fewer, "{with} and {without} of 480");
}

#[test]
fn who_waits_is_served_when_others_leave_what_was_theirs() {
    let accounts = [(1, Some(600))];
    let mut pools = [pool(&accounts), pool(&accounts)];
    exchange(&mut pools, at(0.0), 0.0);
    assert_eq!(at_once(&mut pools[0], at(0.0)).len(), 15);
    let ticket = waiting(admit(&mut pools[0], at(0.0), 5.0));
    exchange(&mut pools, at(0.05), 0.0);
    let (served, decision) = pools[0].next_decision().expect("it is");
    assert_eq!(served, ticket);
    assert!(decision.is_ok());
}

#[test]
fn where_nobody_is_heard_any_more_what_is_not_told_is_shared_out() {
    let accounts = [(1, Some(600))];
    let mut pools = [pool(&accounts), pool(&accounts)];
    exchange(&mut pools, at(0.0), 0.0);
    for pool in &mut pools {
        pool.lose(at(0.0));
    }
    for pool in &mut pools {
        assert_eq!(at_once(pool, at(0.0)).len(), 15);
    }
}

#[test]
fn words_that_are_nonsense_end_nothing_and_are_over_in_a_day() {
    let accounts = [(2, Some(600))];
    let mut pool = pool(&accounts);
    let names: Table<AccountId, u64> = (0..10).collect();
    drop(at_once(&mut pool, at(0.0)));
    let forever = Duration::from_millis(u64::MAX);
    let edges = [0.0, 1.0, -1.0, 1e15, -1e15, f64::MAX, f64::MIN];
    for (turn, amount) in edges.iter().cycle().take(70).enumerate() {
        let now = at(1.0 + turn as f64 / 10.0);
        let mut told = pool.report(now);
        for account in &mut told.accounts {
            account.taken = [*amount; 4];
            account.cooldown = forever;
        }
        let out = |who| OutReport {
            who,
            since: forever,
            rest: forever,
        };
        told.out = vec![out(Who::Key(KeyId(0))), out(Who::Account(AccountId(0)))];
        let other = |process| Other {
            process,
            age: [Duration::ZERO, forever][turn % 2],
            report: &told,
        };
        let heard = Heard {
            others: &[other(1), other(2)],
            accounts: &names,
            place: u32::MAX,
            turn: u64::MAX,
        };
        pool.hear(now, &heard);
    }
    let tomorrow = at(86_400.0 + 10.0);
    let alone = Heard {
        others: &[],
        accounts: &names,
        place: 0,
        turn: 0,
    };
    pool.hear(tomorrow, &alone);
    assert!(!at_once(&mut pool, tomorrow).is_empty());
}
