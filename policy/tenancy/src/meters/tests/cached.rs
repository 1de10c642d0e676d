//! What prompt caches cost.

use super::*;

fn end_cached(meters: &mut Meters, reserved: Option<Reserved>, used: Option<Usage>) -> Cost {
    let used = used.map_or(Used::Untold, Used::Told);
    meters.settle(at(0), reserved, (P, "priced-1"), used)
}

#[test]
fn many_at_once_whose_prompts_are_cached_spend_no_more_than_a_budget_and_the_estimates_error() {
    let cached = Usage {
        input: Some(3),
        cache_read: Some(20_000),
        output: Some(1),
        ..Usage::default()
    };
    let written = Usage {
        input: Some(20_003),
        cache_read: None,
        cache_write: Some(20_000),
        cache_write_1h: Some(20_000),
        ..cached
    };
    for (used, cost) in [(cached, 20_004), (written, 40_004)] {
        let budget = budget(Amount::Money(Money::from_pico(10 * cost)));
        let mut policy = spec(budgets(vec![budget]), Allowance::default());
        policy.prices.rows[0].rates.cache_write_1h = 2;
        let mut meters = meters(&policy);
        for _ in 0..3 {
            let reserved = ask(&mut meters, 0).expect("room");
            end_cached(&mut meters, reserved, Some(used));
        }
        let mut open = Vec::new();
        for _ in 0..64 {
            open.extend(ask(&mut meters, 0));
        }
        assert!((6..=7).contains(&open.len()), "{}", open.len());
        let untold = open.pop().expect("some");
        let untold = end_cached(&mut meters, untold, None);
        let of_expected = untold.money.pico() * 100 / cost;
        assert!((95..=105).contains(&of_expected), "{of_expected} %");
        for reserved in open {
            end_cached(&mut meters, reserved, Some(used));
        }
    }
}
