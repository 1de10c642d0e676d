//! What providers say a request took, in the forms of APIs that are reached by a provider's name.

use serde_json::{Value, json};

use crate::support::api::Request;
use crate::support::scripted::{Act, Scripted, Seen, answer, ask, events, json as answered};
use crate::support::until;

const FRAMES: &str = "content-type: application/vnd.amazon.eventstream\r\n";

/// Input, what was read from the cache, what was written to it, and output, by the path asked for.
const TAKEN: [(&str, &str, [u64; 4]); 6] = [
    ("/v1/messages", "claude-x", [305, 1000, 300, 7]),
    ("/v2/chat", "c", [5, 0, 0, 418]),
    (
        "/model/claude-x%3A0/converse",
        "claude-x:0",
        [305, 1000, 300, 7],
    ),
    ("/model/claude-x/converse-stream", "claude-x", [5, 9, 0, 7]),
    ("/model/llama/invoke", "llama", [50, 0, 0, 7]),
    (
        "/v1/projects/p/locations/l/publishers/google/models/gemini-x:streamGenerateContent",
        "gemini-x",
        [90, 60, 0, 10],
    ),
];

fn script(seen: &Seen) -> Vec<Act> {
    let target = seen.target();
    if target.ends_with("/messages") {
        let usage = r#"{"input_tokens":5,"cache_read_input_tokens":1000,"cache_creation_input_tokens":300,"output_tokens":7}"#;
        let content = r#""content":[{"type":"text","text":"hello"}]"#;
        answered(
            200,
            "",
            &format!(r#"{{"type":"message",{content},"usage":{usage}}}"#),
        )
    } else if target.ends_with("/chat") {
        let units = r#"{"input_tokens":5,"output_tokens":418}"#;
        answered(
            200,
            "",
            &format!(
                r#"{{"message":{{"content":[{{"text":"hello"}}]}},"usage":{{"billed_units":{units}}}}}"#
            ),
        )
    } else if target.ends_with("/converse") {
        let usage = r#"{"inputTokens":5,"outputTokens":7,"totalTokens":1312,"cacheReadInputTokens":1000,"cacheWriteInputTokens":300}"#;
        answered(
            200,
            "",
            &format!(r#"{{"output":{{"message":{{}}}},"usage":{usage}}}"#),
        )
    } else if target.ends_with("/converse-stream") {
        let usage = r#"{"usage":{"inputTokens":5,"outputTokens":7,"cacheReadInputTokens":9}}"#;
        let frames = [
            b"\0\0\x01\x0b:event-type",
            usage.as_bytes(),
            b"\xa1\xb2\xc3\xd4",
        ]
        .concat();
        answer(200, FRAMES, frames)
    } else if target.ends_with("/invoke") {
        let head =
            "x-amzn-bedrock-input-token-count: 50\r\nx-amzn-bedrock-output-token-count: 7\r\n";
        answered(200, head, r#"{"generation":"hello"}"#)
    } else {
        events(
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hello\"}]},\"finishReason\":\"STOP\"}],\
             \"usageMetadata\":{\"promptTokenCount\":100,\"cachedContentTokenCount\":60,\"toolUsePromptTokenCount\":50,\
             \"candidatesTokenCount\":7,\"thoughtsTokenCount\":3,\"totalTokenCount\":160}}\n\n",
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_took_is_told_the_same_way_in_whatever_form_it_comes() {
    let provider = Scripted::start(script).await;
    let gateway = provider.gateway("generic", 1, "").await;
    for (asked, (path, model, taken)) in TAKEN.into_iter().enumerate() {
        let body = if path.starts_with("/v") && !path.contains("models/") {
            format!(r#"{{"model":"{model}","max_tokens":8,"messages":[]}}"#)
        } else {
            r#"{"contents":[]}"#.to_owned()
        };
        let request = Request::new("POST", &format!("/p{path}"))
            .header("content-type", "application/json")
            .body(body);

        let answer = ask(&gateway, &request).await;

        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        until("it is logged", || gateway.access_log().len() > asked).await;
        let line = gateway.access_log().pop().expect("a line");
        let names = ["input", "cache_read", "cache_write", "output"];
        for (name, tokens) in names.into_iter().zip(taken) {
            let told = &line[format!("{name}_tokens")];
            let expected = if tokens == 0 {
                Value::Null
            } else {
                json!(tokens)
            };
            assert_eq!(*told, expected, "{name} of {path}: {line}");
        }
        assert_eq!(line["model"], model, "{line}");
    }
}
