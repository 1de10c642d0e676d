use super::bounds::{SLOPE_LEAST, required_share};
use super::*;

fn charge(input: f64) -> Charge {
    let mut charge = Charge::default();
    charge.prompt[Dimension::Requests.index()] = 1.0;
    charge.prompt[Dimension::InputTokens.index()] = input;
    charge
}

fn lines(free: f64, slope: f64, burst: f64) -> [Line; Dimension::COUNT] {
    let mut lines = [Line::OPEN; Dimension::COUNT];
    lines[Dimension::InputTokens.index()] = Line {
        free: free / burst,
        slope: slope / burst,
        scale: 1.0 / burst,
    };
    lines
}

fn left(lines: [Line; Dimension::COUNT], in_flight: u32) -> Left {
    Left {
        lines,
        in_flight,
        avoided_secs: 0.0,
    }
}

/// The rule, written as a scan: in how long the best account is full.
fn scan(accounts: &[[Line; Dimension::COUNT]], secs: f64, charge: &Charge) -> Option<f64> {
    let left = |lines: &[Line; Dimension::COUNT], d: usize| {
        (lines[d].free + lines[d].slope * secs).min(1.0) - required_share(charge, d, lines[d].scale)
    };
    let full_in = |lines: &[Line; Dimension::COUNT]| {
        (0..Dimension::COUNT)
            .map(|d| (1.0 - left(lines, d)) / (lines[d].slope + SLOPE_LEAST))
            .fold(0.0, f64::max)
    };
    accounts
        .iter()
        .filter(|lines| (0..Dimension::COUNT).all(|d| left(lines, d) >= -TOLERANCE))
        .map(full_in)
        .min_by(f64::total_cmp)
}

