//! Tenants that may use some accounts only.

use super::*;
use crate::explain::AccountOut;

const FEW: TenantId = TenantId(1);

/// Accounts with so many requests per minute, of which [`FEW`] may use these.
fn restricted(accounts: &[u64], allowed: &[u32]) -> PoolSpec {
    let accounts: Vec<_> = accounts.iter().map(|rpm| (1, Some(*rpm))).collect();
    let allowed = allowed.iter().copied().map(AccountId).collect();
    PoolSpec {
        access: Access::new([(FEW, allowed)].into_iter()),
        ..spec(&accounts)
    }
}

fn ask_of(pool: &mut Pool, tenant: TenantId, now: Time, patience: f64) -> Ask {
    Ask {
        tenant,
        ..ask(pool, now, patience)
    }
}

fn admit_of(pool: &mut Pool, tenant: TenantId, now: Time, patience: f64) -> Admission {
    let ask = ask_of(pool, tenant, now, patience);
    pool.admit(now, ask, &Attempts::default())
}

#[test]
fn a_tenant_is_served_by_its_accounts_alone_and_waits_for_them() {
    let mut pool = Pool::new(restricted(&[6_000, 60], &[1]), at(0.0));
    // A bucket of three seconds' refill.
    for _ in 0..3 {
        let lease = granted(admit_of(&mut pool, FEW, at(0.0), 30.0));
        assert_eq!(lease.account, AccountId(1));
        pool.settle(at(0.0), lease, &outcome(Fault::None));
    }
    let ask = ask_of(&mut pool, FEW, at(0.0), 30.0);
    let turn = pool.would_admit(at(0.0), &ask, &Attempts::default());
    let turn = turn.expect("it has a turn").as_secs_f64();
    assert!((0.9..1.1).contains(&turn), "{turn}");
    let ticket = waiting(admit_of(&mut pool, FEW, at(0.0), 30.0));
    pool.wake(at(1.1));
    let (decided, lease) = pool.next_decision().expect("its turn has come");
    assert_eq!(decided, ticket);
    assert_eq!(lease.expect("a lease").account, AccountId(1));
}

#[test]
fn who_waits_for_its_own_accounts_keeps_nobody_from_the_others() {
    let mut pool = Pool::new(restricted(&[6_000, 60], &[1]), at(0.0));
    for _ in 0..3 {
        drop(granted(admit_of(&mut pool, FEW, at(0.0), 60.0)));
    }
    // More of them than are looked at.
    for _ in 0..40 {
        waiting(admit_of(&mut pool, FEW, at(0.0), 60.0));
    }
    for _ in 0..20 {
        let lease = granted(admit_of(&mut pool, TenantId(0), at(0.0), 60.0));
        assert_eq!(lease.account, AccountId(0));
    }
}

#[test]
fn where_none_of_its_accounts_serves_the_model_a_tenant_is_told_so() {
    let mut pool = Pool::new(restricted(&[60, 60], &[]), at(0.0));
    let refusal = refused(admit_of(&mut pool, FEW, at(0.0), 30.0));
    let never = Refusal {
        not_until: None,
        reason: RefusalReason::NoSuchModel,
    };
    assert_eq!(refusal, never);
    let mut pool = Pool::new(restricted(&[60, 60], &[1]), at(0.0));
    let mut ask = ask_of(&mut pool, FEW, at(0.0), 30.0);
    ask.account = Some(AccountId(0));
    let refusal = refused(pool.admit(at(0.0), ask, &Attempts::default()));
    assert_eq!(refusal.reason, RefusalReason::AccountGone);
}

#[test]
fn a_reload_lets_a_tenant_use_others_and_refuses_who_waits_for_nobody() {
    let mut pool = Pool::new(restricted(&[6_000, 60], &[1]), at(0.0));
    for _ in 0..3 {
        drop(granted(admit_of(&mut pool, FEW, at(0.0), 60.0)));
    }
    let first = waiting(admit_of(&mut pool, FEW, at(0.0), 60.0));
    pool.reconfigure(at(0.1), restricted(&[6_000, 60], &[0, 1]));
    let (decided, lease) = pool.next_decision().expect("there is room on the other");
    assert_eq!(decided, first);
    assert_eq!(lease.expect("a lease").account, AccountId(0));

    let mut pool = Pool::new(restricted(&[6_000, 60], &[1]), at(0.0));
    for _ in 0..3 {
        drop(granted(admit_of(&mut pool, FEW, at(0.0), 60.0)));
    }
    let ticket = waiting(admit_of(&mut pool, FEW, at(0.0), 60.0));
    pool.reconfigure(at(0.1), restricted(&[6_000, 60], &[]));
    let (decided, refusal) = pool.next_decision().expect("it waits for nothing");
    assert_eq!(decided, ticket);
    assert_eq!(
        refusal.expect_err("refused").reason,
        RefusalReason::NoSuchModel
    );
}

#[test]
fn an_explanation_tells_which_accounts_are_not_the_tenants() {
    let mut pool = Pool::new(restricted(&[6_000, 60], &[1]), at(0.0));
    let ask = ask_of(&mut pool, FEW, at(0.0), 30.0);
    let explained = pool.explain(at(0.0), &ask);
    let out: Vec<_> = explained.accounts.iter().map(|it| it.out).collect();
    assert_eq!(out, [Some(AccountOut::TenantNotAllowed), None]);
    assert_eq!(explained.chosen, Some((AccountId(1), KeyId(1))));
}
