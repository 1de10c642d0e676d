//! From one policy to the next.

use super::*;

/// The level of the requests' bucket of an account in the first group.
fn level(pool: &Pool, now: Time, account: AccountId) -> f64 {
    let view = pool.view(now);
    let mut accounts = view.groups[0].accounts.iter();
    let account = accounts.find(|it| it.account == account).unwrap();
    account.buckets[0].level
}

#[test]
fn who_stays_keeps_what_is_known_of_it() {
    let mut pool = pool(&[(1, Some(600)), (1, Some(600))]);
    let first = granted(admit(&mut pool, at(0.0), 0.0));
    let (account, key) = (first.account, first.key);
    let fault = Fault::RateLimited {
        wait: Some(Duration::from_secs(20)),
    };
    pool.settle(at(0.0), first, &outcome(fault));
    let other = granted(admit(&mut pool, at(0.0), 0.0));
    assert_ne!(other.account, account);
    // The other goes, a third comes; the first is told of more keys.
    let mut next = spec(&[]);
    for (id, keys) in [
        (account, vec![key, KeyId(9)]),
        (AccountId(5), vec![KeyId(4)]),
    ] {
        let of_account = AccountSpec {
            keys,
            models: ModelPatterns::any(),
            limits: vec![every_group(600)],
        };
        next.accounts.insert(id, of_account);
    }
    let before = level(&pool, at(0.0), account);
    pool.reconfigure(at(0.0), next.clone());
    assert_eq!(level(&pool, at(0.0), account), before);
    let lease = granted(admit(&mut pool, at(1.0), 0.0));
    assert_eq!(lease.account, AccountId(5), "the first still cools down");
    let gone = other.key;
    pool.settle(at(1.0), other, &outcome(Fault::None));
    pool.settle(at(1.0), lease, &outcome(Fault::None));
    for n in 0..20 {
        let now = at(21.0 + f64::from(n));
        let lease = granted(admit(&mut pool, now, 0.0));
        assert_ne!(lease.key, gone);
        pool.settle(now, lease, &outcome(Fault::None));
    }
    pool.reconfigure(at(50.0), next);
    assert_eq!(pool.account_of(gone), None);
}

#[test]
fn a_bucket_whose_limit_is_changed_stays_as_full_as_it_was() {
    let mut pool = pool(&[(1, Some(600))]);
    let leases: Vec<_> = (0..15)
        .map(|_| granted(admit(&mut pool, at(0.0), 0.0)))
        .collect();
    assert_eq!(level(&pool, at(0.0), AccountId(0)), 15.0);
    pool.reconfigure(at(0.0), spec(&[(1, Some(1_200))]));
    assert_eq!(level(&pool, at(0.0), AccountId(0)), 30.0);
    for lease in leases {
        pool.settle(at(0.0), lease, &outcome(Fault::None));
    }
}

#[test]
fn those_who_can_never_be_served_any_more_are_refused() {
    let mut pool = pool(&[(1, Some(60)), (1, Some(60))]);
    while let Admission::Granted(_) = admit(&mut pool, at(0.0), 0.0) {}
    let any = waiting(admit(&mut pool, at(0.0), 30.0));
    let mut follow_up = ask(&mut pool, at(0.0), 30.0);
    follow_up.account = Some(AccountId(1));
    let follow_up = waiting(pool.admit(at(0.0), follow_up, &Attempts::default()));
    pool.reconfigure(at(0.1), spec(&[(1, Some(60))]));
    let (decided, decision) = pool.next_decision().unwrap();
    assert_eq!(decided, follow_up);
    let refusal = decision.unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::AccountGone);
    assert_eq!(refusal.not_until, None);
    assert!(pool.next_decision().is_none());
    pool.reconfigure(at(0.2), spec(&[(1, Some(0))]));
    let (decided, decision) = pool.next_decision().unwrap();
    assert_eq!((decided, decision.unwrap_err().not_until), (any, None));
    assert_eq!(pool.waiting(), 0);
}

