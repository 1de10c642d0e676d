//! Bodies that come compressed: requests, which go on as they came, and answers, though the gateway
//! asks for none.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::support::api::{Api, Request};
use crate::support::program::Program;
use crate::support::scripted::{
    Act, Scripted, Seen, answer, ask, chunk, json, last_chunk, open_gateway, stream_head,
};
use crate::support::until;
use crate::support::wire::Wire;

const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];
const GOOD: &str = r#"{"id":"m","type":"message","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":1}}"#;
const OVERLOADED: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
const STREAM: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hello\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

pub(crate) fn coded(coding: &str, plain: impl AsRef<[u8]>) -> Vec<u8> {
    let plain = plain.as_ref();
    let level = Compression::fast();
    let mut coded = Vec::new();
    match coding {
        "gzip" => GzEncoder::new(&mut coded, level).write_all(plain),
        "deflate" => ZlibEncoder::new(&mut coded, level).write_all(plain),
        "br" => brotli::CompressorWriter::new(&mut coded, 4096, 1, 20).write_all(plain),
        _ => zstd::stream::copy_encode(plain, &mut coded, 1),
    }
    .expect("memory");
    coded
}

async fn input_tokens(gateway: &Program) -> serde_json::Value {
    until("the request is logged", || !gateway.access_log().is_empty()).await;
    gateway.access_log()[0]["input_tokens"].clone()
}

#[tokio::test]
async fn answers_are_read_through_their_coding_and_passed_on_in_plain() {
    for coding in CODINGS {
        let head = format!("content-encoding: {coding}\r\n");
        let body = coded(coding, GOOD);
        let json = answer(
            200,
            &format!("content-type: application/json\r\n{head}"),
            body,
        );
        let body = coded(coding, STREAM);
        let (first, rest) = body.split_at(body.len() / 2);
        let events = vec![
            stream_head(&format!("content-type: text/event-stream\r\n{head}")),
            chunk(first),
            chunk(rest),
            last_chunk(),
        ];
        for (stream, sent, text) in [(false, json, GOOD), (true, events, STREAM)] {
            let provider = Scripted::start(move |_| sent.clone()).await;
            let gateway = provider.gateway("anthropic", 1, "").await;
            let request = Api::Messages.request(stream);

            let answer = ask(&gateway, &request.header("accept-encoding", "gzip")).await;

            assert_eq!((answer.status, answer.whole), (200, true), "{coding}");
            assert_eq!(answer.text(), text, "{coding}");
            assert_eq!(answer.header("content-encoding"), "", "{coding}");
            assert_eq!(input_tokens(&gateway).await, 5, "{coding} {stream}");
            assert_eq!(provider.seen()[0].header("accept-encoding"), "identity");
        }
    }
}

#[tokio::test]
async fn faults_are_found_through_a_coding() {
    let no_money = r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#;
    for coding in CODINGS {
        let head = format!("content-encoding: {coding}\r\n");
        let as_json = format!("content-type: application/json\r\n{head}");
        let as_events = format!("content-type: text/event-stream\r\n{head}");
        let half = &coded(coding, GOOD)[..GOOD.len() / 4];
        for (name, first) in [
            ("no money", answer(400, &as_json, coded(coding, no_money))),
            (
                "an early error",
                answer(200, &as_events, coded(coding, OVERLOADED)),
            ),
            ("half an answer", answer(200, &as_json, half)),
            ("another coding", answer(200, &as_json, GOOD)),
        ] {
            let script = move |seen: &Seen| match seen.number {
                0 => first.clone(),
                _ => json(200, "", GOOD),
            };
            let provider = Scripted::start(script).await;
            let gateway = provider.gateway("anthropic", 2, "").await;

            let answer = ask(&gateway, &Api::Messages.request(false)).await;

            assert_eq!(answer.status, 200, "{coding}, {name}: {}", answer.text());
            assert_eq!(answer.attempts(), 2, "{coding}, {name}");
        }
    }
}

#[tokio::test]
async fn an_error_in_a_coding_reaches_the_client_in_plain() {
    let error = r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#;
    let head = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let sent = answer(400, head, coded("gzip", error));
    let provider = Scripted::start(move |_| sent.clone()).await;
    let gateway = provider.gateway("anthropic", 1, "").await;

    let answer = ask(&gateway, &Api::Messages.request(false)).await;

    assert_eq!((answer.status, answer.text().as_str()), (400, error));
    assert_eq!(answer.header("content-encoding"), "");
}

