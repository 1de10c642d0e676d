use std::time::Duration;

use keyweir_terms::snapshot::Reading;

use super::*;

fn at(secs: f64) -> Time {
    Time::ZERO.after_secs(secs)
}

/// 600 a minute: ten a second.
fn reading(remaining: u64, reset_secs: u64) -> Reading {
    Reading {
        limit: Some(600),
        remaining: Some(remaining),
        reset: Some(Duration::from_secs(reset_secs)),
        reset_grain: Duration::from_secs(1),
        window: Duration::from_secs(60),
        remaining_grain: 0,
    }
}

fn declared(now: Time, per_minute: u64, burst_secs: Option<f64>) -> Bucket {
    let declared = Declared {
        per_minute,
        burst_secs,
    };
    Bucket::declared(now, declared)
}

/// A bucket that has seen a full bucket of 30.
fn known() -> Bucket {
    let mut bucket = Bucket::unknown(at(0.0));
    let mark = bucket.mark(at(0.0), 0.0);
    bucket.reconcile(at(0.0), mark, &reading(30, 0));
    bucket
}

#[test]
fn a_bucket_refills_continuously_up_to_its_burst() {
    let mut bucket = known();
    bucket.charge(at(0.0), 25.0);
    assert_eq!(bucket.level(at(0.0)), 5.0);
    assert_eq!(bucket.level(at(0.5)), 10.0);
    assert_eq!(bucket.level(at(100.0)), 30.0);
}

#[test]
fn a_clock_that_jumps_back_adds_nothing() {
    let mut bucket = known();
    bucket.charge(at(50.0), 10.0);
    assert_eq!(bucket.level(at(10.0)), 20.0);
    bucket.charge(at(10.0), 5.0);
    assert_eq!(bucket.level(at(50.0)), 15.0);
}

#[test]
fn the_burst_is_what_remains_and_what_refills_until_full() {
    let mut bucket = Bucket::unknown(at(0.0));
    let mark = bucket.mark(at(0.0), 0.0);
    // 30 when full, 12 left, full in 1.8 s, said as 2 s: 22 to 42.
    bucket.reconcile(at(0.0), mark, &reading(12, 2));
    assert_eq!(bucket.burst(), 22.0);
    // Later sightings narrow it.
    let mark = bucket.mark(at(1.0), 0.0);
    bucket.reconcile(at(1.0), mark, &reading(29, 1));
    assert_eq!(bucket.burst(), 29.0);
    let mark = bucket.mark(at(2.0), 0.0);
    bucket.reconcile(at(2.0), mark, &reading(3, 2));
    assert_eq!(bucket.burst(), 29.0);
}

#[test]
fn a_snapshot_that_agrees_changes_nothing() {
    let mut bucket = known();
    bucket.charge(at(0.0), 1.0);
    let mark = bucket.mark(at(0.0), 1.0);
    for _ in 0..8 {
        bucket.charge(at(0.1), 1.0);
    }
    // Taken when the first had been charged: 29 were left. Eight are on their way since.
    bucket.reconcile(at(0.5), mark, &reading(29, 1));
    assert!(
        (bucket.level(at(0.5)) - 26.0).abs() < 1e-9,
        "{}",
        bucket.level(at(0.5))
    );
}

#[test]
fn a_snapshot_below_the_model_pulls_it_down() {
    let mut bucket = known();
    bucket.charge(at(0.0), 1.0);
    let mark = bucket.mark(at(0.0), 1.0);
    bucket.reconcile(at(0.2), mark, &reading(10, 2));
    // At most what was left, rounded down, and what refilled since the request was sent.
    assert!((bucket.level(at(0.2)) - 13.0).abs() < 1e-9);
}

#[test]
fn an_older_snapshot_than_the_newest_is_ignored() {
    let mut bucket = known();
    let old = bucket.mark(at(0.0), 0.0);
    let new = bucket.mark(at(1.0), 0.0);
    bucket.reconcile(at(1.5), new, &reading(10, 2));
    let level = bucket.level(at(1.6));
    bucket.reconcile(at(1.6), old, &reading(30, 0));
    assert_eq!(bucket.level(at(1.6)), level);
}

