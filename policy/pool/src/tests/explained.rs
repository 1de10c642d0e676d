//! What the pool says of itself.

use keyweir_terms::ids::ModelId;

use super::*;
use crate::ask::ChosenBy;
use crate::explain::{AccountOut, Explanation, Held, KeyOut};

fn explain(pool: &mut Pool, now: Time) -> Explanation {
    let ask = ask(pool, now, 0.0);
    pool.explain(now, &ask)
}

fn explain_model(
    pool: &mut Pool,
    now: Time,
    model: (&str, Endpoint),
    ask: impl FnOnce(ModelId) -> Ask,
) -> (Explanation, Option<Time>) {
    let mut inquiry = pool.inquire(now, TenantId(0), model, ask);
    loop {
        if let Some(answer) = pool.answer(now, &mut inquiry) {
            return answer;
        }
    }
}

fn why(pool: &mut Pool, now: Time) -> Option<AccountOut> {
    explain(pool, now).accounts[0].out
}

/// A pool of one account with one key, after one request with this outcome.
fn after(rpm: Option<u64>, fault: Fault) -> Pool {
    let mut pool = pool(&[(1, rpm)]);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    pool.settle(at(0.0), lease, &outcome(fault));
    pool
}

/// The same after two requests: one is not believed.
fn after_two(rpm: Option<u64>, fault: Fault) -> Pool {
    let mut pool = after(rpm, fault);
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    pool.settle(at(0.0), lease, &outcome(fault));
    pool
}

#[test]
fn every_reason_is_told() {
    let wait = Some(Duration::from_secs(20));
    let mut cooling = after(Some(60), Fault::RateLimited { wait });
    assert_eq!(
        why(&mut cooling, at(1.0)),
        Some(AccountOut::CoolsDown { until: at(20.0) })
    );
    let mut poor = after_two(
        Some(60),
        Fault::OutOfMoney {
            wait: Some(Duration::from_secs(300)),
        },
    );
    assert_eq!(
        why(&mut poor, at(1.0)),
        Some(AccountOut::AccountOut {
            until: Some(at(300.0))
        })
    );
    let mut rejected = after_two(Some(60), Fault::KeyRejected);
    let explained = explain(&mut rejected, at(1.0));
    let AccountOut::KeysOut { until: Some(until) } = explained.accounts[0].out.unwrap() else {
        panic!("{explained:?}");
    };
    assert_eq!(
        explained.accounts[0].keys[0].out,
        Some(KeyOut::Rejected { until: Some(until) })
    );
    assert!(until > at(59.0), "{until:?}");
    let mut closed = pool(&[(1, Some(0))]);
    assert_eq!(why(&mut closed, at(0.0)), Some(AccountOut::LimitZero));
    let mut unknown = pool(&[(1, None)]);
    while let Admission::Granted(_) = admit(&mut unknown, at(0.0), 0.0) {}
    assert_eq!(
        why(&mut unknown, at(0.0)),
        Some(AccountOut::BusyWhileUnknown { until: at(0.25) })
    );
    let mut spent = pool(&[(1, Some(60))]);
    while let Admission::Granted(_) = admit(&mut spent, at(0.0), 0.0) {}
    let explained = explain(&mut spent, at(0.0));
    let Some(AccountOut::HeadroomTooSmall { until: Some(until) }) = explained.accounts[0].out
    else {
        panic!("{explained:?}");
    };
    assert!((0.99..=1.01).contains(&until.as_secs_f64()), "{until:?}");
    let headroom = explained.accounts[0].headroom[Dimension::Requests.index()].unwrap();
    assert_eq!((headroom.free, headroom.needed), (0.0, 1.0));
    assert_eq!(
        explained.accounts[0].headroom[Dimension::InputTokens.index()],
        None
    );
}

#[test]
fn a_model_that_is_denied_or_not_served_is_told() {
    let mut spec = spec(&[(1, Some(60_000)), (1, Some(600))]);
    let opus = "claude-opus-*".parse().expect("a pattern");
    spec.accounts.push(AccountSpec {
        keys: vec![KeyId(7)],
        models: ModelPatterns::new(vec![opus]).expect("one"),
        limits: Vec::new(),
    });
    let mut pool = Pool::new(spec, at(0.0));
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    assert_eq!(lease.account, AccountId(0));
    pool.settle(at(0.0), lease, &outcome(Fault::ModelDenied));
    let explained = explain(&mut pool, at(0.0));
    let out: Vec<_> = explained.accounts.iter().map(|it| it.out).collect();
    let expected = [
        Some(AccountOut::ModelDenied),
        None,
        Some(AccountOut::ModelNotServed),
    ];
    assert_eq!(out, expected);
    assert_eq!(explained.chosen, Some((AccountId(1), KeyId(1))));
    assert_eq!(explained.accounts[0].keys[0].out, Some(KeyOut::ModelDenied));
}

