//! What one gateway finds out about accounts and keys, all know.

use simulated_provider::{Fault, FaultRule};

use crate::house::{KEY, Plan};
use crate::redis::Redis;
use crate::support::api::Request;

#[tokio::test(flavor = "multi_thread")]
async fn a_cooldown_is_known_to_the_other_gateway() {
    let house = Plan::new().build(2).await;
    // The group has to be known to both before one can tell the other of it.
    for gateway in [0, 1] {
        assert_eq!(house.message(gateway, 1).await, [200]);
    }
    let wait = Fault::RateLimited {
        retry_after_secs: Some(60),
    };
    let fault = FaultRule::from(wait).on_account("one");
    house.provider.control().fault(fault);
    for _ in 0..100 {
        house.message(1, 1).await;
    }
    house
        .until_status(0, "it cools down there", cools_down)
        .await;
    let refused = house.provider.control().counters().status(429);
    for gateway in [0, 1] {
        assert_eq!(house.message(gateway, 10).await, [200; 10]);
    }
    assert_eq!(house.provider.control().counters().status(429), refused);
}

fn cools_down(status: &serde_json::Value) -> bool {
    status["providers"].to_string().contains("\"cooldown\":{")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_out_at_one_gateway_is_out_at_the_other() {
    let house = Plan::new().build(2).await;
    let fault = FaultRule::from(Fault::Revoked).on_account("one");
    house.provider.control().fault(fault);
    let is_out = |status: &serde_json::Value| {
        let keys = status["providers"][0]["keys"].as_array().expect("a list");
        keys.iter().any(|key| key["state"] == "out")
    };
    for _ in 0..100 {
        house.message(0, 1).await;
    }
    assert!(is_out(&house.gateways[0].status().await));
    house
        .until_status(1, "it has heard that it is out", is_out)
        .await;
    let refused = house.provider.control().counters().status(401);
    assert_eq!(house.message(1, 10).await, [200; 10]);
    assert_eq!(house.provider.control().counters().status(401), refused);
    let status = house.gateways[1].status().await;
    let told = status["providers"][0]["keys"].to_string();
    assert!(told.contains("another gateway found it out"), "{told}");
}

const BATCH: &str = r#"{"requests":[{"custom_id":"c1","params":{"model":"claude-a","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}}]}"#;

fn request(method: &str, path: &str) -> Request {
    Request::new(method, path)
        .header("anthropic-version", "2023-06-01")
        .header("x-api-key", KEY)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_store_has_is_found_however_old_it_is() {
    let house = Plan::new().build(2).await;
    let other = Redis::start().await;
    let policy = house.policy().replace(&house.redis.url(), &other.url());
    let moves = async |gateway: usize| {
        let program = &house.gateways[gateway];
        program.files.write("keys.toml", &policy);
        assert_eq!(program.reload().await.status, 200);
        let address = other.url();
        house
            .until_shared(gateway, "it hears the other store", |shared| {
                let store = shared["store"].as_str().unwrap_or_default();
                shared["heard"] == true && address.ends_with(store) && !store.is_empty()
            })
            .await;
    };
    moves(0).await;
    let mut made = Vec::new();
    for _ in 0..4 {
        let make = request("POST", "/v1/messages/batches")
            .header("content-type", "application/json")
            .body(BATCH);
        let answer = house.ask(0, &make).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        made.push(answer.json()["id"].as_str().expect("an id").to_owned());
    }
    house.until_heard(0).await;
    // What is in the first store is younger than that.
    house.redis.ask("XADD {keyweir}:1:things * h nothing");
    house.until_heard(1).await;
    moves(1).await;
    house.until_heard(1).await;
    for id in made {
        let path = format!("/v1/messages/batches/{id}");
        let found = house.ask(1, &request("GET", &path)).await;
        assert_eq!(found.status, 200, "{}", found.text());
    }
    assert_eq!(house.provider.control().counters().status(404), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_one_gateway_made_is_found_by_the_other_without_seeking() {
    let house = Plan::new().build(2).await;
    for _ in 0..4 {
        let make = request("POST", "/v1/messages/batches")
            .header("content-type", "application/json")
            .body(BATCH);
        let answer = house.ask(0, &make).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let id = answer.json()["id"].as_str().expect("an id").to_owned();
        house.until_heard(1).await;
        let found = house
            .ask(1, &request("GET", &format!("/v1/messages/batches/{id}")))
            .await;
        assert_eq!(found.status, 200, "{}", found.text());
        assert_eq!(found.attempts(), 1);
    }
    assert_eq!(house.provider.control().counters().status(404), 0);
    // Who comes later finds them too.
    let mut house = house;
    let make = request("POST", "/v1/messages/batches")
        .header("content-type", "application/json")
        .body(BATCH);
    let id = house.ask(1, &make).await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    house.until_heard(1).await;
    house.start().await;
    house.all_hear().await;
    let path = format!("/v1/messages/batches/{id}");
    assert_eq!(house.ask(2, &request("GET", &path)).await.status, 200);
}