#[test]
fn a_late_snapshot_never_raises_the_level_by_what_is_still_on_its_way() {
    let mut bucket = known();
    bucket.charge(at(0.0), 1.0);
    let mark = bucket.mark(at(0.0), 1.0);
    bucket.charge(at(0.1), 29.0);
    bucket.reconcile(at(0.3), mark, &reading(29, 1));
    assert!(bucket.level(at(0.3)) <= 3.0 + 1e-9);
}

#[test]
fn external_use_is_learned_and_held_back() {
    let mut bucket = known();
    let mut left = 15.0_f64;
    // Somebody else takes six of the ten a second.
    for step in 1..40 {
        let now = at(f64::from(step));
        left = (left + 10.0 - 6.0 - 4.0).min(30.0);
        bucket.charge(now, 4.0);
        let mark = bucket.mark(now, 4.0);
        bucket.reconcile(now, mark, &reading(left as u64, 1));
    }
    assert!(
        (2.0..=7.0).contains(&bucket.external_per_sec()),
        "{}",
        bucket.external_per_sec()
    );
    // It is decided by until an answer says otherwise, and shown for a minute.
    assert_eq!(
        bucket.external_in_minute(at(99.0)),
        bucket.external_per_sec()
    );
    assert_eq!(bucket.external_in_minute(at(100.0)), 0.0);
    // No more than they must have taken.
    assert!((4.0..=8.5).contains(&bucket.refill_own()));
    // Whoever goes where we go takes more when we do.
    let before = bucket.level(at(39.0));
    bucket.charge(at(39.0), 2.0);
    let gone = before - bucket.level(at(39.0));
    assert!((2.0..=5.5).contains(&gone), "{gone}");
    // Time makes good what was only expected early.
    assert!(bucket.level(at(40.0)) > before);
}

#[test]
fn who_lost_to_others_holds_back_more_for_a_while() {
    let mut bucket = known();
    let mut left = 15.0_f64;
    for step in 1..40 {
        let now = at(f64::from(step));
        left = (left + 10.0 - 6.0 - 4.0).min(30.0);
        bucket.charge(now, 4.0);
        let mark = bucket.mark(now, 4.0);
        bucket.reconcile(now, mark, &reading(left as u64, 1));
    }
    let mark = bucket.mark(at(40.0), 1.0);
    bucket.refused_explained(at(40.1), mark, 1.0, (0.0, 0.0));
    assert!((bucket.reserve() - 3.0).abs() < 0.1);
    // Others that were sent before it was learned teach nothing more.
    bucket.refused_explained(at(40.2), mark, 1.0, (0.0, 0.0));
    assert!(bucket.reserve() < 3.1);
    bucket.charge(at(240.0), 0.0);
    assert!(bucket.reserve() < 0.1);
}

#[test]
fn a_refusal_leaves_what_the_provider_says_is_left() {
    let mut bucket = known();
    let mark = bucket.mark(at(1.0), 25.0);
    bucket.charge(at(1.0), 25.0);
    bucket.charge(at(1.0), -25.0);
    bucket.refused_explained(at(1.0), mark, 25.0, (20.0, 0.0));
    // Whole numbers are rounded down.
    assert!((20.0..21.0).contains(&bucket.level(at(1.0))));
    assert!(bucket.external_per_sec() == 0.0);
}

#[test]
fn who_is_refused_by_a_hair_is_not_believed_to_have_nothing() {
    let mut bucket = known();
    bucket.charge(at(1.0), 30.0);
    let mark = bucket.mark(at(1.0), 1.0);
    bucket.charge(at(1.0), -1.0);
    // A whole number, rounded down: 0.99 is told as nothing.
    bucket.refused_explained(at(1.0), mark, 1.0, (0.0, 0.0));
    assert!(bucket.level(at(1.0)) > 0.9);
    assert!(bucket.reserve() < 0.1);
}

#[test]
fn what_remains_may_have_been_rounded_up() {
    let mut bucket = declared(at(0.0), 60_000, Some(3.8));
    let mark = bucket.mark(at(0.0), 0.0);
    let thousands = Reading {
        limit: Some(60_000),
        remaining_grain: 500,
        ..reading(4_000, 0)
    };
    bucket.reconcile(at(0.0), mark, &thousands);
    assert_eq!(bucket.burst(), 3_800.0);
}

