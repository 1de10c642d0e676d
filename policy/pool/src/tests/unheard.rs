//! Accounts that are yet to be heard of, or that refuse without a word of what they can take.

use super::*;

/// What a refusal and an answer tell of an account of one request per minute.
fn of_one_a_minute(remaining: u64) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.readings[Dimension::Requests.index()] = Some(Reading {
        limit: Some(1),
        remaining: Some(remaining),
        window: Duration::from_secs(60),
        ..Reading::default()
    });
    snapshot
}

#[test]
fn nobody_is_turned_away_while_an_account_is_yet_to_be_heard_of() {
    let mut pool = pool(&[(1, None), (1, None)]);
    let mut leases = Vec::new();
    while let Admission::Granted(lease) = admit(&mut pool, at(0.0), 0.0) {
        leases.push(lease);
    }
    // The one that is heard of first has nothing for a minute and more.
    let first = leases
        .iter()
        .position(|lease| lease.account == AccountId(0))
        .expect("both were asked");
    let lease = leases.swap_remove(first);
    pool.answered(at(0.1), &lease, &of_one_a_minute(0));
    for _ in 0..20 {
        waiting(admit(&mut pool, at(0.2), 5.0));
    }
}

#[test]
fn a_cooldown_of_one_account_is_not_the_end_of_patience_where_another_is_slow() {
    let mut pool = pool(&[(1, Some(1)), (1, Some(600))]);
    while let Admission::Granted(lease) = admit(&mut pool, at(0.0), 0.0) {
        let wait = Some(Duration::from_secs(2));
        let fault = match lease.account {
            AccountId(0) => Fault::None,
            _ => Fault::RateLimited { wait },
        };
        pool.settle(at(0.0), lease, &outcome(fault));
    }
    waiting(admit(&mut pool, at(0.1), 5.0));
}

#[test]
fn after_a_refusal_without_headers_one_goes_first() {
    let mut pool = pool(&[(1, None)]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let wait = Some(Duration::from_secs(1));
    pool.settle(at(0.1), lease, &outcome(Fault::RateLimited { wait }));
    for _ in 0..10 {
        waiting(admit(&mut pool, at(0.2), 30.0));
    }
    let mut sent = Vec::new();
    let mut now = at(0.2);
    while sent.len() < 4
        && let Some(next) = pool.next_wake(now)
    {
        now = next;
        pool.wake(now);
        while let Some((_, decision)) = pool.next_decision() {
            let _ = decision.expect("it is granted");
            sent.push(now);
        }
    }
    assert!(sent[0] >= at(1.1));
    assert!(sent[1] >= sent[0] + Duration::from_millis(100), "{sent:?}");
    assert_eq!(sent[1], sent[2]);
}
