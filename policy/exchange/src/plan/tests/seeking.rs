//! Which accounts are asked for a thing, and what is said where none knows it.

use super::*;

#[test]
fn what_another_account_made_is_sought_on_and_charges_nobody() {
    let unknown = (Fault::ReferenceUnknown, Some(400));
    let candidates = [holder(0, 0), holder(0, 1), holder(0, 2)];
    let mut house = House::new(&[3], RetryLimits::default());
    let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
    let end = house.drive(&mut seeking, |sent| match sent.account {
        AccountId(2) => GOOD,
        _ => unknown,
    });
    assert_eq!(end, End::Answered);
    assert_eq!(asked(&house), candidates);
}

#[test]
fn what_is_not_known_at_a_known_home_is_the_clients_to_hear() {
    let mut house = House::new(&[3], RetryLimits::default());
    let mut plan = plan(0, Home::Known(AccountId(2)), [].into());
    assert_eq!(house.drive(&mut plan, |_| UNKNOWN), End::Relayed(UNKNOWN));
    assert_eq!(asked(&house), [holder(0, 2)]);
    assert!(!plan.is_sought());
}

#[test]
fn what_nobody_remembers_is_sought_from_account_to_account_over_providers() {
    let candidates = [holder(0, 0), holder(0, 1), holder(1, 0), holder(1, 1)];
    let mut house = House::new(&[2, 2], RetryLimits::default());
    let mut first = plan(0, Home::sought(candidates.into_iter()), [].into());
    let end = house.drive(&mut first, |sent| match sent.provider {
        ProviderId(1) if sent.account == AccountId(1) => GOOD,
        _ => UNKNOWN,
    });
    assert_eq!(end, End::Answered);
    assert_eq!(asked(&house), candidates);
    assert!(first.is_sought() && !first.progress().fell_back);

    let mut house = House::new(&[2, 2], RetryLimits::default());
    let mut nowhere = plan(0, Home::sought(candidates.into_iter()), [].into());
    assert_eq!(
        house.drive(&mut nowhere, |_| UNKNOWN),
        End::Relayed(UNKNOWN)
    );
    assert_eq!(asked(&house), candidates);
}

#[test]
fn nobody_says_that_there_is_no_such_thing_before_all_were_asked() {
    let candidates = [holder(0, 0), holder(0, 1), holder(0, 2)];
    let mut house = House::new(&[3], RetryLimits::default());
    let out = Home::Known(AccountId(1));
    house.drive(&mut plan(0, out, [].into()), |_| {
        (Fault::KeyRejected, Some(401))
    });
    house.sent.clear();

    let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
    let end = house.drive(&mut seeking, |_| UNKNOWN);

    assert_eq!(asked(&house), [candidates[0], candidates[2]]);
    assert_eq!(reason(end), RefusalReason::KeysRejected);
}

#[test]
fn of_accounts_that_could_not_be_asked_the_one_that_is_back_first_is_told() {
    for waits in [[10, 40], [40, 10]] {
        let mut house = House::new(&[3], RetryLimits::default());
        for (account, secs) in (0..).zip(waits) {
            let wait = Some(Duration::from_secs(secs));
            let out = Home::Known(AccountId(account));
            let limited = (Fault::RateLimited { wait }, Some(429));
            house.drive(&mut plan(0, out, [].into()), |_| limited);
        }
        let candidates = [holder(0, 0), holder(0, 1), holder(0, 2)];
        let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
        match house.drive(&mut seeking, |_| UNKNOWN) {
            End::Refused(Why::Pool(refusal)) => {
                let after = refusal.retry_after(house.now).expect("it comes back");
                assert!((9..=11).contains(&after.as_secs()), "{after:?}");
            }
            other => panic!("not refused: {other:?}"),
        }
    }
}

#[test]
fn seeking_begins_from_nothing_at_each_provider() {
    let mut house = House::new(&[1, 1], RetryLimits::default());
    house.is_calm = true;
    let candidates = [holder(0, 0), holder(1, 0)];
    let mut seeking = plan(30, Home::sought(candidates.into_iter()), [].into());
    let mut outcomes = [BROKEN, BROKEN, BROKEN, UNKNOWN].into_iter();
    let end = house.drive(&mut seeking, |_| outcomes.next().unwrap_or(BROKEN));
    assert_eq!(end, End::Relayed(BROKEN));
    assert_eq!(house.sent.len(), 8);
}

#[test]
fn what_broke_down_at_one_provider_is_no_reason_at_the_next() {
    let mut house = House::new(&[1, 1], RetryLimits::default());
    let second = ProviderId(1);
    for _ in 0..2 {
        let mut out = Plan::new(request(Time::ZERO), limits(0), second, Home::Any, [].into());
        house.drive(&mut out, |_| (Fault::KeyRejected, Some(401)));
    }
    let candidates = [holder(0, 0), holder(1, 0)];
    let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
    let end = house.drive(&mut seeking, |_| LOST);
    assert_eq!(reason(end), RefusalReason::KeysRejected);
}

#[test]
fn an_account_that_is_gone_holds_nothing() {
    let candidates = [holder(0, 7), holder(0, 1)];
    let mut house = House::new(&[2], RetryLimits::default());
    let mut seeking = plan(0, Home::sought(candidates.into_iter()), [].into());
    assert_eq!(
        house.drive(&mut seeking, |_| UNKNOWN),
        End::Relayed(UNKNOWN)
    );
}

#[test]
fn a_breakdown_does_not_make_a_thing_be_sought_elsewhere() {
    let candidates = [holder(0, 0), holder(0, 1)];
    let mut house = House::calm(RetryLimits::default());
    let mut seeking = plan(30, Home::sought(candidates.into_iter()), [].into());
    assert_eq!(house.drive(&mut seeking, |_| BROKEN), End::Relayed(BROKEN));
    assert_eq!(asked(&house), [candidates[0]; 4]);
}
