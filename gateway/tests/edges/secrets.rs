//! Keys and content appear nowhere: not in any message at any level, not in metrics or status, not
//! in what clients are told.

use std::collections::BTreeSet;

use simulated_provider::{Fault, FaultRule, Moment};

use crate::support::api::{Api, CLIENT_KEY, Request};
use crate::support::frames::{self, Frames};
use crate::support::stage::{KEYS, Plan, Stage};
use crate::support::wire::Answer;

/// What stands in requests' bodies, headers and queries, and in answers.
const CONTENT: [&str; 5] = [
    "prompt-3f9c1b7e",
    "header-8d2a6c4f",
    "query-5b7e9d1c",
    "mistyped-2c4e6a8b",
    "The mill turns",
];

/// Letters of a secret that must not be seen in a row.
const WINDOW: usize = 8;

/// Every run of [`WINDOW`] letters by which `secret` could be recognized: as it is, in base64 at
/// any position, in hex.
fn traces(secret: &str) -> BTreeSet<String> {
    let mut texts = vec![secret.to_owned(), hex(secret.as_bytes())];
    for skipped in 0..3 {
        // What stands before it shifts its base64.
        let whole = &secret.as_bytes()[skipped..];
        texts.push(base64(&whole[..whole.len() / 3 * 3]));
    }
    let windows = texts.iter().flat_map(|text| {
        let letters: Vec<char> = text.chars().collect();
        let runs: Vec<String> = letters
            .windows(WINDOW)
            .map(|run| run.iter().collect())
            .collect();
        runs
    });
    windows.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks_exact(3) {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(LETTERS[(bits >> shift & 63) as usize]));
        }
    }
    text
}

/// The secret part of a key: what comes after its well-known beginning.
fn secret_part(key: &str) -> &str {
    key.rsplit(['-', '_']).next().unwrap_or(key)
}

fn all_traces() -> BTreeSet<String> {
    let keys = KEYS.iter().map(|(_, key)| *key).chain([CLIENT_KEY]);
    keys.flat_map(|key| traces(secret_part(key))).collect()
}

#[test]
fn traces_of_a_secret_are_recognized() {
    let traces = traces("Qx7vJ2mWcR9tYb4LsKd8ZfHn");
    let is_seen = |text: &str| traces.iter().any(|trace| text.contains(trace.as_str()));
    // As it is, in part, in hex, and in base64 with one letter before it and with two.
    for text in [
        "sk-Qx7vJ2mWcR9t",
        "…YbKd8ZfHn4LsKd8ZfHn",
        "5178377641",
        "eFF4N3ZKMm1XY1I5",
        "eHhReDd2SjJtV2NS",
    ] {
        assert!(is_seen(text), "{text}");
    }
    for text in ["Qx7vJ2m", "qx7vj2mwcr9t", "anything else"] {
        assert!(!is_seen(text), "{text}");
    }
}

fn holds_none(what: &str, text: &str, traces: &BTreeSet<String>) {
    for line in text.lines() {
        for trace in traces {
            assert!(
                !line.contains(trace.as_str()),
                "{what} holds {trace}: {line}"
            );
        }
    }
}

fn shown(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value)));
    }
    text + &answer.text()
}

fn with_content(request: Request, api: Api, stream: bool) -> Request {
    let body = api.body(stream).replace("hello there", CONTENT[0]);
    request
        .body(body)
        .path(&format!("{}?beta=true&q={}", api.path(), CONTENT[2]))
        .header("x-custom", CONTENT[1])
        .header("cookie", CONTENT[1])
}

