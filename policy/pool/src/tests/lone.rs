//! One tenant's requests fail, whatever account they go to, and nobody else's do.

use super::*;

fn of_tenant(pool: &mut Pool, tenant: u32, now: Time) -> Ask {
    Ask {
        tenant: TenantId(tenant),
        ..ask(pool, now, 30.0)
    }
}

/// A request of `tenant`, sent as soon as it may be.
fn sent(pool: &mut Pool, tenant: u32, now: &mut Time) -> Lease {
    loop {
        let ask = of_tenant(pool, tenant, *now);
        match pool.admit(*now, ask, &Attempts::default()) {
            Admission::Granted(lease) => return lease,
            Admission::Waiting(ticket) => pool.cancel(*now, ticket),
            Admission::Refused(_) => {}
        }
        *now = now.after_secs(1.0);
    }
}

/// Tenant 1 asks three times and meets `fault`; tenant 2 is served in between as soon as anybody is.
fn alone(pool: &mut Pool, fault: Fault) -> Time {
    let mut now = at(0.0);
    for _ in 0..3 {
        let lease = sent(pool, 1, &mut now);
        now = now.after_secs(0.1);
        pool.settle(now, lease, &outcome(fault));
        for _ in 0..5 {
            now = now.after_secs(1.0);
            let lease = sent(pool, 2, &mut now);
            now = now.after_secs(0.1);
            pool.settle(now, lease, &outcome(Fault::None));
        }
    }
    now
}

#[test]
fn what_one_tenant_meets_alone_takes_no_account_from_the_others() {
    for fault in [
        Fault::RateLimited {
            wait: Some(Duration::from_secs(60)),
        },
        Fault::RateLimited { wait: None },
        Fault::Overloaded { wait: None },
        Fault::Broken { wait: None },
        Fault::ConnectionLost,
    ] {
        let mut pool = pool(&[(1, None), (1, None), (1, None)]);
        let mut now = alone(&mut pool, fault);
        for _ in 0..4 {
            let lease = sent(&mut pool, 1, &mut now);
            pool.settle(now, lease, &outcome(fault));
            let ask = of_tenant(&mut pool, 2, now);
            let admission = pool.admit(now, ask, &Attempts::default());
            let Admission::Granted(lease) = admission else {
                panic!("{fault:?}: {admission:?}");
            };
            pool.settle(now, lease, &outcome(Fault::None));
        }
    }
}

#[test]
fn who_is_refused_alone_is_sent_again_when_the_provider_says_and_one_at_a_time() {
    let mut pool = pool(&[(1, None), (1, None)]);
    let wait = Some(Duration::from_secs(60));
    let now = alone(&mut pool, Fault::RateLimited { wait }).after_secs(60.0);
    let first = of_tenant(&mut pool, 1, now);
    let lease = granted(pool.admit(now, first, &Attempts::default()));
    pool.settle(now, lease, &outcome(Fault::RateLimited { wait }));

    let second = of_tenant(&mut pool, 1, now);
    let refusal = refused(pool.admit(now, second, &Attempts::default()));

    let until = refusal.not_until.expect("it may ask again");
    assert!(until >= now.after_secs(60.0), "{refusal:?}");
    let third = of_tenant(&mut pool, 1, until);
    let lease = granted(pool.admit(until, third, &Attempts::default()));
    let fourth = of_tenant(&mut pool, 1, until);
    refused(pool.admit(until, fourth, &Attempts::default()));
    pool.settle(until, lease, &outcome(Fault::None));
    let fifth = of_tenant(&mut pool, 1, until);
    let _ = granted(pool.admit(until, fifth, &Attempts::default()));
}

#[test]
fn one_conversation_per_request_takes_no_account_from_the_others() {
    let mut pool = pool(&[(1, None), (1, None)]);
    let mut now = at(0.0);
    let mut waited = 0.0;
    for number in 0..60_u64 {
        let bad = Ask {
            affinity: Some(number),
            ..of_tenant(&mut pool, 1, now)
        };
        match pool.admit(now, bad, &Attempts::default()) {
            Admission::Granted(lease) => {
                pool.settle(now, lease, &outcome(Fault::RateLimited { wait: None }));
            }
            Admission::Waiting(ticket) => pool.cancel(now, ticket),
            Admission::Refused(_) => {}
        }
        for _ in 0..2 {
            let came = now;
            let lease = sent(&mut pool, 2, &mut now);
            if number >= 20 {
                waited += now.secs_since(came);
            }
            pool.settle(now, lease, &outcome(Fault::None));
            now = now.after_secs(0.2);
        }
    }
    assert!(waited < 0.001, "{waited} s");
}
