//! What an answer says of itself in its body: errors that came with 200, answers that are none, ends
//! that are told and ends that are not.

use std::time::Duration;

use crate::compression::coded;
use crate::support::PROMPT;
use crate::support::api::{Api, Request};
use crate::support::program::{Program, Watch};
use crate::support::scripted::{
    Act, Scripted, Seen, answer, ask, chunk, events, json, last_chunk, stream_head,
};

const GOOD: &str = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1}}"#;
const GOOD_MESSAGE: &str = r#"{"id":"m","type":"message","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":1}}"#;
const HELLO: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":null}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const EVENTS: &str = "content-type: text/event-stream\r\n";

fn good(api: Api, stream: bool) -> Vec<Act> {
    match (api, stream) {
        (Api::Messages, false) => json(200, "", GOOD_MESSAGE),
        (Api::Messages, true) => events(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5}}}\n\n\
             event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hello\"}}\n\n\
             event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        (_, false) => json(200, "", GOOD),
        (_, true) => events(&[HELLO, STOP, DONE].concat()),
    }
}

const fn dialect(api: Api) -> &'static str {
    match api {
        Api::Messages => "anthropic",
        Api::Chat | Api::Responses => "openai",
    }
}

async fn outcome(gateway: &Program) -> serde_json::Value {
    crate::support::until("the request is logged", || !gateway.access_log().is_empty()).await;
    gateway.access_log().pop().expect("a line")
}