#[test]
fn a_debt_that_is_shown_as_nothing_left_is_kept() {
    let mut bucket = known();
    let mark = bucket.mark(at(1.0), 0.0);
    bucket.reconcile(at(1.0), mark, &reading(30, 0));
    bucket.charge(at(2.0), 90.0);
    let mark = bucket.mark(at(3.0), 0.0);
    bucket.reconcile(at(3.1), mark, &reading(0, 6));
    assert!(bucket.level(at(3.1)) < -40.0);
    assert_eq!(bucket.external_per_sec(), 0.0);
}

#[test]
fn a_reset_below_what_remains_is_not_believed() {
    let mut bucket = known();
    for (secs, remaining) in [(1.0, 5), (60.0, 25), (120.0, 3), (180.0, 25)] {
        let mark = bucket.mark(at(secs), 0.0);
        bucket.reconcile(at(secs), mark, &reading(remaining, 0));
    }
    assert!(bucket.burst() >= 25.0, "{}", bucket.burst());
}

#[test]
fn external_use_is_not_read_out_of_rounding() {
    let mut bucket = Bucket::unknown(at(0.0));
    let small = |remaining| Reading {
        limit: Some(20),
        reset: None,
        ..reading(remaining, 0)
    };
    let mut mark = bucket.mark(at(0.0), 0.0);
    for step in 0..40 {
        let now = at(f64::from(step) * 3.0);
        bucket.reconcile(now, mark, &small(u64::from(step % 2 == 0)));
        bucket.charge(now, 1.0);
        mark = bucket.mark(now, 1.0);
    }
    assert!(
        bucket.external_per_sec() < 0.1,
        "{}",
        bucket.external_per_sec()
    );
}

#[test]
fn an_unexplained_refusal_shrinks_a_guessed_burst_and_admissions_give_it_back() {
    let mut bucket = declared(at(0.0), 600, None);
    let before = bucket.burst();
    bucket.charge(at(1.0), 20.0);
    let mark = bucket.mark(at(1.0), 0.0);
    bucket.refused_unexplained(at(1.0), mark, 5.0);
    assert!(bucket.level(at(1.0)) < 5.0);
    let after = bucket.burst();
    assert!(after < before, "{after}");
    let admit = |bucket: &mut Bucket, times| {
        for _ in 0..times {
            let mark = bucket.mark(at(100.0), 0.0);
            bucket.admitted(at(100.0), mark, 5.0);
        }
        bucket.burst()
    };
    let slowly = admit(&mut bucket, 50);
    assert!(slowly < after + 1.0, "{slowly}");
    assert!(admit(&mut bucket, 200) > slowly + 10.0);
}

#[test]
fn headers_that_lie_leave_a_usable_bucket() {
    let absurd = [
        Reading {
            remaining: Some(u64::MAX),
            ..reading(0, 0)
        },
        Reading {
            reset: Some(Duration::MAX / 2),
            ..reading(5, 0)
        },
        Reading {
            limit: Some(0),
            ..reading(5, 0)
        },
        Reading {
            limit: Some(u64::MAX),
            ..reading(u64::MAX, 9)
        },
        Reading {
            window: Duration::ZERO,
            ..reading(5, 1)
        },
        Reading {
            limit: None,
            ..reading(5, 1)
        },
        Reading {
            remaining: None,
            ..reading(5, 1)
        },
    ];
    for reading in absurd {
        let mut bucket = known();
        let mark = bucket.mark(at(1.0), 0.0);
        bucket.reconcile(at(1.0), mark, &reading);
        bucket.refused_unexplained(at(1.0), mark, 1.0);
        bucket.charge(at(2.0), 3.0);
        let level = bucket.level(at(3.0));
        assert!(
            !level.is_nan() && bucket.burst() >= 0.0,
            "{reading:?}: {level}"
        );
        assert!(bucket.refill_own() >= 0.0);
    }
}

#[test]
fn the_policy_files_limit_is_a_cap() {
    let mut bucket = declared(at(0.0), 60, None);
    let mark = bucket.mark(at(0.0), 0.0);
    bucket.reconcile(at(0.0), mark, &reading(30, 0));
    assert_eq!(bucket.limit(), Some(60.0));
    assert_eq!(bucket.refill(), 1.0);
}

