//! Streamed answers that are held until they are complete, where that is wanted: what breaks in the
//! middle is asked for again unseen.

use crate::support::api::{APIS, Api, Request};
use crate::support::scripted::{
    Act, Scripted, Seen, ask, chunk, events, last_chunk, open_gateway, stream_head,
};

const EVENTS: &str = "content-type: text/event-stream\r\n";

const fn dialect(api: Api) -> &'static str {
    match api {
        Api::Messages => "dialect = \"anthropic\"",
        Api::Chat | Api::Responses => "dialect = \"openai\"",
    }
}

/// A beginning with content, of at least `bytes`, and the end.
fn stream(api: Api, bytes: usize) -> [String; 2] {
    let text = "x".repeat(bytes.max(5));
    match api {
        Api::Messages => [
            format!(
                "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"usage\":{{\"input_tokens\":5}}}}}}\n\n\
                 event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
            ),
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".to_owned(),
        ],
        Api::Chat => [
            format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"),
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n".to_owned(),
        ],
        Api::Responses => [
            format!("event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"delta\":\"{text}\"}}\n\n"),
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":{\"id\":\"r\",\"status\":\"completed\"}}\n\n".to_owned(),
        ],
    }
}

/// Sends the beginning and ends as `end` says, the first time; then all of it.
async fn provider(api: Api, bytes: usize, end: Vec<Act>) -> Scripted {
    let [begin, rest] = stream(api, bytes);
    let script = move |seen: &Seen| match seen.number {
        0 => {
            let mut acts = vec![stream_head(EVENTS), chunk(&begin)];
            acts.extend(end.clone());
            acts
        }
        _ => events(&format!("{begin}{rest}")),
    };
    Scripted::start(script).await
}

fn held(api: Api) -> Request {
    api.request(true).header("x-keyweir-whole", "true")
}

fn broken(api: Api) -> Vec<(&'static str, Vec<Act>)> {
    let error = match api {
        Api::Messages => {
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
        }
        Api::Chat => {
            "data: {\"error\":{\"message\":\"boom\",\"type\":\"server_error\",\"code\":null}}\n\n"
        }
        Api::Responses => {
            "event: error\ndata: {\"type\":\"error\",\"sequence_number\":2,\"code\":\"server_error\",\"message\":\"boom\"}\n\n"
        }
    };
    vec![
        ("dies", vec![Act::Close]),
        ("ends before its end", vec![last_chunk()]),
        ("reports an error", vec![chunk(error), last_chunk()]),
        ("falls silent", vec![Act::Hold]),
    ]
}

#[tokio::test]
async fn a_stream_that_breaks_in_its_middle_is_asked_for_again_unseen() {
    for api in APIS {
        for (how, end) in broken(api) {
            let provider = provider(api, 0, end).await;
            let settings = "[gateway.timeouts]\nstream_idle = \"1s\"\n";
            let gateway = open_gateway(settings, &provider.tables("p", dialect(api), 2)).await;

            let answer = ask(&gateway, &held(api)).await;

            let what = format!("{api:?} {how}: {}", answer.text());
            assert_eq!((answer.status, answer.attempts()), (200, 2), "{what}");
            assert!(
                answer.whole && answer.text() == stream(api, 0).concat(),
                "{what}"
            );
            assert!(!api.has_error(&answer.text()), "{what}");
        }
    }
}

#[tokio::test]
async fn policy_and_client_say_whether_answers_are_held() {
    for (of_provider, header, is_held) in [
        (false, None, false),
        (true, None, true),
        (true, Some("false"), false),
        (false, Some("true"), true),
    ] {
        let provider = provider(Api::Chat, 0, vec![Act::Close]).await;
        let more = format!("{}\nwhole_answers = {of_provider}", dialect(Api::Chat));
        let gateway = open_gateway("", &provider.tables("p", &more, 2)).await;
        let mut request = Api::Chat.request(true);
        if let Some(value) = header {
            request = request.header("x-keyweir-whole", value);
        }

        let answer = ask(&gateway, &request).await;

        assert_eq!(answer.whole, is_held, "{of_provider} {header:?}");
        assert_eq!(answer.attempts(), if is_held { 2 } else { 1 });
        assert!(!provider.seen()[0].head.contains("x-keyweir"));
    }
}

#[tokio::test]
async fn what_outgrows_the_bound_goes_on_as_it_comes_and_is_told_as_cut() {
    let tight = "[gateway.limits]\nbody_bytes_max = \"4 KiB\"\nbody_bytes_held_max = \"4 KiB\"\n";
    for (settings, fits, too_long) in [
        (
            "[gateway.stream]\nwhole_bytes_max = \"2 KiB\"\n",
            1_000,
            3_000,
        ),
        (tight, 3_000, 6_000),
    ] {
        let api = Api::Chat;
        let provider_of = |bytes| provider(api, bytes, vec![Act::Close]);

        let provider = provider_of(fits).await;
        let gateway = open_gateway(settings, &provider.tables("p", dialect(api), 2)).await;
        let answer = ask(&gateway, &held(api)).await;
        assert_eq!((answer.whole, answer.attempts()), (true, 2), "{settings}");

        let provider = provider_of(too_long).await;
        let gateway = open_gateway(settings, &provider.tables("p", dialect(api), 2)).await;
        let answer = ask(&gateway, &held(api)).await;
        assert_eq!((answer.whole, answer.attempts()), (false, 1), "{settings}");
        assert_eq!(api.last_error(&answer.text())["type"], "server_error");

        // One that does not break arrives all the same.
        let answer = ask(&gateway, &held(api)).await;
        assert!(answer.whole && answer.text() == stream(api, too_long).concat());
    }
}

#[tokio::test]
async fn nothing_is_held_once_an_answer_has_gone() {
    let provider = provider(Api::Chat, 2_000, vec![Act::Close]).await;
    let tables = provider.tables("p", dialect(Api::Chat), 2);
    let gateway = open_gateway("", &tables).await;

    for _ in 0..3 {
        assert!(ask(&gateway, &held(Api::Chat)).await.whole);
    }

    let mut left = gateway.status().await["body_bytes_held"].as_u64();
    for _ in 0..100 {
        if left == Some(0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        left = gateway.status().await["body_bytes_held"].as_u64();
    }
    assert_eq!(left, Some(0));
}

#[tokio::test]
async fn a_client_that_misspells_its_wish_is_told() {
    let provider = provider(Api::Chat, 0, vec![Act::Close]).await;
    let gateway = provider.gateway("openai", 2, "").await;
    let request = Api::Chat.request(true).header("x-keyweir-whole", "yes");

    let answer = ask(&gateway, &request).await;

    let message = Api::Chat.check_refusal(&answer, 400, "invalid_request_error");
    assert_eq!(message, "x-keyweir-whole: must be true or false");
    assert!(provider.seen().is_empty());
}
