//! Anthropic's Messages API over real sockets: answers, events, budgets, errors.

mod client;

use std::time::Duration;

use client::{anthropic, hello, messages, send, send_h2, start, until, with};
use http::Method;
use serde_json::json;
use simulated_provider::{Account, Clock, Fault, FaultRule, Lie, Limits, Provider, World};

#[tokio::test]
async fn message_is_answered_whole() {
    let provider = start(World::unlimited("k")).await;
    let got = send(provider.addr(), messages("k", &hello(false)))
        .await
        .expect("an answer");
    assert_eq!(got.status, 200);
    let body = got.json();
    assert_eq!(body["type"], "message");
    assert_eq!(body["model"], "claude-test-1");
    assert_eq!(body["stop_reason"], "end_turn");
    assert_eq!(body["usage"]["output_tokens"], 32);
    assert!(got.header("request-id").starts_with("req_01"));
    assert!(!got.header("anthropic-organization-id").is_empty());
    let counters = provider.control().counters();
    assert_eq!(counters.key("k").output_tokens, 32);
    assert_eq!(
        body["usage"]["input_tokens"].as_u64(),
        Some(counters.key("k").input_tokens)
    );
    provider.shutdown().await;
}

#[tokio::test]
async fn stream_has_the_true_sequence_of_events() {
    let provider = start(World::unlimited("k")).await;
    let request = with(messages("k", &hello(true)), "x-sim-output-tokens", "10");
    for got in [
        send(provider.addr(), request.clone())
            .await
            .expect("an answer"),
        send_h2(provider.addr(), request).await.expect("an answer"),
    ] {
        assert_eq!(
            got.header("content-type"),
            "text/event-stream; charset=utf-8"
        );
        let events = got.events();
        let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "message_start",
                "content_block_start",
                "ping",
                "content_block_delta",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ]
        );
        for (name, data) in &events {
            assert_eq!(data["type"], name.as_str());
        }
        assert_eq!(events[7].1["usage"]["output_tokens"], 10);
        assert!(got.complete);
    }
    assert_eq!(provider.control().counters().key("k").output_tokens, 20);
    assert_eq!(provider.control().counters().cancelled, 0);
}

#[tokio::test]
async fn max_tokens_cuts_the_answer() {
    let provider = start(World::unlimited("k")).await;
    let mut body = hello(false);
    body["max_tokens"] = json!(5);
    let got = send(provider.addr(), messages("k", &body))
        .await
        .expect("an answer");
    assert_eq!(got.json()["stop_reason"], "max_tokens");
    assert_eq!(got.json()["usage"]["output_tokens"], 5);
}

#[tokio::test]
async fn tools_and_thinking_have_blocks_of_their_own() {
    let provider = start(World::unlimited("k")).await;
    let mut body = hello(true);
    body["thinking"] = json!({ "type": "enabled", "budget_tokens": 1024 });
    body["tools"] = json!([{
        "name": "weather",
        "input_schema": {
            "type": "object",
            "properties": { "city": { "type": "string" }, "days": { "type": "integer" } },
        },
    }]);
    let got = send(provider.addr(), messages("k", &body))
        .await
        .expect("an answer");
    let events = got.events();
    let starts: Vec<_> = events
        .iter()
        .filter(|(name, _)| name == "content_block_start")
        .map(|(_, data)| {
            (
                data["index"].as_u64(),
                data["content_block"]["type"].clone(),
            )
        })
        .collect();
    assert_eq!(
        starts,
        [
            (Some(0), json!("thinking")),
            (Some(1), json!("text")),
            (Some(2), json!("tool_use")),
        ]
    );
    let input: String = events
        .iter()
        .filter_map(|(_, data)| data["delta"]["partial_json"].as_str())
        .collect();
    let input: serde_json::Value = serde_json::from_str(&input).expect("JSON in the end");
    assert_eq!(input, json!({ "city": "sample", "days": 1 }));
    let end = &events[events.len() - 2].1;
    assert_eq!(end["delta"]["stop_reason"], "tool_use");
    assert_eq!(end["usage"]["output_tokens"], 32);
}

