mod access;
mod driver;
mod evidence;
mod explained;
mod loads;
mod lone;
mod operated;
mod peers;
mod properties;
mod recalled;
mod reconfigured;
mod renewed;
mod reserved;
mod unheard;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyweir_health::retry_budget::RetryLimits;
use keyweir_queue::waiting_room::RoomLimits;
use keyweir_terms::amount::Dimension;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{AccountId, KeyId, RequestId, Ticket};
use keyweir_terms::replicas::Replicas;
use keyweir_terms::request::{Priority, RequestSize, Usage};
use keyweir_terms::table::Table;
use keyweir_terms::time::Time;

use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::TenantId;
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::snapshot::{Reading, Snapshot};

use crate::Pool;
use crate::access::Access;
use crate::ask::{Admission, Ask, Lease, Notice, Refusal, RefusalReason, Settlement};
use crate::attempts::Attempts;
use crate::spec::{AccountSpec, LimitScope, LimitSpec, PoolSpec};

/// A request that nobody has made before.
fn new_request() -> RequestId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    RequestId(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn at(secs: f64) -> Time {
    Time::ZERO.after_secs(secs)
}

/// Accounts with so many keys each, and so many requests per minute (none: unknown).
fn spec(accounts: &[(usize, Option<u64>)]) -> PoolSpec {
    let mut keys = (0..).map(KeyId);
    PoolSpec {
        dialect: Dialect::Anthropic,
        groups: Vec::new(),
        accounts: accounts
            .iter()
            .map(|&(of_account, rpm)| AccountSpec {
                keys: keys.by_ref().take(of_account).collect(),
                models: ModelPatterns::any(),
                limits: rpm.map(every_group).into_iter().collect(),
            })
            .collect(),
        access: Access::default(),
        reserves: crate::reserves::Reserves::default(),
        weights: Table::default(),
        room: RoomLimits {
            requests_max: 100,
            per_tenant_max: 100,
            bytes_max: 1 << 20,
        },
        retry: RetryLimits::default(),
        replicas: Replicas::ONE,
        seed: 7,
    }
}

/// So many requests per minute in every group.
fn every_group(rpm: u64) -> LimitSpec {
    LimitSpec {
        scope: LimitScope::EveryGroup,
        per_minute: [Some(rpm), None, None, None],
        burst_secs: Some(3.0),
    }
}

fn pool(accounts: &[(usize, Option<u64>)]) -> Pool {
    Pool::new(spec(accounts), at(0.0))
}

fn ask(pool: &mut Pool, now: Time, patience: f64) -> Ask {
    Ask {
        request: new_request(),
        tenant: TenantId(0),
        model: pool.model(now, TenantId(0), "claude-sonnet-4-5", Endpoint::Inference),
        priority: Priority::Normal,
        size: RequestSize {
            text_bytes: 400,
            media_tokens: 0,
            output_max: Some(100),
        },
        affinity: None,
        account: None,
        arrived: now,
        deadline: now.after_secs(patience),
        body_bytes: 400,
    }
}

fn admit(pool: &mut Pool, now: Time, patience: f64) -> Admission {
    let ask = ask(pool, now, patience);
    pool.admit(now, ask, &Attempts::default())
}

fn granted(admission: Admission) -> Lease {
    match admission {
        Admission::Granted(lease) => lease,
        other => panic!("not granted: {other:?}"),
    }
}

fn waiting(admission: Admission) -> Ticket {
    match admission {
        Admission::Waiting(ticket) => ticket,
        other => panic!("not waiting: {other:?}"),
    }
}

fn refused(admission: Admission) -> Refusal {
    match admission {
        Admission::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn outcome(fault: Fault) -> Settlement {
    Settlement {
        fault,
        snapshot: Snapshot::default(),
        usage: Usage::default(),
        sent: true,
    }
}

/// Two accounts of one key each, which have turned out to be one.
fn pool_of_one_account_twice() -> Pool {
    let mut pool = pool(&[(1, Some(60)), (1, Some(60))]);
    let snapshot = Snapshot {
        account_fingerprint: Some(99),
        ..Snapshot::default()
    };
    for _ in 0..2 {
        let lease = granted(admit(&mut pool, at(0.0), 0.0));
        pool.answered(at(0.0), &lease, &snapshot);
        pool.settle(at(0.0), lease, &outcome(Fault::None));
    }
    pool
}

#[test]
fn requests_spread_in_proportion_to_the_headroom() {
    let mut pool = pool(&[(1, Some(6000)), (1, Some(600))]);
    let mut counts = [0; 2];
    for _ in 0..110 {
        let lease = granted(admit(&mut pool, at(0.0), 0.0));
        counts[lease.account.index()] += 1;
        pool.settle(at(0.0), lease, &outcome(Fault::None));
    }
    assert!((98..=102).contains(&counts[0]), "{counts:?}");
}

#[test]
fn accounts_that_cool_down_are_spent_and_keys_that_are_rejected_are_out() {
    let wait = Some(Duration::from_secs(100));
    for (fault, requests, reason) in [
        (Fault::RateLimited { wait }, 2, RefusalReason::Exhausted),
        // The last key is out when two requests say so.
        (Fault::KeyRejected, 3, RefusalReason::KeysRejected),
        (Fault::AccountDisabled, 3, RefusalReason::AccountsOut),
    ] {
        let mut pool = pool(&[(1, None), (1, None)]);
        for _ in 0..requests {
            let lease = granted(admit(&mut pool, at(0.0), 0.0));
            pool.settle(at(0.0), lease, &outcome(fault));
        }
        let refusal = refused(admit(&mut pool, at(0.0), 30.0));
        assert_eq!(refusal.reason, reason);
        assert!(refusal.not_until > Some(at(30.0)), "{refusal:?}");
    }
}

#[test]
fn a_request_too_large_for_every_account_is_refused_at_once_and_for_good() {
    let mut pool = pool(&[(1, None), (1, None)]);
    let ask = ask(&mut pool, at(0.0), 30.0);
    let mut attempts = Attempts::default();
    for _ in 0..2 {
        let lease = granted(pool.admit(at(0.0), ask, &attempts));
        attempts.count();
        attempts.note_exceeded(lease.account);
        pool.settle(at(0.0), lease, &outcome(Fault::TooLargeForLimit));
    }
    let refusal = refused(pool.admit(at(0.0), ask, &attempts));
    assert_eq!(refusal.not_until, None);
}

#[test]
fn a_refusal_says_when_and_is_true() {
    let mut pool = pool(&[(1, Some(60))]);
    for _ in 0..3 {
        let _lease = granted(admit(&mut pool, at(0.0), 0.0));
    }
    let refusal = refused(admit(&mut pool, at(0.0), 0.0));
    assert_eq!(refusal.reason, RefusalReason::Exhausted);
    let until = refusal.not_until.unwrap();
    assert!((0.99..=1.01).contains(&until.as_secs_f64()), "{until:?}");
    assert_eq!(refusal.retry_after(at(0.0)), Some(Duration::from_secs(1)));
    let _lease = granted(admit(&mut pool, until, 0.0));
}

#[test]
fn waiters_are_served_in_turn_as_the_bucket_refills() {
    let mut pool = pool(&[(1, Some(60))]);
    for _ in 0..3 {
        let _lease = granted(admit(&mut pool, at(0.0), 0.0));
    }
    let tickets: Vec<_> = (0..3)
        .map(|_| waiting(admit(&mut pool, at(0.0), 30.0)))
        .collect();
    let mut served = Vec::new();
    let mut now = at(0.0);
    for _ in 0..3 {
        now = pool.next_wake(now).unwrap();
        pool.wake(now);
        let (ticket, decision) = pool.next_decision().unwrap();
        served.push((ticket, now.as_secs_f64().round() as u64));
        let _lease = decision.unwrap();
        assert!(pool.next_decision().is_none());
    }
    let expected: Vec<_> = tickets.into_iter().zip(1..).collect();
    assert_eq!(served, expected);
    assert_eq!(pool.next_wake(now), None);
}

#[test]
fn patience_ends_with_a_refusal_that_says_when() {
    let mut pool = pool(&[(1, Some(60))]);
    let leases: Vec<_> = (0..3)
        .map(|_| granted(admit(&mut pool, at(0.0), 0.0)))
        .collect();
    let ticket = waiting(admit(&mut pool, at(0.0), 1.5));
    for lease in leases {
        let fault = Fault::RateLimited {
            wait: Some(Duration::from_secs(20)),
        };
        pool.settle(at(0.5), lease, &outcome(fault));
    }
    let wake = pool.next_wake(at(0.5)).unwrap();
    assert_eq!(wake, at(1.5));
    pool.wake(wake);
    let (decided, refusal) = pool.next_decision().unwrap();
    assert_eq!(decided, ticket);
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::PatienceOver);
    assert_eq!(refusal.not_until, Some(at(20.5)));
}

#[test]
fn requests_that_can_never_be_served_are_refused_at_once() {
    let mut pool = pool(&[(1, Some(60))]);
    for _ in 0..3 {
        let _lease = granted(admit(&mut pool, at(0.0), 0.0));
    }
    for _ in 0..10 {
        waiting(admit(&mut pool, at(0.0), 10.5));
    }
    let refusal = refused(admit(&mut pool, at(0.0), 5.0));
    assert_eq!(refusal.reason, RefusalReason::Exhausted);
    assert!(refusal.not_until.unwrap() > at(5.0));
}

#[test]
fn a_full_room_refuses() {
    let mut pool = pool(&[(1, Some(60_000))]);
    while let Admission::Granted(_) = admit(&mut pool, at(0.0), 0.0) {}
    for _ in 0..100 {
        waiting(admit(&mut pool, at(0.0), 30.0));
    }
    let refusal = refused(admit(&mut pool, at(0.0), 30.0));
    assert_eq!(refusal.reason, RefusalReason::RoomFull);
}

#[test]
fn the_last_places_are_kept_for_tenants_that_hold_few() {
    let mut spec = spec(&[(1, Some(60_000))]);
    spec.weights = [1.0, 1.0].into_iter().collect();
    spec.room.per_tenant_max = 30;
    let mut pool = Pool::new(spec, at(0.0));
    while let Admission::Granted(_) = admit(&mut pool, at(0.0), 0.0) {}
    let mut places = |tenant| {
        let mut come = || {
            let mut ask = ask(&mut pool, at(0.0), 30.0);
            ask.tenant = TenantId(tenant);
            pool.admit(at(0.0), ask, &Attempts::default())
        };
        std::iter::from_fn(|| match come() {
            Admission::Waiting(_) => Some(()),
            _ => None,
        })
        .count()
    };
    assert_eq!((places(0), places(1), places(0)), (70, 30, 0));
}

#[test]
fn a_retry_is_let_into_a_full_room() {
    let mut pool = pool(&[(1, Some(60_000))]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    while let Admission::Granted(_) = admit(&mut pool, at(0.0), 0.0) {}
    for _ in 0..100 {
        waiting(admit(&mut pool, at(0.0), 30.0));
    }
    let mut attempts = Attempts::default();
    attempts.count();
    pool.settle(at(0.0), lease, &outcome(Fault::RateLimited { wait: None }));
    let ask = ask(&mut pool, at(0.0), 30.0);
    waiting(pool.admit(at(0.0), ask, &attempts));
}

#[test]
fn the_rooms_of_all_models_have_one_bound() {
    let mut pool = pool(&[(1, Some(600))]);
    let models = [
        "claude-opus-4-1",
        "claude-sonnet-4-5",
        "claude-3-5-haiku-latest",
    ];
    let mut waiting = 0;
    let refusal = (0..1000)
        .find_map(|n| {
            let mut ask = ask(&mut pool, at(0.0), 30.0);
            ask.model = pool.model(at(0.0), TenantId(0), models[n % 3], Endpoint::Inference);
            ask.tenant = TenantId(n as u32);
            match pool.admit(at(0.0), ask, &Attempts::default()) {
                Admission::Refused(refusal) => Some(refusal),
                Admission::Waiting(_) => {
                    waiting += 1;
                    None
                }
                Admission::Granted(_) => None,
            }
        })
        .unwrap();
    assert_eq!((waiting, refusal.reason), (100, RefusalReason::RoomFull));
}

#[test]
fn an_account_of_which_nothing_is_known_gets_few_requests_until_it_answers() {
    let mut pool = pool(&[(1, None)]);
    let mut leases = Vec::new();
    while let Admission::Granted(lease) = admit(&mut pool, at(0.0), 0.0) {
        leases.push(lease);
    }
    assert_eq!(leases.len(), 4);
    let ticket = waiting(admit(&mut pool, at(0.0), 30.0));
    pool.answered(at(0.3), &leases[0], &Snapshot::default());
    let (decided, decision) = pool.next_decision().unwrap();
    assert_eq!(decided, ticket);
    let _lease = decision.unwrap();
}

#[test]
fn the_first_snapshot_tells_what_an_account_can_take() {
    let mut pool = pool(&[(1, None)]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let mut snapshot = Snapshot::default();
    snapshot.readings[Dimension::Requests.index()] = Some(Reading {
        limit: Some(120),
        remaining: Some(2),
        reset: Some(Duration::ZERO),
        reset_grain: Duration::ZERO,
        window: Duration::from_secs(60),
        remaining_grain: 0,
    });
    pool.answered(at(0.1), &lease, &snapshot);
    let _second = granted(admit(&mut pool, at(0.1), 0.0));
    let _third = granted(admit(&mut pool, at(0.1), 0.0));
    refused(admit(&mut pool, at(0.1), 0.0));
}

#[test]
fn a_rejected_key_is_out_in_every_group_and_comes_back_by_a_probe() {
    let mut pool = pool(&[(1, Some(60_000)), (1, Some(6000))]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let out = lease.key;
    pool.settle(at(0.0), lease, &outcome(Fault::KeyRejected));
    assert_eq!(pool.next_notice(), Some(Notice::KeyOut(out)));
    for model in ["claude-sonnet-4-5", "claude-opus-4-1"] {
        let mut ask = ask(&mut pool, at(1.0), 0.0);
        ask.model = pool.model(at(1.0), TenantId(0), model, Endpoint::Inference);
        let lease = granted(pool.admit(at(1.0), ask, &Attempts::default()));
        assert_ne!(lease.key, out);
        pool.settle(at(1.0), lease, &outcome(Fault::None));
    }
    let later = at(130.0);
    let lease = granted(admit(&mut pool, later, 0.0));
    assert_eq!(lease.key, out, "the idle key has the most headroom");
    pool.settle(later, lease, &outcome(Fault::None));
    assert_eq!(pool.next_notice(), Some(Notice::KeyBack(out)));
}

#[test]
fn a_key_is_back_when_the_answer_to_its_probe_begins() {
    let mut pool = pool(&[(1, Some(60_000)), (1, Some(60_000))]);
    let mut there = ask(&mut pool, at(0.0), 0.0);
    there.account = Some(AccountId(0));
    let mut admit = |pool: &mut Pool, secs| {
        there.request = new_request();
        there.arrived = at(secs);
        there.deadline = at(secs);
        pool.admit(at(secs), there, &Attempts::default())
    };
    // Its only key serves no request of any kind for a while.
    for _ in 0..3 {
        let lease = granted(admit(&mut pool, 0.0));
        pool.settle(at(0.0), lease, &outcome(Fault::Broken { wait: None }));
    }
    refused(admit(&mut pool, 0.1));
    let probe = granted(admit(&mut pool, 5.0));
    // Nobody knows how that ends, and it may take minutes.
    refused(admit(&mut pool, 5.0));
    pool.answered(at(6.0), &probe, &Snapshot::default());
    let next = granted(admit(&mut pool, 6.0));
    pool.answered(at(7.0), &next, &Snapshot::default());
    // Two at a time, and no more until they answer.
    let two = [(); 2].map(|()| granted(admit(&mut pool, 7.0)));
    refused(admit(&mut pool, 7.0));
    for lease in two.into_iter().chain([probe, next]) {
        pool.settle(at(8.0), lease, &outcome(Fault::None));
    }
}

#[test]
fn a_key_that_may_not_use_a_model_is_left_out_of_it_while_others_may() {
    let mut pool = pool(&[(1, Some(60_000)), (1, Some(600))]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let denied = lease.key;
    pool.settle(at(0.0), lease, &outcome(Fault::ModelDenied));
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    assert_ne!(lease.key, denied);
    let mut other = ask(&mut pool, at(0.0), 0.0);
    other.model = pool.model(
        at(0.0),
        TenantId(0),
        "claude-sonnet-4-0",
        Endpoint::Inference,
    );
    let elsewhere = granted(pool.admit(at(0.0), other, &Attempts::default()));
    assert_eq!(
        elsewhere.key, denied,
        "other models of the group are not concerned"
    );
    // Denied everywhere: the provider's own answer is what the client should see.
    pool.settle(at(0.0), lease, &outcome(Fault::ModelDenied));
    let _lease = granted(admit(&mut pool, at(0.0), 0.0));
}

#[test]
fn a_client_cannot_take_a_model_from_a_key_that_serves_it() {
    let mut pool = pool(&[(1, Some(60_000)), (1, Some(60))]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let proven = lease.key;
    pool.settle(at(0.0), lease, &outcome(Fault::None));
    for _ in 0..3 {
        let lease = granted(admit(&mut pool, at(0.0), 0.0));
        assert_eq!(lease.key, proven);
        pool.settle(at(0.0), lease, &outcome(Fault::ModelDenied));
    }
    assert_eq!(granted(admit(&mut pool, at(0.0), 0.0)).key, proven);
}

#[test]
fn a_failed_request_goes_elsewhere_first() {
    let mut pool = pool(&[(1, Some(60_000)), (1, Some(600))]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let failed = lease.key;
    let mut attempts = Attempts::default();
    attempts.count();
    attempts.broke_down(at(0.0), failed, at(1.0));
    pool.settle(at(0.0), lease, &outcome(Fault::Broken { wait: None }));
    let ask = ask(&mut pool, at(0.0), 30.0);
    let lease = granted(pool.admit(at(0.0), ask, &attempts));
    assert_ne!(lease.key, failed);
}

#[test]
fn a_follow_up_goes_to_its_account_or_nowhere() {
    let mut pool = pool(&[(1, Some(600)), (1, Some(60_000))]);
    let mut ask = ask(&mut pool, at(0.0), 0.0);
    ask.account = Some(AccountId(0));
    let lease = granted(pool.admit(at(0.0), ask, &Attempts::default()));
    assert_eq!(lease.account, AccountId(0));
    ask.account = Some(AccountId(9));
    let refusal = refused(pool.admit(at(0.0), ask, &Attempts::default()));
    assert_eq!(
        (refusal.reason, refusal.not_until),
        (RefusalReason::AccountGone, None)
    );
}

#[test]
fn a_conversation_stays_with_its_account() {
    let mut pool = pool(&[(1, Some(6000)), (1, Some(6000))]);
    let mut first = ask(&mut pool, at(0.0), 0.0);
    first.affinity = Some(42);
    let lease = granted(pool.admit(at(0.0), first, &Attempts::default()));
    let home = lease.account;
    pool.settle(at(0.0), lease, &outcome(Fault::None));
    for _ in 0..20 {
        let lease = granted(pool.admit(at(0.0), first, &Attempts::default()));
        assert_eq!(lease.account, home);
        pool.settle(at(0.0), lease, &outcome(Fault::None));
    }
}

#[test]
fn accounts_that_turn_out_to_be_one_share_one_budget() {
    let mut pool = pool_of_one_account_twice();
    assert!(matches!(pool.next_notice(), Some(Notice::SameAccount(..))));
    let mut more = 0;
    while let Admission::Granted(lease) = admit(&mut pool, at(0.0), 0.0) {
        pool.settle(at(0.0), lease, &outcome(Fault::None));
        more += 1;
    }
    assert_eq!(
        more, 2,
        "three in one bucket, of which one was used under each name"
    );
}

#[test]
fn an_account_with_a_limit_of_zero_serves_nothing() {
    let mut pool = pool(&[(1, Some(0))]);
    let refusal = refused(admit(&mut pool, at(0.0), 30.0));
    assert_eq!(refusal.not_until, None);
}

#[test]
fn invented_model_names_do_not_grow_without_bound() {
    let mut pool = pool(&[(1, Some(600))]);
    for n in 0..5_000 {
        pool.model(
            at(0.0),
            TenantId(0),
            &format!("model-{n}"),
            Endpoint::Inference,
        );
    }
    assert!(pool.groups.len() <= 257, "{}", pool.groups.len());
}

#[test]
fn a_limit_for_a_model_is_its_groups() {
    for (named, asked, applies) in [
        ("claude-haiku-4-5", "claude-haiku-4-5", true),
        ("claude-haiku-4-5", "claude-haiku-4-1-20260101", true),
        ("claude-haiku-*", "claude-haiku-4-5", true),
        ("claude-opus-4-5", "claude-haiku-4-5", false),
    ] {
        let mut spec = spec(&[(1, Some(60))]);
        let pattern = named.parse().expect("a pattern");
        let patterns = ModelPatterns::new(vec![pattern]).expect("one");
        spec.accounts[AccountId(0)].limits[0].scope = LimitScope::Models(patterns);
        assert_eq!(
            spec.limit(AccountId(0), asked).is_some(),
            applies,
            "{named} {asked}"
        );
    }
}

#[test]
fn a_full_table_of_models_widens_no_permission() {
    let only = |pattern: &str| {
        let pattern = pattern.parse().expect("a pattern");
        ModelPatterns::new(vec![pattern]).expect("one")
    };
    let mut spec = spec(&[(1, None), (1, None)]);
    spec.accounts[AccountId(0)].models = only("good-*");
    spec.accounts[AccountId(1)].models = only("fair-*");
    let mut pool = Pool::new(spec, at(0.0));
    for number in 0..3_000 {
        pool.model(
            at(0.0),
            TenantId(0),
            &format!("evil-{number}"),
            Endpoint::Inference,
        );
    }
    for (name, account) in [
        ("evil-late", None),
        ("good-late", Some(0)),
        ("fair-late", Some(1)),
        ("good-later", Some(0)),
        ("evil-later", None),
    ] {
        let asked = ask(&mut pool, at(0.0), 0.0);
        let asked = Ask {
            model: pool.model(at(0.0), TenantId(0), name, Endpoint::Inference),
            ..asked
        };
        match pool.admit(at(0.0), asked, &Attempts::default()) {
            Admission::Granted(lease) => {
                assert_eq!(Some(lease.account.0), account, "{name}");
            }
            Admission::Refused(refusal) => {
                assert_eq!(refusal.reason, RefusalReason::NoSuchModel, "{name}");
                assert_eq!(account, None, "{name}");
            }
            Admission::Waiting(_) => panic!("{name} waits"),
        }
    }
}

#[test]
fn who_invents_names_pushes_out_its_own_and_nothing_that_is_in_use() {
    let mut pool = pool(&[(1, Some(600))]);
    let named = |pool: &mut Pool, tenant: u32, name: &str| {
        pool.model(at(0.0), TenantId(tenant), name, Endpoint::Inference)
    };
    let (used, unused) = (
        named(&mut pool, 1, "claude-used"),
        named(&mut pool, 1, "unused"),
    );
    let mut asked = ask(&mut pool, at(0.0), 0.0);
    asked.model = named(&mut pool, 7, "evil-in-use");
    let in_use = asked.model;
    let lease = granted(pool.admit(at(0.0), asked, &Attempts::default()));
    for number in 0..10_000 {
        named(&mut pool, 7, &format!("evil-{number}"));
        // The other tenant's names are its own still, and so is what a lease is of.
        if number % 1_000 == 0 {
            assert_eq!(named(&mut pool, 1, "claude-used"), used);
        }
    }
    assert_eq!(named(&mut pool, 1, "unused"), unused);
    assert_eq!(named(&mut pool, 7, "evil-in-use"), in_use);
    // Another one gets a name of its own, whoever has filled the table.
    let late = named(&mut pool, 2, "late");
    let later = named(&mut pool, 2, "later");
    assert!(late != later && named(&mut pool, 2, "late") == late);
    pool.settle(at(1.0), lease, &outcome(Fault::None));
}

#[test]
fn a_tenant_leaves_groups_for_others_to_bring() {
    let mut pool = pool(&[(1, Some(600))]);
    for number in 0..3_000 {
        let name = format!("evil{number}-model");
        pool.model(at(0.0), TenantId(7), &name, Endpoint::Inference);
    }
    let before = pool.groups.len();
    for name in ["claude-opus-4-1", "gpt-5"] {
        pool.model(at(0.0), TenantId(1), name, Endpoint::Inference);
    }
    assert_eq!(pool.groups.len(), before + 2);
}

#[test]
fn a_probe_that_is_given_up_is_left_to_every_group() {
    let mut pool = pool(&[(1, Some(600))]);
    for _ in 0..2 {
        let lease = granted(admit(&mut pool, at(0.0), 0.0));
        pool.settle(at(0.0), lease, &outcome(Fault::KeyRejected));
    }
    let later = at(130.0);
    let probe = granted(admit(&mut pool, later, 0.0));
    let mut other = ask(&mut pool, later, 30.0);
    other.model = pool.model(later, TenantId(0), "claude-opus-4-1", Endpoint::Inference);
    let ticket = waiting(pool.admit(later, other, &Attempts::default()));
    pool.settle(later, probe, &outcome(Fault::ClientLeft));
    let (decided, decision) = pool.next_decision().unwrap();
    assert_eq!(decided, ticket);
    let _lease = decision.unwrap();
}

#[test]
fn a_follow_up_to_a_merged_account_goes_to_the_one_that_has_its_keys() {
    let mut pool = pool_of_one_account_twice();
    for account in [AccountId(0), AccountId(1)] {
        let mut ask = ask(&mut pool, at(10.0), 0.0);
        ask.account = Some(account);
        let lease = granted(pool.admit(at(10.0), ask, &Attempts::default()));
        assert_eq!(pool.account_of(lease.key), Some(lease.account));
        pool.settle(at(10.0), lease, &outcome(Fault::None));
    }
    assert_eq!(pool.account_count(), 1);
}