/// Nobody could count what it took, or see that it quotes the key.
#[tokio::test]
async fn an_answer_in_a_coding_that_cannot_be_undone_reaches_nobody() {
    for (status, coding) in [(200, "gzip, gzip"), (200, "compress"), (400, "gzip, br")] {
        let head = format!("content-type: application/json\r\ncontent-encoding: {coding}\r\n");
        let sent = answer(status, &head, coded("gzip", coded("gzip", GOOD)));
        let provider = Scripted::start(move |_| sent.clone()).await;
        let gateway = provider.gateway("anthropic", 1, "").await;
        let request = Api::Messages.request(false);

        let answer = ask(&gateway, &request.header("x-keyweir-patience", "0")).await;

        Api::Messages.check_refusal(&answer, 503, "api_error");
    }
}

#[tokio::test]
async fn an_answer_that_grows_without_end_is_not_held() {
    // 64 MiB of JSON from 64 KiB: it passes as it comes, and is read at its end.
    let mut plain = b"{\"text\":\"".to_vec();
    plain.resize(64 << 20, b'A');
    plain.extend_from_slice(b"\",\"usage\":{\"input_tokens\":5}}");
    let length = plain.len();
    let head = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let sent = answer(200, head, coded("gzip", &plain));
    drop(plain);
    let provider = Scripted::start(move |_| sent.clone()).await;
    let gateway = provider.gateway("anthropic", 1, "").await;
    let before = gateway.memory_peak();
    let mut wire = Wire::connect(gateway.address).await;
    let request = Api::Messages.request(false).header("connection", "close");

    wire.send(request.bytes()).await;
    let status = wire.head().await.status;
    let sent = wire.rest().await;

    assert!(status == 200 && sent.len() >= length && sent.ends_with(b"0\r\n\r\n"));
    assert_eq!(input_tokens(&gateway).await, 5);
    let grown = gateway.memory_peak().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown}");
}

fn compressed(coding: &str, plain: impl AsRef<[u8]>) -> Request {
    Api::Responses
        .request(false)
        .header("content-encoding", coding)
        .body(coded(coding, plain))
}

#[tokio::test]
async fn a_compressed_request_is_read_and_sent_on_as_it_came() {
    let plain = Api::Responses.body(false);
    for coding in CODINGS {
        let provider = Scripted::start(|_| json(200, "", r#"{"output":[1]}"#)).await;
        let gateway = provider.gateway("openai", 1, "").await;

        let answer = ask(&gateway, &compressed(coding, &plain)).await;

        assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
        let seen = &provider.seen()[0];
        assert_eq!(seen.body, coded(coding, &plain), "{coding}");
        assert_eq!(seen.header("content-encoding"), coding);
        until("the request is logged", || !gateway.access_log().is_empty()).await;
        assert_eq!(gateway.access_log()[0]["model"], "gpt-a", "{coding}");
    }
}

#[tokio::test]
async fn whoever_is_turned_to_gets_a_compressed_request_in_plain() {
    let plain = Api::Responses.body(false);
    let down = Scripted::start(|_| json(503, "", "{}")).await;
    let backup = Scripted::start(|_| json(200, "", r#"{"output":[1]}"#)).await;
    let dialect = "dialect = \"openai\"";
    let tables = format!(
        "{}{}\n[[fallback]]\nmodels = [\"gpt-*\"]\n\
         steps = [{{ provider = \"two\", model = \"other\" }}]\n",
        down.tables("one", dialect, 1),
        backup.tables("two", &format!("{dialect}\nmodels = [\"other\"]"), 1),
    );
    let gateway = open_gateway("[retry]\nattempts_max = 1\n", &tables).await;

    let answer = ask(&gateway, &compressed("zstd", &plain)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = &backup.seen()[0];
    assert_eq!(seen.text(), plain.replace("gpt-a", "other"));
    assert_eq!(seen.header("content-encoding"), "");
}

#[tokio::test]
async fn what_cannot_be_read_through_a_coding_is_refused_in_words() {
    let provider = Scripted::start(|_| Vec::<Act>::new()).await;
    let limits = "[gateway.limits]\nbody_bytes_max = \"1MiB\"\n";
    let gateway = provider.gateway("openai", 1, limits).await;
    let mut bomb = br#"{"model":"gpt-a","input":""#.to_vec();
    bomb.resize(8 << 20, b'A');
    bomb.extend_from_slice(b"\"}");
    let request = Api::Responses.request(false);
    for coding in CODINGS {
        let answer = ask(&gateway, &compressed(coding, &bomb)).await;
        assert_eq!(answer.status, 413, "{coding}: {}", answer.text());
        let broken = request.clone().header("content-encoding", coding);
        let answer = ask(&gateway, &broken).await;
        assert_eq!(answer.status, 400, "{coding}: {}", answer.text());
        assert!(answer.text().contains("content-encoding"), "{coding}");
    }
    let foreign = request.header("content-encoding", "snappy");
    let answer = ask(&gateway, &foreign).await;
    assert_eq!(answer.status, 415, "{}", answer.text());
    assert!(answer.text().contains("zstd"), "{}", answer.text());
    assert!(provider.seen().is_empty());
}
