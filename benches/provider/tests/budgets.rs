//! Budgets under many requests at once, foreign use, the prompt cache, other header forms.

mod client;

use std::time::Duration;

use client::{hello, messages, openai, send, start};
use http::Method;
use serde_json::{Value, json};
use simulated_provider::{Account, BudgetHeaders, Clock, Limits, Provider, World};

async fn frozen(world: World) -> (simulated_provider::RunningProvider, Clock) {
    let clock = Clock::manual();
    let provider = Provider::start_at(world, clock.clone())
        .await
        .expect("a free port");
    (provider, clock)
}

#[tokio::test]
async fn many_at_once_never_get_more_than_the_budget() {
    let account = Account::new("a", ["k1", "k2"]).with(Limits::three(600, 600_000, 600_000));
    let (provider, clock) = frozen(World::new(vec![account])).await;
    let mut admitted = Vec::new();
    for _ in 0..3 {
        let addr = provider.addr();
        let all = (0..100).map(|index| {
            let key = if index % 2 == 0 { "k1" } else { "k2" };
            async move {
                send(addr, messages(key, &hello(true)))
                    .await
                    .expect("an answer")
                    .status
            }
        });
        let statuses = futures::future::join_all(all).await;
        admitted.push(statuses.iter().filter(|status| **status == 200).count());
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(admitted, [30, 10, 10], "the burst, then the refill");
}

#[tokio::test]
async fn foreign_use_takes_its_share_of_the_refill() {
    let account = Account::new("a", ["k"]).with(Limits::three(600, 600_000, 600_000));
    let (provider, clock) = frozen(World::new(vec![account])).await;
    let control = provider.control();
    let drain = || async {
        let mut served = 0;
        while send(provider.addr(), messages("k", &hello(false)))
            .await
            .expect("an answer")
            .status
            == 200
        {
            served += 1;
        }
        served
    };
    assert_eq!(drain().await, 30);
    assert!(control.set_foreign_share("a", 0.5));
    clock.advance(Duration::from_secs(2));
    assert_eq!(drain().await, 10);
    assert_eq!(control.levels("a")[0].requests, Some(0.0));
}

#[tokio::test]
async fn output_in_debt_refuses_until_it_is_earned_back() {
    let account = Account::new("a", ["k"]).with(Limits::three(6_000, 600_000, 600));
    let (provider, clock) = frozen(World::new(vec![account])).await;
    let request = || send(provider.addr(), messages("k", &hello(false)));
    assert_eq!(
        request().await.expect("an answer").status,
        200,
        "30 tokens of output are left"
    );
    let refused = request().await.expect("an answer");
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    assert!(
        refused.body.contains("600 output tokens per minute"),
        "{}",
        refused.body
    );
    clock.advance(Duration::from_millis(201));
    assert_eq!(request().await.expect("an answer").status, 200);
}

#[tokio::test]
async fn cached_prompt_counts_once_per_account() {
    let accounts = vec![
        Account::new("a", ["a1", "a2"]).with(Limits::three(6_000, 6_000_000, 600_000)),
        Account::new("b", ["b1"]),
    ];
    let (provider, clock) = frozen(World::new(accounts)).await;
    let mut body = hello(false);
    body["system"] = json!([{
        "type": "text",
        "text": "word ".repeat(1_000),
        "cache_control": { "type": "ephemeral" },
    }]);
    let usage = |key: &'static str, body: Value| {
        let request = messages(key, &body);
        async {
            send(provider.addr(), request)
                .await
                .expect("an answer")
                .json()["usage"]
                .clone()
        }
    };
    let first = usage("a1", body.clone()).await;
    let written = first["cache_creation_input_tokens"]
        .as_u64()
        .expect("a number");
    assert!(written > 1_000);
    assert_eq!(first["cache_read_input_tokens"], 0);

    body["messages"][0]["content"] = json!("Something else");
    let second = usage("a2", body.clone()).await;
    assert_eq!(second["cache_read_input_tokens"], written);
    assert_eq!(second["cache_creation_input_tokens"], 0);
    let charged = provider.control().counters().key("a2");
    assert_eq!(Some(charged.input_tokens), second["input_tokens"].as_u64());
    assert_eq!(charged.cache_read_tokens, written);

    assert_eq!(
        usage("b1", body.clone()).await["cache_read_input_tokens"],
        0
    );
    clock.advance(Duration::from_secs(301));
    assert_eq!(
        usage("a1", body).await["cache_read_input_tokens"],
        0,
        "five minutes are over"
    );
}

#[tokio::test]
async fn other_forms_of_headers_and_a_generic_endpoint_are_served() {
    let account = Account {
        budget_headers: BudgetHeaders::Ietf,
        extra_headers: vec![(
            "anthropic-ratelimit-unified-status".into(),
            "allowed".into(),
        )],
        ..Account::new("a", ["k"]).with(Limits::two(60, 60_000))
    };
    let (provider, _) = frozen(World::new(vec![account])).await;
    for status in [200, 200, 200, 429] {
        let request = openai("k", Method::PUT, "/generic/some/path", "anything");
        let got = send(provider.addr(), request).await.expect("an answer");
        assert_eq!(got.status, status);
        assert!(got.header("ratelimit").starts_with("\"requests\";r="));
        assert_eq!(got.header("anthropic-ratelimit-unified-status"), "allowed");
        assert_eq!(got.header("x-ratelimit-limit-requests"), "");
    }
}

#[tokio::test]
async fn connection_that_is_too_old_is_reset_at_its_next_request() {
    let world = World {
        requests_per_connection: Some(2),
        ..World::unlimited("k")
    };
    let provider = start(world).await;
    let mut sender = client::connect_h1(provider.addr()).await;
    for _ in 0..2 {
        let response = sender.send_request(messages("k", &hello(false))).await;
        assert!(client::collect(response.expect("a head")).await.complete);
        sender.ready().await.expect("kept alive");
    }
    assert!(
        sender
            .send_request(messages("k", &hello(false)))
            .await
            .is_err()
    );
    assert_eq!(provider.control().counters().requests, 2);
}
