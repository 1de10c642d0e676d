//! OpenAI's API over real sockets.

mod client;

use client::{openai, send, send_h2, start, with};
use http::Method;
use serde_json::{Value, json};
use simulated_provider::{
    Account, Clock, Fault, FaultRule, Limits, OpenAiCharge, Provider, Tokens, World,
};

fn chat(stream: bool) -> Value {
    json!({
        "model": "gpt-test",
        "stream": stream,
        "messages": [{ "role": "user", "content": "Hello there" }],
    })
}

fn post(path: &str, body: &Value) -> http::Request<http_body_util::Full<bytes::Bytes>> {
    openai("k", Method::POST, path, body.to_string())
}

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn completion_is_answered_whole() {
    let provider = start(World::unlimited("k")).await;
    let got = send(provider.addr(), post(CHAT, &chat(false)))
        .await
        .expect("an answer");
    let body = got.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "gpt-test");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["usage"]["completion_tokens"], 32);
    assert!(!got.header("x-request-id").is_empty());
}

#[tokio::test]
async fn completion_streams_with_usage_and_ends_in_done() {
    let provider = start(World::unlimited("k")).await;
    let mut body = chat(true);
    body["stream_options"] = json!({ "include_usage": true });
    body["tools"] = json!([{
        "type": "function",
        "function": { "name": "f", "parameters": { "properties": { "n": { "type": "integer" } } } },
    }]);
    for got in [
        send(provider.addr(), post(CHAT, &body))
            .await
            .expect("an answer"),
        send_h2(provider.addr(), post(CHAT, &body))
            .await
            .expect("an answer"),
    ] {
        let chunks: Vec<Value> = got.events().into_iter().map(|(_, data)| data).collect();
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(chunks[1]["usage"], Value::Null);
        let [.., finish, usage, done] = &chunks[..] else {
            panic!("too few chunks")
        };
        assert_eq!(finish["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(usage["choices"], json!([]));
        assert_eq!(usage["usage"]["completion_tokens"], 32);
        assert_eq!(done, "[DONE]");
        let arguments: String = chunks
            .iter()
            .filter_map(|chunk| {
                chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
            })
            .collect();
        assert_eq!(arguments, r#"{"n":1}"#);
    }
}

#[tokio::test]
async fn response_streams_in_order_and_is_found_again_by_its_account() {
    let world = World::new(vec![
        Account::new("a", ["k", "k2"]),
        Account::new("b", ["other"]),
    ]);
    let provider = start(world).await;
    let body = json!({ "model": "gpt-test", "input": "Hello", "stream": true });
    let got = send(provider.addr(), post("/v1/responses", &body))
        .await
        .expect("an answer");
    let events = got.events();
    let mut names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    assert_eq!(
        names,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, (name, data)) in events.iter().enumerate() {
        assert_eq!(
            (&data["type"], &data["sequence_number"]),
            (&json!(name), &json!(number))
        );
    }
    let response = &events.last().expect("events").1["response"];
    assert_eq!(response["usage"]["output_tokens"], 32);
    let id = response["id"].as_str().expect("an id");

    let path = format!("/v1/responses/{id}");
    for (key, status) in [("k2", 200), ("other", 404)] {
        let request = openai(key, Method::GET, &path, "");
        assert_eq!(
            send(provider.addr(), request)
                .await
                .expect("an answer")
                .status,
            status
        );
        let follow_up = json!({ "model": "m", "input": "And?", "previous_response_id": id });
        let request = openai(key, Method::POST, "/v1/responses", follow_up.to_string());
        let status = if status == 404 { 400 } else { 200 };
        assert_eq!(
            send(provider.addr(), request)
                .await
                .expect("an answer")
                .status,
            status
        );
    }
}

#[tokio::test]
async fn budget_is_charged_as_declared_and_durations_say_when_it_is_full() {
    let account = Account::new("a", ["k"]).with(Limits::two(600, 60_000));
    let world = World::new(vec![account]);
    let provider = Provider::start_at(world, Clock::manual())
        .await
        .expect("a free port");
    let mut body = chat(false);
    body["max_tokens"] = json!(2_000);
    let got = send(provider.addr(), post(CHAT, &body))
        .await
        .expect("an answer");
    assert_eq!(got.status, 200);
    assert_eq!(got.header("x-ratelimit-limit-tokens"), "60000");
    assert_eq!(got.header("x-ratelimit-remaining-tokens"), "1000");
    assert_eq!(got.header("x-ratelimit-reset-tokens"), "2s");
    assert_eq!(got.header("x-ratelimit-remaining-requests"), "29");
    assert_eq!(got.header("x-ratelimit-reset-requests"), "100ms");

    let refused = send(provider.addr(), post(CHAT, &body))
        .await
        .expect("an answer");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(refused.header("retry-after"), "1");

    body["max_tokens"] = json!(100_000);
    let never = send(provider.addr(), post(CHAT, &body))
        .await
        .expect("an answer");
    assert_eq!((never.status, never.header("retry-after")), (429, ""));
    assert!(
        never.body.contains("Request too large for gpt-test"),
        "{}",
        never.body
    );
    assert!(
        never.body.contains("Limit 60000, Requested 100000"),
        "{}",
        never.body
    );
}

#[tokio::test]
async fn budget_can_be_charged_for_what_is_real() {
    let account = Account::new("a", ["k"]).with(Limits::two(600, 60_000));
    let world = World {
        tokens: Tokens {
            openai_charge: OpenAiCharge::Real,
            ..Tokens::default()
        },
        ..World::new(vec![account])
    };
    let provider = Provider::start_at(world, Clock::manual())
        .await
        .expect("a free port");
    let mut body = chat(false);
    body["max_tokens"] = json!(2_000);
    let got = send(provider.addr(), post(CHAT, &body))
        .await
        .expect("an answer");
    let total = got.json()["usage"]["total_tokens"]
        .as_u64()
        .expect("a number");
    let left = 3_000 - total;
    assert_eq!(got.header("x-ratelimit-remaining-tokens"), left.to_string());
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn errors_have_openais_shape() {
    let provider = start(World {
        models: vec!["gpt-*".into()],
        ..World::unlimited("k")
    })
    .await;
    let cases = [
        (
            Fault::RateLimited {
                retry_after_secs: None,
            },
            429,
            "rate_limit_exceeded",
        ),
        (
            Fault::RampLimited {
                retry_after_secs: None,
            },
            429,
            "slow_down",
        ),
        (Fault::OutOfCredit, 429, "insufficient_quota"),
        (Fault::SpendLimit, 429, "project_spend_limit_exceeded"),
        (Fault::SpendLimitEnforced, 429, "credit_balance_exhausted"),
        (Fault::Revoked, 401, "invalid_api_key"),
        (Fault::ModelForbidden, 403, "model_not_found"),
        (Fault::ModelMissing, 404, "model_not_found"),
        (
            Fault::Overloaded {
                retry_after_secs: None,
            },
            503,
            "overloaded",
        ),
    ];
    for (fault, status, code) in cases {
        provider.control().fault(FaultRule::from(fault).times(1));
        let got = send(provider.addr(), post(CHAT, &chat(false)))
            .await
            .expect("an answer");
        assert_eq!(
            (got.status, &got.json()["error"]["code"]),
            (status, &json!(code))
        );
    }
    let wrong = openai("wrong", Method::POST, CHAT, chat(false).to_string());
    assert_eq!(
        send(provider.addr(), wrong)
            .await
            .expect("an answer")
            .status,
        401
    );
    let unknown = post(CHAT, &json!({ "model": "x", "messages": [{}] }));
    assert_eq!(
        send(provider.addr(), unknown)
            .await
            .expect("an answer")
            .status,
        404
    );
    let empty = post(CHAT, &json!({ "model": "gpt-1", "messages": [] }));
    assert_eq!(
        send(provider.addr(), empty)
            .await
            .expect("an answer")
            .status,
        400
    );

    let event = with(post(CHAT, &chat(true)), "x-sim-fault", "error_event");
    let got = send(provider.addr(), event).await.expect("an answer");
    let events = got.events();
    assert_eq!(
        events.last().expect("events").1["error"]["code"],
        "overloaded"
    );
}

#[tokio::test]
async fn embeddings_come_as_floats_or_base64() {
    let provider = start(World::unlimited("k")).await;
    let body = json!({ "model": "embed", "input": ["one", "two"], "dimensions": 4 });
    let got = send(provider.addr(), post("/v1/embeddings", &body))
        .await
        .expect("an answer");
    let floats = got.json();
    assert_eq!(floats["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        floats["data"][1]["embedding"].as_array().map(Vec::len),
        Some(4)
    );
    let body = json!({ "model": "embed", "input": "one", "encoding_format": "base64" });
    let got = send(provider.addr(), post("/v1/embeddings", &body))
        .await
        .expect("an answer");
    assert!(got.json()["data"][0]["embedding"].is_string());
    assert!(got.json()["usage"]["total_tokens"].as_u64() > Some(0));
}