proptest::proptest! {
    /// Whatever a provider does between sending and answering, the level stays between what the
    /// snapshot leaves open, and never above the burst.
    #[test]
    fn the_level_never_exceeds_the_burst(
        steps in proptest::collection::vec((0.0..2.0f64, 0.0..20.0f64, 0u64..700, 0u64..90), 1..50)
    ) {
        let mut bucket = Bucket::unknown(at(0.0));
        let mut now = 0.0;
        for (wait, amount, remaining, reset) in steps {
            let mark = bucket.mark(at(now), 0.0);
            now += wait;
            bucket.charge(at(now), amount);
            bucket.reconcile(at(now), mark, &reading(remaining, reset));
            proptest::prop_assert!(bucket.level(at(now)) <= bucket.burst() + bucket.grace() + 1e-6);
            proptest::prop_assert!(bucket.burst() <= 600.0 + 1e-6);
        }
    }

    /// The order in which leases are settled does not change what is left.
    #[test]
    fn settling_order_does_not_change_totals(
        refunds in proptest::collection::vec(-5.0..5.0f64, 1..20), swap: u64
    ) {
        let run = |refunds: &[f64]| {
            let mut bucket = declared(at(0.0), 600_000, Some(3.0));
            bucket.charge(at(0.0), 10_000.0);
            for refund in refunds {
                bucket.charge(at(0.0), *refund);
            }
            bucket.level(at(0.0))
        };
        let mut shuffled = refunds.clone();
        fastrand::Rng::with_seed(swap).shuffle(&mut shuffled);
        proptest::prop_assert!((run(&refunds) - run(&shuffled)).abs() < 1e-6);
    }
}

#[test]
fn a_bucket_whose_limit_is_changed_stays_as_full_as_it_was() {
    let to = |per_minute, burst_secs| {
        Some(Declared {
            per_minute,
            burst_secs,
        })
    };
    let mut bucket = declared(at(0.0), 600, Some(3.0));
    bucket.charge(at(0.0), 15.0);
    bucket.redeclare(at(0.0), to(1_200, Some(3.0)));
    assert_eq!((bucket.level(at(0.0)), bucket.burst()), (30.0, 60.0));
    bucket.redeclare(at(0.0), to(600, Some(1.0)));
    assert_eq!((bucket.level(at(0.0)), bucket.burst()), (5.0, 10.0));
    // What the provider states of less stays true.
    let mut stated = known();
    stated.redeclare(at(0.0), to(6_000, None));
    assert_eq!(stated.limit(), Some(600.0));
    stated.redeclare(at(0.0), to(60, None));
    assert_eq!((stated.limit(), stated.level(at(0.0))), (Some(60.0), 3.0));
    // Nothing declared any more, and nothing stated since: nothing is known.
    stated.redeclare(at(0.0), None);
    assert!(!stated.is_known());
    stated.redeclare(at(0.0), to(0, None));
    assert_eq!((stated.limit(), stated.level(at(0.0))), (Some(0.0), 0.0));
}

#[test]
fn until_a_snapshot_tells_each_gateway_takes_its_share() {
    let mut bucket = declared(at(0.0), 600, Some(3.0));
    bucket.share_among(at(0.0), Replicas::new(4));
    assert_eq!((bucket.burst(), bucket.level(at(0.0))), (7.5, 7.5));
    bucket.charge(at(0.0), 7.5);
    assert_eq!(bucket.level(at(1.0)), 2.5);
    // Twice as many of them are ours: it is as full as it was.
    bucket.share_among(at(1.0), Replicas::new(2));
    assert_eq!((bucket.burst(), bucket.level(at(1.0))), (15.0, 5.0));
    let mark = bucket.mark(at(1.0), 0.0);
    bucket.reconcile(at(1.0), mark, &reading(20, 1));
    assert_eq!((bucket.burst(), bucket.refill_own()), (30.0, 10.0));
    // From now on their number says nothing that snapshots do not say better.
    let level = bucket.level(at(1.0));
    bucket.share_among(at(1.0), Replicas::new(8));
    assert_eq!((bucket.burst(), bucket.level(at(1.0))), (30.0, level));
}

