//! What a tenant may use holds over all gateways.

use crate::house::{Plan, count, message};
use crate::support::api::Request;
use crate::support::wire::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_all_gateways_gets_what_the_limit_says_and_no_more() {
    let plan = Plan::new().tenant("[[tenant.limit]]\nrequests_per_minute = 40");
    let house = plan.build(3).await;
    let begun = std::time::Instant::now();
    let mut served = 0;
    // Each is asked for more than all may give, until all have heard that it is given.
    for _ in 0..8 {
        for gateway in 0..3 {
            served += count(&house.message(gateway, 10).await, 200);
        }
        house.until_heard(0).await;
    }
    // What has flowed in meanwhile is there too, and each may have been one ahead.
    let flowed_in = begun.elapsed().as_secs_f64() * 40.0 / 60.0;
    let most = 40.0 + flowed_in + 3.0;
    assert!(served >= 40 && served as f64 <= most, "{served} of {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_gateway_that_alone_is_asked_gives_all_of_a_limit() {
    let plan = Plan::new().tenant("[[tenant.limit]]\nrequests_per_minute = 30");
    let house = plan.build(3).await;
    let statuses = house.message(1, 30).await;
    // Who has asked three times for its share, on a machine that is busy, is refused.
    assert!(count(&statuses, 200) >= 27, "{statuses:?}");
    house.until_heard(2).await;
    let statuses = house.message(2, 20).await;
    assert!(count(&statuses, 200) < 10, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_spent_once_and_stays_so_when_gateways_come_and_go() {
    // A message takes some seventy tokens.
    let plan = Plan::new().tenant("[[tenant.budget]]\nper = \"day\"\ntokens = 1000");
    let mut house = plan.build(2).await;
    let mut spent = 0;
    for _ in 0..60 {
        for gateway in 0..2 {
            spent += tokens(&house, gateway).await;
        }
    }
    house.until_heard(0).await;
    spent += tokens(&house, 0).await + tokens(&house, 1).await;
    // By two requests more than it is, at most, for each gateway: what one takes is known when it has
    // ended, and to the others at the exchange after that.
    assert!((900..=1_300).contains(&spent), "{spent}");
    // All that was spent is known to whoever comes, from the store's memory.
    house.gateways.clear();
    house.start().await;
    house
        .until_status(0, "it knows what was spent", |status| {
            let told = status["budgets"].to_string();
            status["shared"]["heard"] == true && told.contains("\"spent\"")
        })
        .await;
    let statuses = house.message(0, 3).await;
    assert!(count(&statuses, 200) <= 1, "{statuses:?}");
}

/// What a message took, if it was answered.
async fn tokens(house: &crate::house::House, gateway: usize) -> u64 {
    let answer = house.ask(gateway, &message()).await;
    if answer.status != 200 {
        return 0;
    }
    let usage = &answer.json()["usage"];
    let of = |name: &str| usage[name].as_u64().unwrap_or_default();
    of("input_tokens") + of("output_tokens")
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_a_time_are_counted_over_all_gateways() {
    let plan = Plan::new().tenant("[[tenant.limit]]\nconcurrency = 4");
    let house = plan.build(2).await;
    let slow = || -> Request { message().header("x-sim-first-token-ms", "60000") };
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::connect(house.gateways[0].address).await;
        wire.send(slow().bytes()).await;
        open.push(wire);
        // One after the other, so that it asks for what the other leaves.
        house.until_heard(0).await;
    }
    let running = |status: &serde_json::Value| status["requests_running"] == 4;
    house.until_status(0, "four run", running).await;
    house.until_heard(1).await;
    assert_eq!(house.message(1, 2).await, [429, 429]);
    drop(open);
    house
        .until_status(0, "none runs", |status| status["requests_running"] == 0)
        .await;
    house.until_heard(1).await;
    assert_eq!(house.message(1, 2).await, [200, 200]);
}