#[test]
fn accounts_that_turned_out_to_be_one_stay_so() {
    let mut pool = pool_of_one_account_twice();
    pool.reconfigure(at(0.0), spec(&[(1, Some(60)), (1, Some(60))]));
    assert_eq!(pool.account_count(), 1);
    pool.reconfigure(
        at(0.0),
        spec(&[(1, Some(60)), (1, Some(60)), (1, Some(60))]),
    );
    assert_eq!(pool.account_count(), 2);
}

#[test]
fn those_whose_tenant_is_gone_are_refused() {
    let mut policy = spec(&[(1, Some(60))]);
    policy.weights = [1.0, 1.0].into_iter().collect();
    let mut pool = Pool::new(policy.clone(), at(0.0));
    while let Admission::Granted(_) = admit(&mut pool, at(0.0), 0.0) {}
    let mut stays = ask(&mut pool, at(0.0), 30.0);
    stays.tenant = TenantId(0);
    let mut goes = stays;
    goes.tenant = TenantId(1);
    let stays = waiting(pool.admit(at(0.0), stays, &Attempts::default()));
    let goes = waiting(pool.admit(at(0.0), goes, &Attempts::default()));

    policy.weights = [1.0].into_iter().collect();
    pool.reconfigure(at(0.1), policy);

    let (decided, decision) = pool.next_decision().unwrap();
    assert_eq!(decided, goes);
    assert_eq!(decision.unwrap_err().reason, RefusalReason::TenantGone);
    assert!(pool.next_decision().is_none());
    pool.cancel(at(0.2), stays);
    assert_eq!(pool.waiting(), 0);
}

#[test]
fn those_whose_model_moves_wait_with_its_new_group() {
    let mut pool = pool(&[(1, Some(60))]);
    while let Admission::Granted(_) = admit(&mut pool, at(0.0), 0.0) {}
    let ticket = waiting(admit(&mut pool, at(0.0), 30.0));
    let model = pool.view(at(0.0)).groups[0].group.clone();

    // A group of its own, whose bucket nobody has used.
    let mut policy = spec(&[(1, Some(60))]);
    let all = ModelPatterns::any();
    policy.groups = vec![(format!("{model}-apart"), all)];
    pool.reconfigure(at(0.1), policy);

    let (decided, decision) = pool.next_decision().unwrap();
    assert_eq!(decided, ticket);
    let lease = decision.unwrap();
    pool.settle(at(0.1), lease, &outcome(Fault::None));
    assert_eq!(pool.waiting(), 0);
}

/// How many requests are granted at once.
fn granted_at_once(pool: &mut Pool) -> Vec<Lease> {
    let admit = || match admit(pool, at(0.0), 0.0) {
        Admission::Granted(lease) => Some(lease),
        _ => None,
    };
    std::iter::from_fn(admit).take(100).collect()
}

#[test]
fn of_what_nobody_has_told_each_gateway_takes_its_share() {
    let accounts = [(1, Some(600))];
    assert_eq!(granted_at_once(&mut pool(&accounts)).len(), 30);
    let mut shared = pool(&accounts);
    shared.share_among(at(0.0), Replicas::new(4));
    shared.reconfigure(at(0.0), spec(&accounts));
    let few = granted_at_once(&mut shared);
    assert_eq!(few.len(), 7);
    let waiting = waiting(admit(&mut shared, at(0.0), 30.0));
    // The others are gone: what would have been theirs is given at once to whoever waits.
    shared.share_among(at(0.0), Replicas::ONE);
    let (ticket, decision) = shared.next_decision().unwrap();
    assert_eq!(ticket, waiting);
    for lease in few.into_iter().chain([decision.unwrap()]) {
        shared.settle(at(0.0), lease, &outcome(Fault::None));
    }
}
