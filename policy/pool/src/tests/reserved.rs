//! What is kept of an account for a tenant: the owner finds it whoever else asks, and others have all that
//! lies idle.

use super::*;
use crate::reserves::{ReserveSpec, Reserves};

const OWNER: TenantId = TenantId(1);
const BORROWER: TenantId = TenantId(2);

/// One account of 600 requests a minute that saves up so many seconds of refill, of which a share is kept;
/// nothing if that is zero.
fn reserving(share: f64, burst_secs: f64) -> Pool {
    let mut spec = spec(&[(1, Some(600))]);
    spec.accounts[AccountId(0)].limits[0].burst_secs = Some(burst_secs);
    spec.room.requests_max = 10_000;
    spec.room.per_tenant_max = 10_000;
    let part = ReserveSpec {
        account: AccountId(0),
        share,
        owners: vec![OWNER],
    };
    spec.reserves = Reserves::new(Some(part).filter(|_| share > 0.0));
    Pool::new(spec, at(0.0))
}

fn asking(pool: &mut Pool, now: Time, tenant: TenantId, priority: Priority) -> Ask {
    Ask {
        tenant,
        priority,
        ..ask(pool, now, 3_600.0)
    }
}

/// What became of the requests of a crowd of borrowers that never ends, and of an owner that asks at a
/// steady pace from `from` on.
struct Course {
    borrowed: Vec<f64>,
    /// Of the owner's, those that are not served yet included.
    waits: Vec<f64>,
    unserved: usize,
}

fn course(pool: &mut Pool, secs: f64, from: f64, owner_per_sec: f64) -> Course {
    let mut course = Course {
        borrowed: Vec::new(),
        waits: Vec::new(),
        unserved: 0,
    };
    let mut owners: Vec<(Ticket, f64)> = Vec::new();
    let (mut now, mut next_owner) = (0.0, from);
    let mut steps = 0;
    while now < secs {
        steps += 1;
        assert!(steps < 200_000, "no progress at {now}");
        while pool.waiting() - owners.len() < 50 {
            let ask = asking(pool, at(now), BORROWER, Priority::High);
            match pool.admit(at(now), ask, &Attempts::default()) {
                Admission::Granted(lease) => {
                    course.borrowed.push(now);
                    pool.settle(at(now), lease, &outcome(Fault::None));
                }
                Admission::Waiting(_) => {}
                Admission::Refused(refusal) => panic!("{refusal:?}"),
            }
        }
        if now >= next_owner {
            next_owner += 1.0 / owner_per_sec;
            let ask = asking(pool, at(now), OWNER, Priority::Low);
            match pool.admit(at(now), ask, &Attempts::default()) {
                Admission::Granted(lease) => {
                    course.waits.push(0.0);
                    pool.settle(at(now), lease, &outcome(Fault::None));
                }
                Admission::Waiting(ticket) => owners.push((ticket, now)),
                Admission::Refused(refusal) => panic!("{refusal:?}"),
            }
        }
        pool.wake(at(now));
        while let Some((ticket, decision)) = pool.next_decision() {
            let lease = decision.expect("nobody's patience ends");
            pool.settle(at(now), lease, &outcome(Fault::None));
            match owners.iter().position(|(owner, _)| *owner == ticket) {
                Some(place) => course.waits.push(now - owners.remove(place).1),
                None => course.borrowed.push(now),
            }
        }
        let wake = pool
            .next_wake(at(now))
            .map_or(f64::INFINITY, Time::as_secs_f64);
        now = wake.min(next_owner).max(now + 0.001).min(now + 0.5);
    }
    course.unserved = owners.len();
    course
        .waits
        .extend(owners.iter().map(|(_, since)| now - since));
    course
}

#[test]
fn an_owner_within_its_share_waits_for_no_more_than_a_refill_and_others_have_what_is_idle() {
    // Ten requests flow in each second.
    for (share, burst_secs) in [
        (0.3, 3.0),
        (0.3, 0.1),
        (0.5, 0.2),
        (0.05, 3.0),
        (1.0, 3.0),
        (1.0, 0.1),
    ] {
        let idle_until =
            |course: &Course| course.borrowed.iter().filter(|at| **at < 60.0).count() as f64;
        let plain = course(&mut reserving(0.0, burst_secs), 60.0, 60.0, 1.0);
        let all = idle_until(&plain);
        let pace = 10.0 * share;
        let course = course(&mut reserving(share, burst_secs), 120.0, 60.0, pace * 0.95);
        let idle = idle_until(&course);
        assert!(
            idle >= 0.97 * all,
            "{share} {burst_secs}: {idle} of {all} while it was idle"
        );
        let longest = course.waits.iter().copied().fold(0.0, f64::max);
        let most = 0.12;
        assert!(
            longest <= most,
            "{share} {burst_secs}: the owner waited for {longest}"
        );
        let asked = 60.0 * pace * 0.95;
        let served = course.waits.len() as f64;
        assert!(
            served >= asked - 2.0,
            "{share} {burst_secs}: {served} of {asked}"
        );
        let busy = course.borrowed.len() as f64 - idle;
        let left = all * (1.0 - share);
        assert!(
            busy >= 0.9 * left - 20.0,
            "{share} {burst_secs}: {busy} beside it"
        );
    }
}