/// Everything that requests meet, good and bad; all answers.
async fn much_happens(stage: &Stage) -> Vec<Answer> {
    let mut answers = Vec::new();
    let retry_after_secs = None;
    let faults = [
        None,
        Some(Fault::RateLimited { retry_after_secs }),
        Some(Fault::InternalError),
        Some(Fault::EdgePage { status: 502 }),
        Some(Fault::GarbageOnWire),
        Some(Fault::Garbage),
        Some(Fault::ErrorEvent {
            after_chunks: 2,
            error: None,
        }),
        Some(Fault::Reset {
            at: Moment::AfterChunks(2),
            connection: false,
        }),
        Some(Fault::Revoked),
    ];
    for fault in faults {
        for (api, stream) in [
            (Api::Messages, true),
            (Api::Chat, false),
            (Api::Responses, true),
        ] {
            if let Some(fault) = fault.clone() {
                stage.control().fault(FaultRule::from(fault).times(1));
            }
            let request = with_content(api.request(stream), api, stream);
            answers.push(stage.ask(&request.header("x-keyweir-patience", "1")).await);
            stage.control().clear_faults();
        }
    }
    let request = |api: Api| with_content(api.request(false), api, false);
    let mistyped = CONTENT[3];
    for refused in [
        request(Api::Messages)
            .without("x-api-key")
            .header("x-api-key", mistyped),
        request(Api::Chat)
            .without("authorization")
            .header("authorization", format!("Bearer {mistyped}")),
        request(Api::Messages).body(format!("{{\"model\":7,\"x\":\"{}\"}}", CONTENT[0])),
        request(Api::Messages).body(CONTENT[0]),
        request(Api::Messages).method("PUT"),
        request(Api::Messages).path(&format!("/v1/nowhere?q={}", CONTENT[2])),
        request(Api::Messages).header("transfer-encoding", "chunked"),
        request(Api::Messages).header("bad header", CONTENT[1]),
    ] {
        answers.push(stage.ask(&refused).await);
    }
    let mut client = Frames::connect(stage.gateway.address).await;
    let block = frames::request("/v1/messages", &[("x-custom", CONTENT[1])]);
    client
        .send(frames::HEADERS, frames::END_HEADERS, 1, &block)
        .await;
    let body = Api::Messages.body(true).replace("hello there", CONTENT[0]);
    client
        .send(frames::DATA, frames::END_STREAM, 1, body.as_bytes())
        .await;
    client.wait_for(frames::DATA, 1).await;
    answers
}

async fn nothing_is_seen(stage: Stage) {
    let answers = much_happens(&stage).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(good > 15, "{good}");
    let keys = all_traces();
    let with_content: BTreeSet<String> = CONTENT
        .iter()
        .map(|it| (*it).to_owned())
        .chain(keys.clone())
        .collect();
    for answer in &answers {
        holds_none("an answer", &shown(answer), &keys);
    }
    for path in ["/metrics", "/status", "/healthz", "/readyz", "/nowhere"] {
        holds_none(
            path,
            &shown(&stage.gateway.admin(path).await),
            &with_content,
        );
    }
    stage.gateway.signal("TERM").await;
    let (_, written) = stage.gateway.ended().await;
    assert!(written.lines().count() > answers.len(), "{written}");
    holds_none("the log", &written, &with_content);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_content_are_seen_nowhere_at_the_finest_level_of_the_log() {
    nothing_is_seen(Plan::new().log("trace").build().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_content_are_seen_nowhere_even_if_libraries_are_asked_to_speak() {
    let log = "trace,pingora_core=trace,h2=trace,hyper=trace,rustls=trace,tokio=trace";
    nothing_is_seen(Plan::new().upstream("2").log(log).build().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_answer_that_quotes_its_key_is_not_given_to_a_client() {
    let stage = Plan::new()
        .set("[waiting]\npatience = \"0s\"")
        .build()
        .await;
    let (_, key) = KEYS[0];
    let quoting = format!(
        r#"{{"type":"error","error":{{"type":"authentication_error","message":"invalid x-api-key: {key}"}}}}"#
    );
    stage.control().fault(Fault::Answer {
        status: 401,
        headers: Vec::new(),
        body: quoting,
    });

    let answer = stage.ask(&Api::Messages.request(false)).await;

    assert_eq!(answer.status, 503, "{}", answer.text());
    holds_none("the answer", &shown(&answer), &all_traces());
    holds_none("the log", &stage.gateway.written(), &all_traces());
}
