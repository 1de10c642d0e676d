//! Streams of binary frames (Amazon Bedrock): an error among them is one like any other.

use crate::support::api::Request;
use crate::support::scripted::{Act, Scripted, Seen, answer, ask, chunk, last_chunk, stream_head};
use crate::support::until;

const TYPE: &str = "content-type: application/vnd.amazon.eventstream\r\n";

fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(name.len() as u8);
        block.extend_from_slice(name.as_bytes());
        block.push(7);
        block.extend_from_slice(&(value.len() as u16).to_be_bytes());
        block.extend_from_slice(value.as_bytes());
    }
    let whole = (16 + block.len() + payload.len()) as u32;
    let headers = (block.len() as u32).to_be_bytes();
    let payload = payload.as_bytes();
    [
        &whole.to_be_bytes()[..],
        &headers,
        &[0; 4],
        &block,
        payload,
        &[0; 4],
    ]
    .concat()
}

fn event(payload: &str) -> Vec<u8> {
    frame(&[(":event-type", "x"), (":message-type", "event")], payload)
}

fn exception(kind: &str) -> Vec<u8> {
    let headers = [(":exception-type", kind), (":message-type", "exception")];
    frame(&headers, r#"{"message":"as the provider says"}"#)
}

fn converse() -> Request {
    let body = r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
    Request::new("POST", "/p/model/claude-x/converse-stream")
        .header("content-type", "application/json")
        .body(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_first_frame_is_met_before_the_client_has_anything() {
    let script = |seen: &Seen| match seen.number {
        0 => answer(200, TYPE, exception("throttlingException")),
        _ => answer(200, TYPE, [event("{}"), event("{}")].concat()),
    };
    let provider = Scripted::start(script).await;
    let gateway = provider.gateway("generic", 2, "").await;

    let answer = ask(&gateway, &converse()).await;

    assert_eq!((answer.status, provider.seen().len()), (200, 2));
    assert_eq!(answer.body, [event("{}"), event("{}")].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_request_in_the_first_frame_is_an_error_answer() {
    let provider = Scripted::start(|_| answer(200, TYPE, exception("validationException"))).await;
    let gateway = provider.gateway("generic", 2, "").await;

    let answer = ask(&gateway, &converse()).await;

    assert_eq!(
        (answer.status, provider.seen().len()),
        (400, 1),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json()["__type"], "ValidationException");
    assert_eq!(answer.json()["message"], "as the provider says");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_a_later_frame_reaches_the_client_and_counts_as_one() {
    let script = |_: &Seen| -> Vec<Act> {
        vec![
            stream_head(TYPE),
            chunk(event("{}")),
            chunk(exception("modelStreamErrorException")),
            last_chunk(),
        ]
    };
    let provider = Scripted::start(script).await;
    let gateway = provider.gateway("generic", 1, "").await;

    let answer = ask(&gateway, &converse()).await;

    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        [event("{}"), exception("modelStreamErrorException")].concat()
    );
    until("it is logged", || {
        let lines = gateway.access_log();
        let mut lines = lines.iter();
        lines.any(|it| it["outcome"] == "broken" && it["reason"] == "provider_error_event")
    })
    .await;
}