#[test]
fn what_holds_a_request_whatever_its_account_is_told() {
    let mut pool = pool(&[(1, Some(60_000)), (1, Some(60_000))]);
    let leases: Vec<_> = (0..6)
        .map(|_| granted(admit(&mut pool, at(0.0), 0.0)))
        .collect();
    for lease in leases {
        pool.settle(at(0.0), lease, &outcome(Fault::Overloaded { wait: None }));
    }
    let explained = explain(&mut pool, at(0.0));
    let Some(Held::Overloaded { until }) = explained.held else {
        panic!("{explained:?}");
    };
    let ask = ask(&mut pool, at(0.0), 30.0);
    let would = pool.would_admit(at(0.0), &ask, &Attempts::default());
    assert_eq!(would, Some(until));
    waiting(pool.admit(at(0.0), ask, &Attempts::default()));
    // The gate counts first; once it lets one through, those who wait do.
    assert!(explain(&mut pool, at(0.0)).held.is_some());
}

#[test]
fn an_account_that_has_cooled_down_counts_before_its_timer_has_run() {
    let mut pool = pool(&[(1, Some(6)), (1, Some(60))]);
    while let Admission::Granted(lease) = admit(&mut pool, at(0.0), 0.0) {
        let wait = Some(Duration::from_secs(2));
        let fault = match lease.account {
            AccountId(0) => Fault::None,
            _ => Fault::RateLimited { wait },
        };
        pool.settle(at(0.0), lease, &outcome(fault));
    }
    let ask = ask(&mut pool, at(3.5), 0.0);
    let would = |pool: &Pool, secs| pool.would_admit(at(secs), &ask, &Attempts::default());
    let later = would(&pool, 1.0).unwrap().as_secs_f64();
    // The account that has room then cools down until two seconds; the other has none before ten.
    assert_eq!(later, 2.0);
    assert_eq!(would(&pool, 3.5), Some(at(3.5)));
    let lease = granted(pool.admit(at(3.5), ask, &Attempts::default()));
    assert_eq!(lease.account, AccountId(1));
}

#[test]
fn a_full_waiting_room_counts_as_its_turn() {
    let mut pool = pool(&[(1, Some(60_000))]);
    while let Admission::Granted(_) = admit(&mut pool, at(0.0), 0.0) {}
    for _ in 0..100 {
        waiting(admit(&mut pool, at(0.0), 30.0));
    }
    let ask = ask(&mut pool, at(0.0), 30.0);
    let would = pool.would_admit(at(0.0), &ask, &Attempts::default());
    let refusal = refused(pool.admit(at(0.0), ask, &Attempts::default()));
    assert_eq!(refusal.reason, RefusalReason::RoomFull);
    assert_eq!(would, refusal.not_until);
}

#[test]
fn a_model_that_nobody_has_asked_for_is_explained_and_nothing_is_left_of_it() {
    let mut pool = pool(&[(1, Some(60))]);
    let known = ask(&mut pool, at(0.0), 0.0);
    let rows = |pool: &Pool| format!("{:?} {:?}", pool.groups, pool.shared.models);
    let before = rows(&pool);
    let asking = |model| Ask { model, ..known };
    for _ in 0..3 {
        let model = ("some-other-model", Endpoint::Inference);
        let (explained, turn) = explain_model(&mut pool, at(1.0), model, asking);
        assert_eq!(explained.chosen, Some((AccountId(0), KeyId(0))));
        assert_eq!(turn, Some(at(1.0)));
    }
    assert_eq!(rows(&pool), before);
    assert_eq!(pool.view(at(1.0)).groups.len(), 1);
    let added = pool.model(
        at(1.0),
        TenantId(0),
        "some-other-model",
        Endpoint::Inference,
    );
    pool.reconfigure(at(1.0), spec(&[(1, Some(60))]));
    let lease = granted(pool.admit(at(1.0), asking(added), &Attempts::default()));
    assert_eq!(lease.by, ChosenBy::Headroom);
    pool.settle(at(1.0), lease, &outcome(Fault::None));
}

