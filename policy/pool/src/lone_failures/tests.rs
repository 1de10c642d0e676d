use super::*;

const A: TenantId = TenantId(1);
const B: TenantId = TenantId(2);
const ACCOUNT: AccountId = AccountId(3);
const CONVERSATION: Sender = (A, Some(7));

fn at(secs: f64) -> Time {
    Time::ZERO.after_secs(secs)
}

/// What `requests` of [`CONVERSATION`] come to, one a second, each refused twice, while others are sent and
/// served (`others.0`), or fail (`others.1`), after each.
fn after(failures: &mut LoneFailures, requests: u64, others: (usize, usize)) -> Blame {
    let mut blame = Blame::Open;
    for request in 0..requests {
        let now = at(request as f64);
        for _ in 0..2 {
            blame = failures.failed(now, (CONVERSATION, RequestId(request)), (ACCOUNT, now));
        }
        for _ in 0..others.0 {
            failures.served((B, None), (ACCOUNT, at(request as f64 + 0.5)));
        }
        for other in 0..others.1 {
            let by = ((B, None), RequestId(1_000 + other as u64));
            failures.failed(now, by, (ACCOUNT, at(request as f64 + 0.5)));
            failures.rows.remove(&(B, None));
        }
    }
    blame
}

#[test]
fn who_fails_alone_is_found_out_after_a_few_requests() {
    let mut failures = LoneFailures::default();
    assert_eq!(after(&mut failures, 2, (10, 0)), Blame::Open);
    assert!(!failures.is_suspected(CONVERSATION));
    assert_eq!(
        failures.failed(at(3.0), (CONVERSATION, RequestId(2)), (ACCOUNT, at(3.0))),
        Blame::Becomes
    );
    assert_eq!(
        failures.failed(at(4.0), (CONVERSATION, RequestId(3)), (ACCOUNT, at(4.0))),
        Blame::Stays
    );
}

#[test]
fn nobody_is_alone_where_others_fail_too_or_are_not_seen_to_be_served() {
    for others in [(0, 0), (0, 1), (10, 2), (0, 5)] {
        let mut failures = LoneFailures::default();
        assert_eq!(after(&mut failures, 5, others), Blame::Open, "{others:?}");
        // Where there is nobody else, nobody goes first.
        assert_eq!(failures.is_suspected(CONVERSATION), others != (0, 0));
    }
    // What was on its way before says nothing.
    let mut failures = LoneFailures::default();
    for request in 0..5 {
        let blame = failures.failed(
            at(2.0),
            (CONVERSATION, RequestId(request)),
            (ACCOUNT, at(1.5)),
        );
        assert_eq!(blame, Blame::Open);
        for _ in 0..10 {
            failures.served((B, None), (ACCOUNT, at(1.0)));
        }
    }
}

#[test]
fn its_own_tenant_is_no_witness_and_a_success_clears_it() {
    let mut failures = LoneFailures::default();
    for request in 0..5 {
        let now = at(request as f64);
        let blame = failures.failed(now, (CONVERSATION, RequestId(request)), (ACCOUNT, now));
        assert_eq!(blame, Blame::Open);
        for _ in 0..10 {
            failures.served((A, None), (ACCOUNT, now));
        }
    }
    let mut failures = LoneFailures::default();
    assert_eq!(after(&mut failures, 4, (10, 0)), Blame::Stays);
    failures.refused(at(5.0), CONVERSATION, None, 0.5);
    assert!(failures.paused_until(at(5.0), CONVERSATION).is_some());
    failures.served(CONVERSATION, (ACCOUNT, at(5.0)));
    assert_eq!(failures.paused_until(at(5.0), CONVERSATION), None);
    // Others are still not charged with it, but its next is not held up.
    failures.failed(at(6.0), (CONVERSATION, RequestId(9)), (ACCOUNT, at(6.0)));
    failures.refused(at(6.0), CONVERSATION, None, 0.5);
    assert_eq!(failures.paused_until(at(6.0), CONVERSATION), None);
}