#[test]
fn where_no_limit_is_told_what_flows_in_is_learned_from_what_remains() {
    let untold = |remaining| Reading {
        limit: None,
        reset: None,
        ..reading(remaining, 0)
    };
    let mut bucket = Bucket::unknown(at(0.0));
    // A bucket of 30 that gains ten a second, used up as fast as it fills.
    let mut level: f64 = 30.0;
    for tenth in 0..600 {
        let now = at(f64::from(tenth) / 10.0);
        level = (level + 1.0).min(30.0);
        let taken = level.floor().min(if tenth % 10 == 0 { 10.0 } else { 0.0 });
        bucket.charge(now, taken);
        level -= taken;
        let mark = bucket.mark(now, taken);
        bucket.reconcile(now, mark, &untold(level as u64));
    }
    // Alone that is no limit: what waits for it keeps it from being seen.
    assert!(!bucket.is_known());
    let lesson = Lesson {
        per_sec: 1.0,
        burst: 30.0,
        level: 0.0,
    };
    bucket.learn(at(60.0), &lesson);
    let refill = bucket.refill();
    assert!((5.0..=10.0).contains(&refill), "{refill}");
    assert!(bucket.level(at(60.0)) <= 31.0);
    // A limit that is told at last is the limit.
    let mark = bucket.mark(at(61.0), 0.0);
    bucket.reconcile(at(61.0), mark, &reading(20, 1));
    assert_eq!(bucket.limit(), Some(600.0));
    let mark = bucket.mark(at(62.0), 0.0);
    bucket.reconcile(at(62.0), mark, &untold(500));
    assert_eq!(bucket.limit(), Some(600.0));
}

#[test]
fn what_a_refused_request_was_to_take_is_nobody_elses_use() {
    let mut bucket = known();
    // One that is refused, as the reading with it says, from which use is measured …
    let mut mark = bucket.mark(at(1.0), 0.0);
    bucket.charge(at(1.0), 25.0);
    mark.kept += 25.0;
    bucket.true_up(at(1.1), -25.0, &mut mark);
    bucket.reconcile_refused(at(1.1), mark, &reading(30, 0));
    // … and one long after it that is admitted.
    bucket.charge(at(20.0), 10.0);
    let mark = bucket.mark(at(20.0), 10.0);
    bucket.reconcile(at(20.1), mark, &reading(20, 1));
    assert_eq!(bucket.external_per_sec(), 0.0);
}

#[test]
fn what_was_charged_too_much_of_an_earlier_request_is_nobody_elses_use() {
    let mut bucket = known();
    bucket.charge(at(1.0), 28.0);
    let mut large = bucket.mark(at(1.0), 28.0);
    bucket.charge(at(2.0), 1.0);
    let mark = bucket.mark(at(2.0), 1.0);
    // It took only 3 in truth.
    bucket.reconcile(at(2.1), mark, &reading(26, 1));
    bucket.true_up(at(2.5), -25.0, &mut large);
    bucket.charge(at(4.0), 20.0);
    let mark = bucket.mark(at(4.0), 20.0);
    bucket.reconcile(at(4.1), mark, &reading(10, 2));
    assert_eq!(bucket.external_per_sec(), 0.0);
}

#[test]
fn who_was_refused_by_a_hair_had_next_to_all_of_it() {
    let mut bucket = declared(at(0.0), 600, Some(10.0));
    bucket.charge(at(0.0), 89.8);
    bucket.charge(at(0.0), 10.0);
    let mut mark = bucket.mark(at(0.0), 10.0);
    bucket.true_up(at(0.0), -10.0, &mut mark);
    bucket.refused_unexplained(at(0.0), mark, 10.0);
    let level = bucket.level(at(0.0));
    assert!((9.0..=10.0).contains(&level), "{level}");
}

#[test]
fn what_only_refusals_tell_says_nothing_of_the_burst() {
    let mut bucket = Bucket::unknown(at(0.0));
    let mark = bucket.mark(at(0.0), 0.0);
    bucket.reconcile_refused(at(0.1), mark, &reading(0, 1));
    let assumed = bucket.burst();
    assert!(assumed >= 20.0, "{assumed}");
    // An answer does.
    let mark = bucket.mark(at(10.0), 0.0);
    bucket.reconcile(at(10.1), mark, &reading(8, 0));
    assert!((8.0..=10.0).contains(&bucket.burst()));
}