#[test]
fn beyond_its_share_an_owner_is_one_of_many() {
    let mut pool = reserving(0.2, 3.0);
    // It asks for five times what is kept for it, in the lowest class.
    let course = course(&mut pool, 60.0, 0.0, 10.0);
    let served = course.waits.len() - course.unserved;
    assert!(
        // Beside it, turns of the lowest class that has waited for long.
        (115..=190).contains(&served),
        "{served} of 120 that are kept"
    );
    let borrowed = course.borrowed.len() as f64;
    assert!(borrowed >= 0.6 * 600.0, "{borrowed} are left for others");
}

#[test]
fn what_is_kept_is_explained_and_told() {
    let mut pool = reserving(0.5, 3.0);
    while let Admission::Granted(lease) = {
        let ask = asking(&mut pool, at(0.0), BORROWER, Priority::High);
        pool.admit(at(0.0), ask, &Attempts::default())
    } {
        pool.settle(at(0.0), lease, &outcome(Fault::None));
    }
    let bucket = pool.view(at(0.0)).groups[0].accounts[0].buckets[0];
    assert!((14.0..=15.01).contains(&bucket.reserved), "{bucket:?}");
    let owner = asking(&mut pool, at(0.0), OWNER, Priority::Low);
    let explained = pool.explain(at(0.0), &owner);
    assert_eq!(explained.by, Some(crate::ask::ChosenBy::Reserve));
    assert_eq!(explained.held, None);
    let lease = granted(pool.admit(at(0.0), owner, &Attempts::default()));
    assert_eq!(lease.by, crate::ask::ChosenBy::Reserve);
    pool.settle(at(0.0), lease, &outcome(Fault::None));
}

#[test]
fn what_is_kept_is_told_and_not_granted_while_the_provider_is_overloaded() {
    let mut spec = spec(&[(1, Some(600)), (1, Some(600)), (1, Some(600))]);
    let part = ReserveSpec {
        account: AccountId(0),
        share: 0.5,
        owners: vec![OWNER],
    };
    spec.reserves = Reserves::new([part]);
    let mut pool = Pool::new(spec, at(0.0));
    let mut leases = Vec::new();
    while let Admission::Granted(lease) = {
        let ask = Ask {
            deadline: at(0.0),
            ..asking(&mut pool, at(0.0), BORROWER, Priority::High)
        };
        pool.admit(at(0.0), ask, &Attempts::default())
    } {
        leases.push(lease);
    }
    // What the provider was too busy for is charged to nobody.
    let (served, overloaded): (Vec<_>, Vec<_>) = leases
        .into_iter()
        .partition(|lease| lease.account == AccountId(0));
    for lease in served {
        pool.settle(at(0.0), lease, &outcome(Fault::None));
    }
    for lease in overloaded {
        pool.settle(at(0.0), lease, &outcome(Fault::Overloaded { wait: None }));
    }
    let owner = Ask {
        account: Some(AccountId(0)),
        ..asking(&mut pool, at(0.0), OWNER, Priority::Low)
    };
    let explained = pool.explain(at(0.0), &owner);
    assert!(
        matches!(
            explained.held,
            Some(crate::explain::Held::Overloaded { .. })
        ),
        "{explained:?}"
    );
    assert_eq!(explained.by, Some(crate::ask::ChosenBy::Reserve));
    assert_eq!(explained.accounts[0].out, None);
    waiting(pool.admit(at(0.0), owner, &Attempts::default()));
}

#[test]
fn accounts_that_are_one_keep_what_was_kept_of_both_and_a_reload_changes_it() {
    let mut spec = spec(&[(1, Some(600)), (1, Some(600))]);
    let part = |account: u32, owner: TenantId| ReserveSpec {
        account: AccountId(account),
        share: 0.2,
        owners: vec![owner],
    };
    spec.reserves = Reserves::new([part(0, OWNER), part(1, BORROWER)]);
    let mut pool = Pool::new(spec.clone(), at(0.0));
    let leases: Vec<Lease> = (0..8)
        .map(|_| granted(admit(&mut pool, at(0.0), 0.0)))
        .collect();
    for lease in leases {
        let told = Settlement {
            snapshot: Snapshot {
                account_fingerprint: Some(7),
                ..Snapshot::default()
            },
            ..outcome(Fault::None)
        };
        pool.answered(at(0.0), &lease, &told.snapshot);
        pool.settle(at(0.0), lease, &told);
    }
    let kept = |pool: &Pool| -> Vec<f64> {
        let view = pool.view(at(60.0));
        view.groups[0]
            .accounts
            .iter()
            .map(|it| it.buckets[0].reserved)
            .collect()
    };
    let merged = kept(&pool);
    assert!(
        merged.iter().any(|kept| (kept - 12.0).abs() < 0.1),
        "{merged:?}"
    );
    spec.reserves = Reserves::default();
    pool.reconfigure(at(60.0), spec);
    assert_eq!(kept(&pool), [0.0, 0.0]);
}