#[test]
fn who_fails_alone_goes_one_at_a_time_and_as_the_provider_says() {
    let mut failures = LoneFailures::default();
    after(&mut failures, 4, (10, 0));
    // Who breaks down is not to be left alone.
    failures.granted(at(4.0), CONVERSATION);
    assert_eq!(failures.paused_until(at(4.0), CONVERSATION), None);
    failures.refused(at(4.0), CONVERSATION, Some(Duration::ZERO), 0.5);
    failures.granted(at(5.0), CONVERSATION);
    assert_eq!(
        failures.paused_until(at(5.0), CONVERSATION),
        Some(at(5.0) + PROBED)
    );
    let wait = Duration::from_secs(20);
    failures.refused(at(5.1), CONVERSATION, Some(wait), 0.5);
    assert_eq!(
        failures.paused_until(at(5.1), CONVERSATION),
        Some(at(5.1) + wait)
    );
    assert_eq!(failures.paused_until(at(25.2), CONVERSATION), None);
    assert_eq!(failures.paused_until(at(5.1), (A, None)), None);
    failures.refused(at(26.0), CONVERSATION, Some(Duration::MAX), 0.5);
    let until = failures.paused_until(at(26.0), CONVERSATION);
    assert_eq!(until, Some(at(26.0) + PAUSE_MAX));
}

#[test]
fn it_is_bounded_and_what_is_long_ago_is_forgotten() {
    let mut failures = LoneFailures::default();
    for number in 0..3 * SENDERS_MAX as u64 {
        let by = ((A, Some(number)), RequestId(number));
        failures.failed(at(number as f64 / 100.0), by, (ACCOUNT, at(0.0)));
    }
    assert_eq!(failures.rows.len(), SENDERS_MAX);
    assert!(failures.outcomes.len() <= OUTCOMES_MAX);
    let mut failures = LoneFailures::default();
    after(&mut failures, 4, (10, 0));
    let later = at(4.0) + COUNTS;
    let blame = failures.failed(later, (CONVERSATION, RequestId(99)), (ACCOUNT, later));
    assert_eq!(blame, Blame::Open);
}

#[test]
fn who_is_served_elsewhere_is_no_witness() {
    let mut failures = LoneFailures::default();
    for request in 0..5 {
        let now = at(request as f64);
        let blame = failures.failed(now, (CONVERSATION, RequestId(request)), (ACCOUNT, now));
        assert_eq!(blame, Blame::Open);
        for _ in 0..10 {
            failures.served((B, None), (AccountId(4), now));
        }
    }
}

/// One request a second of [`A`], each in a conversation of its own, of which one in `fails_each` fails; five
/// requests of another tenant after each, of which one in `others_fail_each` fails. How the failures were
/// taken at the end.
fn in_many_conversations(fails_each: u64, others_fail_each: u64) -> Vec<Blame> {
    let mut failures = LoneFailures::default();
    let mut blames = Vec::new();
    for number in 0..100 {
        let now = at(number as f64);
        let sender = (A, Some(number));
        let (request, sent) = (RequestId(number), (ACCOUNT, now));
        if number % fails_each == 0 {
            blames.push(failures.failed(now, (sender, request), sent));
        } else {
            failures.served(sender, sent);
        }
        for other in number * 5..number * 5 + 5 {
            let sender = (B, Some(10_000 + other));
            let (request, sent) = (
                RequestId(10_000 + other),
                (ACCOUNT, at(number as f64 + 0.5)),
            );
            if others_fail_each > 0 && other % others_fail_each == 0 {
                failures.failed(sent.1, (sender, request), sent);
            } else {
                failures.served(sender, sent);
            }
        }
    }
    blames.split_off(blames.len() / 2)
}

#[test]
fn a_tenant_whose_conversations_fail_now_and_then_is_found_out_too() {
    for fails_each in [1, 2, 4, 10] {
        let blames = in_many_conversations(fails_each, 0);
        let all = blames.iter().all(|blame| *blame == Blame::OfTenant);
        assert!(all, "one in {fails_each}: {blames:?}");
    }
}

#[test]
fn a_tenant_is_not_found_out_where_others_fail_as_often() {
    for fails_each in [1, 2, 4, 10] {
        let others = fails_each.min(8);
        let blames = in_many_conversations(fails_each, others);
        let none = blames.iter().all(|blame| *blame == Blame::Open);
        assert!(none, "one in {fails_each}: {blames:?}");
    }
}