#[tokio::test]
async fn an_error_of_the_request_in_a_stream_reaches_the_client_once_as_that_error() {
    let cases = [
        (
            Api::Chat,
            "data: {\"error\": {\"object\": \"error\", \"message\": \"The model is not multimodal.\", \"type\": \"BadRequestError\", \"param\": null, \"code\": 400}}\n\ndata: [DONE]\n\n",
            "The model is not multimodal.",
        ),
        (
            Api::Responses,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":1,\"response\":{\"id\":\"resp_1\",\"status\":\"failed\",\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"Your input exceeds the context window\"}}}\n\n",
            "Your input exceeds the context window",
        ),
        (
            Api::Messages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"tool_use ids were found without tool_result blocks\"}}\n\n",
            "tool_use ids were found without tool_result blocks",
        ),
    ];
    for (api, stream, message) in cases {
        let provider = Scripted::start(move |_| events(stream)).await;
        let gateway = provider.gateway(dialect(api), 2, "").await;

        let answer = ask(&gateway, &api.request(true)).await;

        assert_eq!(answer.status, 400, "{api:?}: {}", answer.text());
        assert_eq!(answer.json()["error"]["message"], message, "{api:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("retry-after"), "");
        assert_eq!((answer.attempts(), provider.seen().len()), (1, 1));
        assert_eq!(outcome(&gateway).await["outcome"], "passed_through");
    }
}

#[tokio::test]
async fn an_error_in_a_200_goes_to_another_key() {
    for error in [
        r#"{"error":{"message":"Provider returned error","code":502}}"#,
        r#"{"error":{"message":"Rate limit exceeded","code":429}}"#,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    ] {
        for stream in [false, true] {
            let script = move |seen: &Seen| match seen.number {
                0 => json(200, "", error),
                _ => good(Api::Chat, stream),
            };
            let provider = Scripted::start(script).await;
            let gateway = provider.gateway("openai", 2, "").await;

            let answer = ask(&gateway, &Api::Chat.request(stream)).await;

            assert_eq!(answer.status, 200, "{error} {stream}");
            assert!(answer.text().contains("hello"), "{error} {stream}");
            assert_eq!(answer.attempts(), 2, "{error} {stream}");
        }
    }
}

#[tokio::test]
async fn an_error_in_a_200_is_no_success_where_nothing_helps() {
    let error = r#"{"error":{"message":"Provider returned error","code":502}}"#;
    let provider = Scripted::start(move |_| json(200, "", error)).await;
    let gateway = provider
        .gateway("openai", 1, "[retry]\nattempts_max = 1\n")
        .await;

    let answer = ask(&gateway, &Api::Chat.request(false)).await;

    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(answer.json()["error"]["message"], "Provider returned error");
    assert_eq!(outcome(&gateway).await["outcome"], "passed_through");
}

#[tokio::test]
async fn an_answer_that_is_none_goes_to_another_key() {
    let plain = "content-type: text/plain\r\n";
    let half = &GOOD[..GOOD.len() / 2];
    for (name, first) in [
        ("nothing", answer(200, "", "")),
        (
            "204",
            vec![Act::Send(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())],
        ),
        ("nothing, announced as JSON", json(200, "", "")),
        ("blank lines", json(200, "", "\r\n\r\n")),
        ("a banner", answer(200, plain, "upstream connect error")),
        (
            "a banner, announced as JSON",
            json(200, "", "no healthy upstream"),
        ),
        ("half an answer in a good frame", json(200, "", half)),
        ("an empty stream", vec![stream_head(EVENTS), last_chunk()]),
    ] {
        let script = move |seen: &Seen| match seen.number {
            0 => first.clone(),
            _ => good(Api::Chat, false),
        };
        let provider = Scripted::start(script).await;
        let gateway = provider.gateway("openai", 2, "").await;

        let answer = ask(&gateway, &Api::Chat.request(false)).await;

        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert!(answer.text().contains("hello"), "{name}");
        assert_eq!(answer.attempts(), 2, "{name}");
    }
}

#[tokio::test]
async fn blanks_without_end_are_no_answer_and_are_not_held() {
    let blanks = " \n".repeat(24 << 20);
    let json = "content-type: application/json\r\n";
    let small = coded("gzip", &blanks);
    let long =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n";
    for (name, first) in [
        ("JSON", vec![stream_head(json), chunk(&blanks), Act::Hold]),
        (
            "events",
            vec![stream_head(EVENTS), chunk(&blanks), Act::Hold],
        ),
        ("text", vec![stream_head(""), chunk(&blanks), Act::Hold]),
        (
            "a length",
            vec![
                Act::Send([long.as_bytes(), blanks.as_bytes()].concat()),
                Act::Hold,
            ],
        ),
        (
            "a coding",
            answer(200, &format!("{json}content-encoding: gzip\r\n"), small),
        ),
    ] {
        let script = move |seen: &Seen| match seen.number {
            0 => first.clone(),
            _ => good(Api::Chat, false),
        };
        let provider = Scripted::start(script).await;
        let gateway = provider.gateway("openai", 2, "").await;
        let before = gateway.memory_peak();

        let answer = ask(&gateway, &Api::Chat.request(false)).await;

        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert!(answer.text().contains("hello"), "{name}");
        assert_eq!(answer.attempts(), 2, "{name}");
        let grown = gateway.memory_peak().saturating_sub(before);
        assert!(grown < 24 << 20, "{name}: {grown}");
    }
}

#[tokio::test]
async fn blanks_while_a_model_thinks_are_waited_through_for_as_long_as_for_a_head() {
    let blanks = || [chunk("\n"), Act::Pause(Duration::from_millis(200))];
    let json = "content-type: application/json\r\n";
    let thinks: Vec<Act> = std::iter::once(stream_head(json))
        .chain((0..15).flat_map(|_| blanks()))
        .chain([chunk(GOOD), last_chunk()])
        .collect();
    for (head, status) in [("60s", 200), ("1s", 504)] {
        let sent = thinks.clone();
        let provider = Scripted::start(move |_| sent.clone()).await;
        let settings = format!(
            "[gateway.timeouts]\nhead = \"{head}\"\nstream_idle = \"1s\"\n[retry]\nattempts_max = 1\n\
             [waiting]\npatience = \"0s\""
        );
        let gateway = provider.gateway("openai", 1, &settings).await;

        let answer = ask(&gateway, &Api::Chat.request(false)).await;

        assert_eq!(answer.status, status, "{head}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_body_decides_what_an_answer_is() {
    let stream = [HELLO, STOP, DONE].concat();
    for (name, headers, body, content_type) in [
        (
            "events for JSON",
            "content-type: application/json\r\n",
            &stream,
            "text/event-stream",
        ),
        ("events for nothing", "", &stream, "text/event-stream"),
        (
            "JSON for events",
            EVENTS,
            &GOOD.to_owned(),
            "application/json",
        ),
        (
            "JSON for nothing",
            "",
            &format!("\u{FEFF}\n{GOOD}"),
            "application/json",
        ),
    ] {
        let sent = answer(200, headers, body);
        let provider = Scripted::start(move |_| sent.clone()).await;
        let gateway = provider.gateway("openai", 1, "").await;

        let answer = ask(&gateway, &Api::Chat.request(true)).await;

        assert_eq!((answer.status, answer.whole), (200, true), "{name}");
        assert_eq!(answer.header("content-type"), content_type, "{name}");
        assert_eq!(&answer.text(), body, "{name}");
        let line = outcome(&gateway).await;
        assert_eq!(line["outcome"], "answered", "{name}");
        if body.contains("usage") {
            assert_eq!(line["input_tokens"], 5, "{name}");
        }
    }
}

#[tokio::test]
async fn an_empty_finish_reason_is_no_end() {
    let going_on = HELLO.replace("null", "\"\"");
    let provider = Scripted::start(move |_| events(&going_on.repeat(2))).await;
    let gateway = provider.gateway("openai", 2, "").await;

    let answer = ask(&gateway, &Api::Chat.request(true)).await;

    assert!(!answer.whole, "{}", answer.text());
    Api::Chat.last_error(&answer.text());
    assert_eq!(outcome(&gateway).await["outcome"], "broken");
}

#[tokio::test]
async fn a_stream_that_has_said_its_last_word_is_over() {
    let message_stop = "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hello\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let chunks = [HELLO, STOP, DONE].concat();
    let completed = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hello\"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\n";
    for (api, text) in [
        (Api::Messages, message_stop.to_owned()),
        (Api::Chat, chunks.clone()),
        (Api::Responses, completed.to_owned()),
    ] {
        for end in [Act::Hold, Act::Close] {
            let acts = vec![stream_head(EVENTS), chunk(&text), end.clone()];
            let provider = Scripted::start(move |_| acts.clone()).await;
            let gateway = provider.gateway(dialect(api), 1, "").await;
            let watch = Watch::start();

            let answer = ask(&gateway, &api.request(true)).await;

            assert!(answer.whole, "{api:?} {end:?}");
            assert_eq!(answer.text(), text, "{api:?} {end:?}");
            assert_eq!(outcome(&gateway).await["outcome"], "answered");
            watch.within(PROMPT);
        }
    }
}

#[tokio::test]
async fn the_line_that_ends_the_last_event_is_waited_for_and_never_missing() {
    let message_stop = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hello\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n";
    let done = [HELLO, STOP, "data: [DONE]\n"].concat();
    for (api, text) in [(Api::Messages, message_stop.to_owned()), (Api::Chat, done)] {
        for whole in ["false", "true"] {
            for rest in [vec![chunk("\n"), Act::Hold], vec![Act::Close]] {
                let mut acts = vec![stream_head(EVENTS), chunk(&text)];
                acts.extend(rest);
                let provider = Scripted::start(move |_| acts.clone()).await;
                let gateway = provider.gateway(dialect(api), 1, "").await;
                let request = api.request(true).header("x-keyweir-whole", whole);

                let answer = ask(&gateway, &request).await;

                assert!(answer.whole, "{api:?} {whole}");
                let ended = answer.text().strip_prefix(&text).map(str::to_owned);
                let ended = ended.unwrap_or_else(|| panic!("{api:?} {whole}: {}", answer.text()));
                assert!(ended.starts_with('\n'), "{api:?} {whole}: {ended:?}");
                assert_eq!(outcome(&gateway).await["outcome"], "answered");
            }
        }
    }
}

#[tokio::test]
async fn what_is_missing_after_a_whole_answer_is_not_missed() {
    let delta = "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hello\"}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n";
    for (api, text) in [
        (Api::Chat, [HELLO, STOP].concat()),
        (Api::Messages, delta.to_owned()),
    ] {
        for end in [last_chunk(), Act::Close] {
            let acts = vec![stream_head(EVENTS), chunk(&text), end.clone()];
            let provider = Scripted::start(move |_| acts.clone()).await;
            let gateway = provider.gateway(dialect(api), 1, "").await;

            let answer = ask(&gateway, &api.request(true)).await;

            assert!(answer.whole, "{api:?} {end:?}: {}", answer.text());
            assert_eq!(answer.text(), text, "{api:?} {end:?}");
            assert_eq!(outcome(&gateway).await["outcome"], "answered");
        }
    }
}

#[tokio::test]
async fn a_stream_with_carriage_returns_alone_is_one() {
    let text = [HELLO, STOP, DONE].concat().replace('\n', "\r");
    let (first, rest) = text.split_at(HELLO.len());
    let acts = vec![stream_head(EVENTS), chunk(first), Act::Hold];
    let whole = vec![stream_head(EVENTS), chunk(first), chunk(rest), last_chunk()];
    let script = move |seen: &Seen| match seen.number {
        0 => whole.clone(),
        _ => acts.clone(),
    };
    let provider = Scripted::start(script).await;
    let gateway = provider
        .gateway("openai", 1, "[gateway.timeouts]\nstream_idle = \"1s\"\n")
        .await;

    let answer = ask(&gateway, &Api::Chat.request(true)).await;
    assert!(answer.whole);
    assert_eq!(answer.text(), text);
    assert_eq!(outcome(&gateway).await["outcome"], "answered");

    // An event passes when it has come, not when a line feed has.
    let cut = ask(&gateway, &Api::Chat.request(true)).await;
    assert!(cut.text().starts_with(first), "{}", cut.text());
    assert!(!cut.whole);
}

#[tokio::test]
async fn bytes_that_come_alone_cost_no_more_each_than_others() {
    let event = HELLO.replace("hello", &"x".repeat(60_000));
    let text = [&event, &event, &event, STOP, DONE].concat();
    let mut bytes = Vec::new();
    for byte in text.as_bytes() {
        bytes.extend_from_slice(&[b'1', b'\r', b'\n', *byte, b'\r', b'\n']);
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    let acts = vec![stream_head(EVENTS), Act::Send(bytes)];
    let provider = Scripted::start(move |_| acts.clone()).await;
    let gateway = provider.gateway("openai", 1, "").await;
    let watch = Watch::start();

    let answer = ask(&gateway, &Api::Chat.request(true)).await;

    assert!(answer.whole);
    assert!(answer.text() == text);
    watch.within(Duration::from_secs(30));
}

#[tokio::test]
async fn the_usage_of_a_large_answer_is_known() {
    let large = format!(
        r#"{{"data":[{{"b64_json":"{}"}}],"usage":{{"input_tokens":7,"output_tokens":9}}}}"#,
        "A".repeat(5 << 20)
    );
    let sent = json(200, "", &large);
    let provider = Scripted::start(move |_| sent.clone()).await;
    let gateway = provider.gateway("openai", 1, "").await;
    let request = Request::new("POST", "/v1/images/generations")
        .header("content-type", "application/json")
        .body(r#"{"model":"gpt-image","prompt":"x"}"#);

    let answer = ask(&gateway, &request).await;

    assert!(answer.whole && answer.text() == large);
    let line = outcome(&gateway).await;
    assert_eq!(
        (&line["input_tokens"], &line["output_tokens"]),
        (&7.into(), &9.into())
    );
}

#[tokio::test]
async fn what_was_read_from_a_cache_is_told_beside_the_input_whoever_served_it() {
    for (dialect, path, usage) in [
        (
            "openai",
            "/v1/chat/completions",
            r#"{"prompt_tokens":1200,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":1000}}"#,
        ),
        (
            "anthropic",
            "/v1/messages",
            r#"{"input_tokens":200,"cache_read_input_tokens":1000,"output_tokens":9}"#,
        ),
    ] {
        let sent = json(200, "", &format!(r#"{{"id":"a","usage":{usage}}}"#));
        let provider = Scripted::start(move |_| sent.clone()).await;
        let gateway = provider.gateway(dialect, 1, "").await;
        let request = Request::new("POST", path)
            .header("content-type", "application/json")
            .header("anthropic-version", "2023-06-01")
            .body(r#"{"model":"a","max_tokens":9,"messages":[]}"#);
        let answer = ask(&gateway, &request).await;
        assert_eq!(answer.status, 200);
        let line = outcome(&gateway).await;
        let explained = gateway
            .explained(answer.header("x-keyweir-request-id"))
            .await;
        for told in [&line, &explained] {
            assert_eq!(told["input_tokens"], 200, "{dialect} {told}");
            assert_eq!(told["cache_read_tokens"], 1000, "{dialect} {told}");
        }
        let metrics = gateway.admin("/metrics").await.text();
        for name in ["keyweir_tokens_total{", "keyweir_model_tokens_total{"] {
            let of_input = |line: &&str| line.starts_with(name) && line.contains(r#"kind="input""#);
            let counted = metrics.lines().find(of_input).expect(name);
            assert!(counted.ends_with(" 200"), "{dialect} {counted}");
        }
    }
}

#[tokio::test]
async fn a_wait_that_is_a_date_counts_from_our_clock_where_the_answer_has_none() {
    let error = r#"{"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}"#;
    let script = move |_: &Seen| {
        let at = std::time::SystemTime::now() + Duration::from_secs(300);
        let header = format!("retry-after: {}\r\n", httpdate::fmt_http_date(at));
        json(429, &header, error)
    };
    let provider = Scripted::start(script).await;
    let gateway = provider.gateway("openai", 1, "").await;

    let answer = ask(&gateway, &Api::Chat.request(false)).await;

    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(provider.seen().len(), 1);
    let wait: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((290..=301).contains(&wait), "{wait}");
}