#[tokio::test]
async fn budget_is_strict_and_headers_say_what_is_left() {
    let account = Account::new("a", ["k1", "k2"]).with(Limits::three(60, 60_000, 60_000));
    let clock = Clock::manual();
    let provider = Provider::start_at(World::new(vec![account]), clock.clone())
        .await
        .expect("a free port");
    // Three requests in the burst, whichever of the account's keys they carry.
    for (key, left) in [("k1", "2"), ("k2", "1"), ("k1", "0")] {
        let got = send(provider.addr(), messages(key, &hello(false)))
            .await
            .expect("an answer");
        assert_eq!(got.status, 200);
        assert_eq!(got.header("anthropic-ratelimit-requests-remaining"), left);
        assert_eq!(got.header("anthropic-ratelimit-requests-limit"), "60");
        assert_eq!(
            got.header("anthropic-ratelimit-input-tokens-limit"),
            "60000"
        );
        assert_eq!(
            got.header("anthropic-ratelimit-input-tokens-remaining"),
            "3000"
        );
    }
    let refused = send(provider.addr(), messages("k2", &hello(false)))
        .await
        .expect("an answer");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    assert_eq!(
        refused.header("anthropic-ratelimit-requests-remaining"),
        "0"
    );
    assert_eq!(provider.control().counters().key("k2").refused, 1);

    clock.advance(Duration::from_secs(1));
    let again = send(provider.addr(), messages("k2", &hello(false)))
        .await
        .expect("an answer");
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn unknown_key_is_refused_and_either_header_serves() {
    let provider = start(World::unlimited("k")).await;
    let got = send(provider.addr(), messages("wrong", &hello(false)))
        .await
        .expect("an answer");
    assert_eq!(got.status, 401);
    assert_eq!(got.json()["error"]["type"], "authentication_error");
    assert_eq!(got.header("anthropic-organization-id"), "");
    let mut bearer = with(messages("k", &hello(false)), "authorization", "Bearer k");
    bearer.headers_mut().remove("x-api-key");
    assert_eq!(
        send(provider.addr(), bearer)
            .await
            .expect("an answer")
            .status,
        200
    );
}

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong() {
    let world = World {
        models: vec!["claude-test-*".into()],
        message_bytes_max: 10_000,
        ..World::unlimited("k")
    };
    let provider = start(world).await;
    let change = |field: &str, value: serde_json::Value| {
        let mut body = hello(false);
        body[field] = value;
        body.to_string()
    };
    let cases = [
        ("{".to_owned(), 400, "not valid JSON"),
        (change("model", json!(null)), 400, "model: Field required"),
        (change("max_tokens", json!(0)), 400, "max_tokens"),
        (change("messages", json!([])), 400, "at least one message"),
        (
            change("messages", json!([{ "role": "cat" }])),
            400,
            "messages.0",
        ),
        (change("model", json!("gpt-x")), 404, "model: gpt-x"),
        (
            change("system", json!("x".repeat(10_000))),
            413,
            "maximum size",
        ),
    ];
    for (body, status, says) in cases {
        let request = anthropic("k", Method::POST, "/v1/messages", body);
        let got = send(provider.addr(), request).await.expect("an answer");
        assert_eq!(got.status, status, "{}", got.body);
        assert!(got.body.contains(says), "{}", got.body);
        assert_eq!(got.json()["request_id"], got.header("request-id"));
    }
}

#[tokio::test]
async fn cancelled_stream_is_noticed_and_charges_what_was_produced() {
    let provider = start(World::unlimited("k")).await;
    let request = with(
        messages("k", &hello(true)),
        "x-sim-chunk-interval-ms",
        "3600000",
    );
    let response = client::open(provider.addr(), request)
        .await
        .expect("a head");
    until(provider.control(), "a stream is open", |c| {
        c.streams_open == 1
    })
    .await;
    drop(response);
    until(provider.control(), "it was cancelled", |c| c.cancelled == 1).await;
    let counters = provider.control().counters();
    assert_eq!((counters.streams_open, counters.requests_open), (0, 0));
    assert_eq!(counters.key("k").cancelled, 1);
    assert_eq!(counters.key("k").output_tokens, 4, "the first chunk only");
    assert!(counters.last_cancelled[0].streaming);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn faults_refuse_as_the_provider_would() {
    let account = Account::new("a", ["k"]).with(Limits::three(6_000, 600_000, 600_000));
    let provider = start(World::new(vec![account])).await;
    let cases = [
        (
            Fault::RateLimited {
                retry_after_secs: Some(7),
            },
            429,
            "rate_limit_error",
        ),
        (Fault::RateLimitedBare, 429, "rate_limit_error"),
        (
            Fault::RampLimited {
                retry_after_secs: None,
            },
            429,
            "ramp_limit_exceeded",
        ),
        (Fault::Revoked, 401, "authentication_error"),
        (Fault::OutOfCredit, 400, "Your credit balance is too low"),
        (
            Fault::SpendLimit,
            400,
            "You have reached your specified API usage limits",
        ),
        (
            Fault::OrganizationDisabled,
            400,
            "This organization has been disabled",
        ),
        (Fault::BillingError, 402, "billing_error"),
        (Fault::ModelForbidden, 403, "permission_error"),
        (Fault::ModelMissing, 404, "not_found_error"),
        (
            Fault::Overloaded {
                retry_after_secs: None,
            },
            529,
            "overloaded_error",
        ),
        (Fault::InternalError, 500, "api_error"),
        (Fault::EdgePage { status: 520 }, 520, "<html>"),
        (
            Fault::EdgeJson {
                status: 502,
                retry_after_secs: Some(120),
            },
            502,
            r#""retry_after":120"#,
        ),
    ];
    for (fault, status, says) in cases {
        let id = provider
            .control()
            .fault(FaultRule::from(fault.clone()).times(1));
        let got = send(provider.addr(), messages("k", &hello(true)))
            .await
            .expect("an answer");
        assert_eq!(got.status, status, "{fault:?}");
        assert!(got.body.contains(says), "{fault:?}: {}", got.body);
        let has_budget = got
            .headers
            .contains_key("anthropic-ratelimit-requests-limit");
        match fault {
            Fault::RateLimited { .. } => {
                assert_eq!(got.header("retry-after"), "7");
                assert_eq!(got.header("anthropic-ratelimit-requests-remaining"), "0");
            }
            Fault::RampLimited { .. } => assert!(has_budget),
            _ => assert!(!has_budget, "{fault:?}"),
        }
        assert_eq!(provider.control().struck(id), Some(1));
    }
    assert_eq!(provider.control().counters().key("k").admitted, 0);
}

#[tokio::test]
async fn lies_and_skew_show_in_the_headers() {
    let account = Account {
        lies: vec![Lie::RemainingNegative, Lie::ResetMissing],
        clock_skew_secs: -86_400,
        ..Account::new("a", ["k"]).with(Limits::three(600, 60_000, 60_000))
    };
    let provider = start(World::new(vec![account])).await;
    let got = send(provider.addr(), messages("k", &hello(false)))
        .await
        .expect("an answer");
    assert_eq!(got.header("anthropic-ratelimit-requests-remaining"), "-1");
    assert_eq!(got.header("anthropic-ratelimit-requests-reset"), "");
    let date = httpdate::parse_http_date(got.header("date")).expect("a date");
    let behind = std::time::SystemTime::now()
        .duration_since(date)
        .expect("earlier");
    assert!(behind.as_secs().abs_diff(86_400) < 60);
}
