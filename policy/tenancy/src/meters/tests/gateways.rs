//! Several gateways that give limits and budgets together.

use super::*;

/// What gateways of which each believes that there are `told` give together in `secs`, when each is asked
/// for more than there is.
fn given_by(gateways: u32, told: u32, allowance: &Allowance, secs: u64) -> u64 {
    let spec = spec(allowance.clone(), Allowance::default());
    let mut all: Vec<Meters> = (0..gateways).map(|_| meters(&spec)).collect();
    let mut given = 0;
    for sec in 0..secs {
        for meters in &mut all {
            meters.share_among(Replicas::new(told));
            while let Ok(reserved) = ask(meters, sec) {
                end(meters, sec, reserved, 3, 1);
                given += 1;
            }
        }
    }
    given
}

#[test]
fn gateways_give_together_what_a_limit_per_minute_says() {
    for max in [3, 10, 60, 601] {
        let allowance = limits(vec![limit(Dimension::Requests, max)]);
        let alone = given_by(1, 1, &allowance, 900) as f64;
        for gateways in [2, 4, 8] {
            let together = given_by(gateways, gateways, &allowance, 900) as f64;
            let off = (together - alone).abs();
            // Each may be one request ahead of its share.
            let most = 0.1 * alone + f64::from(gateways);
            assert!(
                off <= most,
                "{max} by {gateways}: {together}, {alone} by one"
            );
        }
    }
}

#[test]
fn gateways_spend_together_what_a_budget_says() {
    let allowance = budgets(vec![budget(Amount::Tokens(400))]);
    assert_eq!(given_by(1, 1, &allowance, 10), 100);
    assert_eq!(given_by(4, 4, &allowance, 10), 100);
    assert_eq!(given_by(3, 3, &allowance, 10), 99);
}

#[test]
fn a_number_of_gateways_that_lies_does_bounded_harm() {
    let allowance = budgets(vec![budget(Amount::Tokens(400))]);
    // Each of four that believes to be alone spends all of it, and no more.
    assert_eq!(given_by(4, 1, &allowance, 10), 400);
    // One that believes in three others spends its share.
    assert_eq!(given_by(1, 4, &allowance, 10), 25);
    // Where a request is larger than the share, the refusal says that it is one.
    let mut meters = meters(&spec(allowance, Allowance::default()));
    meters.share_among(Replicas::new(200));
    let lack = ask(&mut meters, 0).expect_err("a share of 2 tokens");
    assert_eq!(lack.ends, Ends::Never);
    let said = lack.to_string();
    assert!(
        said.contains("each of 200 gateways gives its share of it"),
        "{said}"
    );
}

#[test]
fn requests_at_a_time_are_shared_out_and_each_gateway_has_one_at_least() {
    let mut allowance = limits(vec![]);
    allowance.limits.push(Limit {
        models: ModelPatterns::any(),
        per_minute: [None; Dimension::COUNT],
        concurrency: Some(4),
    });
    let running = |told: u32| {
        let mut meters = meters(&spec(allowance.clone(), Allowance::default()));
        meters.share_among(Replicas::new(told));
        std::iter::from_fn(|| ask(&mut meters, 0).ok())
            .take(9)
            .count()
    };
    assert_eq!([1, 2, 3, 4, 8].map(running), [4, 2, 2, 1, 1]);
}

#[test]
fn what_is_spent_counts_for_the_others_too() {
    let mut soft = budget(Amount::Tokens(100));
    soft.soft = true;
    let mut meters = meters(&spec(budgets(vec![soft]), Allowance::default()));
    meters.share_among(Replicas::new(2));
    let reserved = ask(&mut meters, 0).expect("room");
    end(&mut meters, 0, reserved, 40, 10);
    let over = meters
        .next_overspent(T)
        .expect("half of it is all of the share");
    assert_eq!(over.percent, 100);
    let views: Vec<_> = meters.budgets(at(0).wall).collect();
    assert_eq!((views[0].spent, views[0].counted), (50, 100));
}