#[test]
fn how_much_is_left_is_told_with_how_sure_that_is() {
    let mut spec = spec(&[(1, None)]);
    let mut limit = every_group(60);
    limit.per_minute = [None, None, Some(6_000), None];
    spec.accounts[AccountId(0)].limits.push(limit);
    let mut pool = Pool::new(spec, at(0.0));
    let output = |pool: &mut Pool| {
        let explained = explain(pool, at(0.0));
        let headroom = explained.accounts[0].headroom[Dimension::OutputTokens.index()];
        headroom.expect("its limit is declared")
    };
    let before = output(&mut pool);
    assert_eq!((before.sure, before.possible), (before.free, before.free));
    let lease = granted(admit(&mut pool, at(0.0), 0.0));
    let during = output(&mut pool);
    assert_eq!(
        during.possible, before.possible,
        "it has produced nothing yet"
    );
    assert!(
        during.sure <= during.free && during.sure < before.sure,
        "{during:?}"
    );
    pool.settle(at(0.0), lease, &outcome(Fault::None));
}

#[test]
fn a_pool_that_was_only_asked_to_explain_goes_on_as_if_it_was_not() {
    let mut pool = pool(&[(1, Some(60))]);
    let mut unasked = super::pool(&[(1, Some(60))]);
    let known = Ask {
        model: ModelId(0),
        ..ask(&mut super::pool(&[(1, None)]), at(0.0), 0.0)
    };
    for model in ["one", "other"] {
        let model = (model, Endpoint::Inference);
        explain_model(&mut pool, at(0.0), model, |model| Ask { model, ..known });
    }
    let everything = |pool: &Pool| format!("{pool:?}");
    assert!(
        everything(&pool) == everything(&unasked),
        "it has left something"
    );
    for pool in [&mut pool, &mut unasked] {
        pool.wake(at(1.0));
        pool.reconfigure(at(1.0), spec(&[(1, Some(60)), (1, None)]));
        let asked = Ask {
            request: known.request,
            ..ask(pool, at(2.0), 0.0)
        };
        let lease = granted(pool.admit(at(2.0), asked, &Attempts::default()));
        pool.settle(at(2.0), lease, &outcome(Fault::None));
    }
    assert!(
        everything(&pool) == everything(&unasked),
        "it goes on otherwise"
    );
}

#[test]
fn what_is_told_piece_by_piece_is_what_is_told_at_once() {
    let accounts: Vec<_> = (0..600).map(|n| (1 + n % 3, Some(60 + n as u64))).collect();
    let mut pool = pool(&accounts);
    let asked = ask(&mut pool, at(0.0), 0.0);
    for _ in 0..100 {
        let lease = granted(pool.admit(at(0.0), asked, &Attempts::default()));
        pool.settle(at(0.0), lease, &outcome(Fault::None));
    }
    let at_once = pool.explain(at(0.0), &asked);
    let model = ("claude-sonnet-4-5", Endpoint::Inference);
    let (in_pieces, turn) = explain_model(&mut pool, at(0.0), model, |_| asked);
    assert_eq!(in_pieces, at_once);
    assert_eq!(turn, Some(at(0.0)));
}

#[test]
fn a_reload_while_a_model_is_explained_hurts_nobody() {
    for new_accounts in [0, 1, 900] {
        let accounts = vec![(2, Some(60)); 600];
        let mut pool = pool(&accounts);
        let known = ask(&mut super::pool(&[(1, None)]), at(0.0), 0.0);
        let model = ("some-other-model", Endpoint::Inference);
        let mut inquiry = pool.inquire(at(0.0), TenantId(0), model, |_| known);
        let mut pieces = 0;
        let (explained, _) = loop {
            if let Some(answer) = pool.answer(at(0.0), &mut inquiry) {
                break answer;
            }
            pieces += 1;
            assert!(pieces < 100);
            if pieces % 2 == 1 {
                pool.reconfigure(at(0.0), spec(&vec![(3, Some(60)); new_accounts]));
            }
        };
        assert!(explained.accounts.len() <= 900);
    }
}