proptest::proptest! {
    #[test]
    fn the_tree_finds_what_a_scan_finds(
        accounts in proptest::collection::vec((0.0..100.0, 0.0..20.0, 50.0..200.0f64), 1..=32),
        secs in 0.0..20.0f64,
        input in 0.0..150.0f64,
        draw: u64,
    ) {
        let accounts: Vec<_> = accounts.iter().map(|&(free, slope, burst)| lines(free, slope, burst)).collect();
        let mut tree = HeadroomIndex::new(accounts.len());
        for (index, lines) in accounts.iter().enumerate() {
            tree.set(AccountId(index as u32), Time::ZERO, Some(&left(*lines, 0)));
        }
        let now = Time::ZERO.after_secs(secs);
        let all = (0..accounts.len() as u32).map(AccountId);
        let among = tree.best_among(now, &charge(input), all);
        let expected = scan(&accounts, now.as_secs_f64(), &charge(input));
        for found in [tree.best(now, &charge(input), draw, |_| true), among] {
            match (found, expected) {
                (None, None) => {}
                (Some(found), Some(expected)) => {
                    let leaf = &tree.nodes[tree.width + found.account.index()];
                    let left = leaf.left(secs, &charge(input));
                    proptest::prop_assert!((left.full_in_secs - expected).abs() <= 1e-6 * (1.0 + expected));
                }
                other => proptest::prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn refused_until_t_means_accepted_at_t(
        accounts in proptest::collection::vec((-50.0..100.0, 0.1..20.0, 50.0..200.0f64), 1..=32),
        input in 0.0..300.0f64,
        pending in 0.0..300.0f64,
    ) {
        // Some buckets hold input and output in one: together they may be more than it holds.
        let mut charge = charge(input);
        charge.pending[Dimension::InputTokens.index()] = pending;
        let mut tree = HeadroomIndex::new(accounts.len());
        for (index, &(free, slope, burst)) in accounts.iter().enumerate() {
            tree.set(AccountId(index as u32), Time::ZERO, Some(&left(lines(free, slope, burst), 0)));
        }
        let (_, at) = tree.earliest(Time::ZERO, &charge, |_| true).unwrap();
        let all = (0..accounts.len() as u32).map(AccountId);
        let among = tree.earliest_among(Time::ZERO, &charge, all);
        proptest::prop_assert_eq!(among.map(|(_, at)| at), Some(at));
        proptest::prop_assert!(tree.best(at, &charge, 0, |_| true).is_some());
        if at > Time::from_micros(1000) {
            let before = Time::from_micros(at.as_micros() - 1000);
            let fits = tree.best(before, &charge, 0, |_| true);
            proptest::prop_assert!(fits.is_none_or(|choice| choice.headroom < 1e-3));
        }
    }
}

#[test]
fn a_shallow_bucket_that_would_overflow_goes_before_a_deep_one() {
    let mut tree = HeadroomIndex::new(2);
    tree.set(
        AccountId(0),
        Time::ZERO,
        Some(&left(lines(60.0, 1.0, 60.0), 0)),
    );
    tree.set(
        AccountId(1),
        Time::ZERO,
        Some(&left(lines(1.0, 1.0, 1.0), 0)),
    );
    let best = |tree: &HeadroomIndex| tree.best(Time::ZERO, &charge(1.0), 0, |_| true);
    // Both would be full again in a second; the tie goes to the fewest in flight.
    tree.set(
        AccountId(0),
        Time::ZERO,
        Some(&left(lines(60.0, 1.0, 60.0), 1)),
    );
    assert_eq!(best(&tree).unwrap().account.0, 1);
    tree.set(
        AccountId(1),
        Time::ZERO,
        Some(&left(lines(0.0, 1.0, 1.0), 0)),
    );
    assert_eq!(best(&tree).unwrap().account.0, 0);
    // What was taken from the deep one needs longer to flow back than the shallow one's.
    tree.set(
        AccountId(0),
        Time::ZERO,
        Some(&left(lines(58.0, 1.0, 60.0), 0)),
    );
    tree.set(
        AccountId(1),
        Time::ZERO,
        Some(&left(lines(1.0, 1.0, 1.0), 0)),
    );
    assert_eq!(best(&tree).unwrap().account.0, 1);
}

#[test]
fn who_refused_lately_comes_after_who_is_full_a_little_later() {
    let mut tree = HeadroomIndex::new(2);
    let now = Time::ZERO;
    let best = |tree: &HeadroomIndex| tree.best(now, &charge(1.0), 0, |_| true);
    let mut small = left(lines(1.0, 1.0, 1.0), 0);
    tree.set(AccountId(0), now, Some(&small));
    tree.set(AccountId(1), now, Some(&left(lines(59.0, 1.0, 60.0), 0)));
    assert_eq!(best(&tree).unwrap().account.0, 0);
    small.avoided_secs = 2.0;
    tree.set(AccountId(0), now, Some(&small));
    assert_eq!(best(&tree).unwrap().account.0, 1);
    // Further behind the others are not chosen before it, and what is avoided is not out.
    tree.set(AccountId(1), now, Some(&left(lines(50.0, 1.0, 60.0), 0)));
    assert_eq!(best(&tree).unwrap().account.0, 0);
}

#[test]
fn a_closed_account_is_never_chosen() {
    let mut tree = HeadroomIndex::new(3);
    for index in 0..3u32 {
        tree.set(
            AccountId(index),
            Time::ZERO,
            Some(&left(lines(90.0, 1.0, 100.0), 0)),
        );
    }
    tree.set(AccountId(0), Time::ZERO, None);
    tree.set(AccountId(2), Time::ZERO, None);
    for draw in 0..16 {
        assert_eq!(
            tree.best(Time::ZERO, &charge(1.0), draw, |_| true)
                .map(|c| c.account.0),
            Some(1)
        );
    }
    tree.set(AccountId(1), Time::ZERO, None);
    assert_eq!(tree.best(Time::ZERO, &charge(1.0), 0, |_| true), None);
    assert_eq!(tree.earliest(Time::ZERO, &charge(1.0), |_| true), None);
}

#[test]
fn ties_go_to_the_fewest_in_flight_then_to_the_draw() {
    let mut tree = HeadroomIndex::new(8);
    for index in 0..8u32 {
        let in_flight = if index == 5 { 0 } else { 1 };
        tree.set(
            AccountId(index),
            Time::ZERO,
            Some(&left(lines(90.0, 1.0, 100.0), in_flight)),
        );
    }
    assert_eq!(
        tree.best(Time::ZERO, &charge(1.0), 0, |_| true)
            .unwrap()
            .account
            .0,
        5
    );
    tree.set(
        AccountId(5),
        Time::ZERO,
        Some(&left(lines(90.0, 1.0, 100.0), 1)),
    );
    let drawn: std::collections::HashSet<_> = (0..8)
        .map(|draw| {
            tree.best(Time::ZERO, &charge(1.0), draw, |_| true)
                .unwrap()
                .account
        })
        .collect();
    assert_eq!(drawn.len(), 8);
}

proptest::proptest! {
    #[test]
    fn what_is_set_together_is_as_what_is_set_one_by_one(
        accounts in proptest::collection::vec((0.0..100.0, 0.0..20.0, 50.0..200.0f64), 1..=70),
        closed: u64,
        first in 0usize..70,
    ) {
        let now = Time::ZERO.after_secs(1.0);
        let of_account = |index: usize, &(free, slope, burst): &(f64, f64, f64)| {
            let is_open = closed >> (index % 64) & 1 == 0;
            (AccountId(index as u32), is_open.then(|| left(lines(free, slope, burst), index as u32)))
        };
        let left: Vec<_> = accounts.iter().enumerate().map(|(index, it)| of_account(index, it)).collect();
        let mut one_by_one = HeadroomIndex::new(accounts.len());
        for (account, left) in &left {
            one_by_one.set(*account, now, left.as_ref());
        }
        let mut together = HeadroomIndex::new(accounts.len());
        let (before, after) = left.split_at(first.min(left.len()));
        together.set_all(now, before);
        together.set_all(now, after);
        proptest::prop_assert_eq!(format!("{:?}", together.nodes), format!("{:?}", one_by_one.nodes));
    }
}

#[test]
fn what_is_chosen_now_fits_now() {
    for tenths in 0..30 {
        let lacking = f64::from(tenths) * 1e-7;
        let mut tree = HeadroomIndex::new(1);
        let lines = lines(50.0 * (1.0 - lacking), 0.005, 50.0);
        tree.set(AccountId(0), Time::ZERO, Some(&left(lines, 0)));
        let is_chosen = tree.best(Time::ZERO, &charge(50.0), 0, |_| true).is_some();
        let fits_at = tree.fits_at(AccountId(0), Time::ZERO, &charge(50.0));
        assert_eq!(is_chosen, fits_at == Some(Time::ZERO), "{lacking}");
    }
}
