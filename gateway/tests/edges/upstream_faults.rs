//! What providers do wrong: invisible as long as the client has seen nothing of the answer, and
//! afterwards an error event of the dialect and an end that nobody takes for a good one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use simulated_provider::{Fault, FaultRule, Moment};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::api::{APIS, Api, Request};
use crate::support::fake::Fake;
use crate::support::frames::{self, Frames};
use crate::support::program::Watch;
use crate::support::stage::{Plan, Stage};
use crate::support::wire::{Answer, find};
use crate::support::{PROMPT, until};

const UPSTREAMS: [&str; 2] = ["1.1", "2"];

fn plan(upstream: &'static str) -> Plan {
    Plan::new().upstream(upstream).set(
        "[gateway.timeouts]\nhead = \"1s\"\nstream_idle = \"1s\"\nsend = \"1s\"\n\
         [gateway.stream]\nhold_head = \"20s\"",
    )
}

const fn reset(at: Moment) -> Fault {
    Fault::Reset {
        at,
        connection: false,
    }
}

const fn stall(at: Moment) -> Fault {
    Fault::Stall { at, secs: None }
}

fn error_event(after_chunks: u64, error: &str) -> Fault {
    Fault::ErrorEvent {
        after_chunks,
        error: Some(error.to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn informational_answers_without_end_are_no_answer() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let hint = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    for (hints, status) in [(3, 200), (50, 200), (1000, 503)] {
        let fake = Fake::start(format!("{}{head}", hint.repeat(hints))).await;
        let stage = Plan::new()
            .and(&fake.tables("fake", "anthropic"))
            .build()
            .await;
        let request = Api::Messages.request(false).path("/fake/v1/messages");
        let answer = stage.ask(&request.header("x-keyweir-patience", "0")).await;
        assert_eq!(answer.status, status, "{hints}: {}", answer.text());
    }
}

/// A provider that speaks HTTP/2 and answers every request with hints, without end.
async fn hints_over_http2() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = tokio::io::split(socket);
                let read =
                    async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await };
                let write = async move {
                    let settings = frames::frame(frames::SETTINGS, 0, 0, &[]);
                    writer.write_all(&settings).await?;
                    let hint = frames::block(&[(":status", "103"), ("link", "</a>")]);
                    let hint = frames::frame(frames::HEADERS, frames::END_HEADERS, 1, &hint);
                    loop {
                        // As slow as it takes for each to be seen by itself.
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                        writer.write_all(&hint).await?;
                    }
                };
                let _: (_, std::io::Result<()>) = tokio::join!(read, write);
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn informational_answers_without_end_are_no_answer_over_http2() {
    let address = hints_over_http2().await;
    let tables = format!(
        "\n[[provider]]\nid = \"fake\"\ndialect = \"anthropic\"\nhttp = \"2\"\n\
         base_url = \"http://{address}\"\n[[account]]\nid = \"fake\"\nprovider = \"fake\"\n\
         [[account.key]]\nid = \"fake-key\"\nsecret = \"sk-fake-Wd5nRb8kQp2mZs7yTc3vLf6x\"\n"
    );
    let stage = Plan::new().and(&tables).build().await;
    let request = Api::Messages.request(false).path("/fake/v1/messages");
    // Long before the time in which an answer's head has to come.
    let answer = stage.ask(&request.header("x-keyweir-patience", "0")).await;
    Api::Messages.check_refusal(&answer, 503, "api_error");
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_not_taken_for_a_whole_one_because_of_its_chunks() {
    let body = "{\"type\":\"message\",\"content\":[]}";
    let half = format!("11\r\n{}\r\n", &body[..0x11]);
    let rest = format!("{:x}\r\n{}\r\n0\r\n\r\n", body.len() - 0x11, &body[0x11..]);
    for (what, chunks) in [
        ("an empty size", format!("{half}\r\n\r\n")),
        ("a line feed in an extension", format!("{half}1;a\n{rest}")),
        (
            "a line feed for a size's end",
            format!("{half}1\n}}\r\n0\r\n\r\n"),
        ),
    ] {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked";
        let fake = Fake::start(format!("{head}\r\n\r\n{chunks}")).await;
        let stage = Plan::new()
            .and(&fake.tables("fake", "anthropic"))
            .build()
            .await;
        let request = Api::Messages.request(false).path("/fake/v1/messages");
        let answer = stage.ask(&request.header("x-keyweir-patience", "0")).await;
        Api::Messages.check_refusal(&answer, 503, "api_error");
        stage.is_unharmed().await;
        assert!(!fake.seen().is_empty(), "{what}");
    }
}

/// A body in chunks of one byte.
fn in_bytes(content_type: &str, body: &str) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for byte in body.bytes() {
        answer.extend_from_slice(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_chunks_of_one_byte_costs_what_its_length_does() {
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(200_000));
    let event = format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{{\"type\":\"text_delta\",\"text\":\"{}\"}}}}\n\n\
         event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n",
        "x".repeat(200_000)
    );
    for (content_type, body) in [("application/json", body), ("text/event-stream", event)] {
        let fake = Fake::start(in_bytes(content_type, &body)).await;
        let stage = Plan::new()
            .and(&fake.tables("fake", "anthropic"))
            .build()
            .await;
        let before = stage.gateway.cpu_time();
        let request = Api::Messages.request(false).path("/fake/v1/messages");
        let answer = stage.ask(&request).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, body),
            "{content_type}"
        );
        let took = stage.gateway.cpu_time() - before;
        // Summed up anew for each piece, it would be minutes in a build without optimization.
        assert!(took < std::time::Duration::from_secs(10), "{took:?}");
    }
}

/// Everything that can go wrong before the first word of an answer.
fn before_content() -> Vec<Fault> {
    let retry_after_secs = None;
    vec![
        Fault::RateLimited { retry_after_secs },
        Fault::RateLimited {
            retry_after_secs: Some(120),
        },
        Fault::RateLimitedBare,
        Fault::RampLimited { retry_after_secs },
        Fault::TooLargeForLimit,
        Fault::Revoked,
        Fault::OutOfCredit,
        Fault::SpendLimit,
        Fault::SpendLimitEnforced,
        Fault::BillingError,
        Fault::OrganizationDisabled,
        Fault::ModelForbidden,
        Fault::ModelMissing,
        Fault::Overloaded { retry_after_secs },
        Fault::Overloaded {
            retry_after_secs: Some(120),
        },
        Fault::InternalError,
        Fault::TimedOut,
        Fault::EdgePage { status: 502 },
        Fault::EdgePage { status: 520 },
        Fault::EdgePage { status: 200 },
        Fault::EdgePage { status: 302 },
        Fault::EdgeJson {
            status: 520,
            retry_after_secs: Some(120),
        },
        Fault::Garbage,
        Fault::GarbageOnWire,
        reset(Moment::BeforeHead),
        Fault::Reset {
            at: Moment::BeforeHead,
            connection: true,
        },
        reset(Moment::AfterHead),
        stall(Moment::BeforeHead),
        stall(Moment::AfterHead),
        Fault::EarlyAnswer {
            status: 429,
            drain: true,
        },
        Fault::EarlyAnswer {
            status: 429,
            drain: false,
        },
    ]
}

/// What can go wrong in a stream before its first word, besides.
fn before_the_first_word() -> Vec<Fault> {
    vec![
        reset(Moment::AfterChunks(0)),
        stall(Moment::AfterChunks(0)),
        error_event(0, "overloaded_error"),
        error_event(0, "api_error"),
        error_event(0, "rate_limit_error"),
        Fault::CleanEnd { after_chunks: 0 },
    ]
}

async fn is_hidden(stage: &Stage, fault: &Fault, api: Api, stream: bool) {
    let watch = Watch::start();
    let id = stage
        .control()
        .fault(FaultRule::from(fault.clone()).times(1));

    let answer = stage.ask(&api.request(stream)).await;

    let what = format!("{fault:?}, {api:?}, stream: {stream}");
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    assert_eq!(answer.attempts(), 2, "{what}");
    assert!(answer.whole, "{what}");
    if stream {
        assert!(api.is_complete(&answer.text()), "{what}: {}", answer.text());
        assert!(!api.has_error(&answer.text()), "{what}: {}", answer.text());
    } else {
        assert!(answer.json()["usage"].is_object(), "{what}");
    }
    for leaked in [
        "anthropic-ratelimit-requests-remaining",
        "x-ratelimit-remaining-requests",
    ] {
        assert_eq!(answer.header(leaked), "", "{what}");
    }
    assert_eq!(stage.control().clear_fault(id), Some(1), "{what}");
    watch.within(PROMPT);
}

/// A gateway for each fault: what it learns of one must not touch the next.
async fn are_hidden(faults: Vec<Fault>, upstream: &'static str, streams: &[bool]) {
    for fault in faults {
        let stage = plan(upstream).build().await;
        for (api, stream) in [
            (Api::Messages, streams[0]),
            (Api::Chat, streams[streams.len() - 1]),
        ] {
            is_hidden(&stage, &fault, api, stream).await;
        }
        stage.is_quiet().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_an_answer_is_tried_elsewhere_over_http1() {
    are_hidden(before_content(), UPSTREAMS[0], &[true, false]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_an_answer_is_tried_elsewhere_over_http2() {
    are_hidden(before_content(), UPSTREAMS[1], &[false, true]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_the_first_word_is_tried_elsewhere() {
    for upstream in UPSTREAMS {
        are_hidden(before_the_first_word(), upstream, &[true]).await;
        for fault in before_the_first_word() {
            let stage = plan(upstream).build().await;
            is_hidden(&stage, &fault, Api::Responses, true).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_in_the_middle_of_its_json_is_tried_elsewhere() {
    let cuts = [reset(Moment::AfterChunks(1)), stall(Moment::AfterChunks(1))];
    for upstream in UPSTREAMS {
        are_hidden(cuts.to_vec(), upstream, &[false]).await;
    }
}

/// Asks for a stream that meets `fault` after some of its words.
async fn cut(stage: &Stage, api: Api, fault: &Fault) -> Answer {
    stage
        .control()
        .fault(FaultRule::from(fault.clone()).times(1));
    let request = api.request(true).header("x-sim-chunk-interval-ms", "5");
    let watch = Watch::start();
    let answer = stage.ask(&request).await;
    watch.within(PROMPT);
    let what = format!("{fault:?}, {api:?}: {}", answer.text());
    assert_eq!(answer.status, 200, "{what}");
    assert_eq!(answer.attempts(), 1, "{what}");
    assert!(api.contents(&answer.text()) >= 2, "{what}");
    assert!(!api.is_complete(&answer.text()), "{what}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_after_words_ends_in_an_error_event_and_no_clean_end() {
    for upstream in UPSTREAMS {
        let stage = plan(upstream).build().await;
        for api in APIS {
            for fault in [
                reset(Moment::AfterChunks(2)),
                stall(Moment::AfterChunks(2)),
                Fault::CleanEnd { after_chunks: 2 },
            ] {
                let answer = cut(&stage, api, &fault).await;
                api.last_error(&answer.text());
                assert!(!answer.whole, "{fault:?}, {api:?}");
                stage.is_quiet().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_own_error_event_is_passed_on_as_it_is() {
    for upstream in UPSTREAMS {
        let stage = plan(upstream).build().await;
        for api in APIS {
            let answer = cut(&stage, api, &error_event(2, "overloaded_error")).await;
            assert!(api.has_error(&answer.text()), "{}", answer.text());
            stage.is_quiet().await;
        }
        stage.is_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http2_a_stream_that_breaks_ends_in_an_error_event_and_a_reset() {
    let stage = plan("1.1").build().await;
    let mut client = Frames::connect(stage.gateway.address).await;
    let faults = [
        reset(Moment::AfterChunks(2)),
        stall(Moment::AfterChunks(2)),
        Fault::CleanEnd { after_chunks: 2 },
    ];
    for (stream, fault) in (1..).step_by(2).zip(faults) {
        stage
            .control()
            .fault(FaultRule::from(fault.clone()).times(1));
        let block = frames::request("/v1/messages", &[("x-sim-chunk-interval-ms", "5")]);
        client
            .send(frames::HEADERS, frames::END_HEADERS, stream, &block)
            .await;
        let body = Api::Messages.body(true);
        client
            .send(frames::DATA, frames::END_STREAM, stream, body.as_bytes())
            .await;
        let mut text = String::new();
        loop {
            let frame = client.next().await.expect("the connection lives");
            let ends = frame.stream == stream && frame.flags & frames::END_STREAM != 0;
            assert!(!ends, "a clean end: {fault:?}");
            match frame.kind {
                frames::DATA => text.push_str(&String::from_utf8_lossy(&frame.payload)),
                frames::RST_STREAM => break,
                _ => {}
            }
        }
        Api::Messages.last_error(&text);
        assert!(Api::Messages.contents(&text) >= 2, "{text}");
    }
    drop(client);
    stage.is_unharmed().await;
}

/// Asks while every answer fails.
async fn all_fail(api: Api, fault: Fault) -> Answer {
    let stage = plan("1.1")
        .set("[waiting]\npatience = \"0s\"")
        .build()
        .await;
    stage.control().fault(fault);
    let watch = Watch::start();
    let answer = stage.ask(&api.request(true)).await;
    watch.within(PROMPT * 2);
    stage.is_quiet().await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_key_failing_the_client_is_told_what_is_wrong_in_its_dialect() {
    let retry_after_secs = None;
    for (fault, statuses) in [
        (Fault::RateLimited { retry_after_secs }, vec![429]),
        (Fault::RateLimitedBare, vec![429]),
        (Fault::Revoked, vec![503]),
        (Fault::OutOfCredit, vec![503]),
        (Fault::Overloaded { retry_after_secs }, vec![503, 529]),
        (Fault::InternalError, vec![500, 503]),
        (reset(Moment::BeforeHead), vec![503]),
        (stall(Moment::BeforeHead), vec![503, 504]),
        (Fault::GarbageOnWire, vec![503]),
        (Fault::CleanEnd { after_chunks: 0 }, vec![503]),
        (error_event(0, "overloaded_error"), vec![503, 529]),
    ] {
        for api in [Api::Messages, Api::Chat] {
            let answer = all_fail(api, fault.clone()).await;
            let what = format!("{fault:?}, {api:?}: {} {}", answer.status, answer.text());
            assert!(statuses.contains(&answer.status), "{what}");
            assert!(answer.whole, "{what}");
            let error = &answer.json()["error"];
            assert!(
                error["message"].is_string() && error["type"].is_string(),
                "{what}"
            );
            assert_eq!(
                answer.json()["type"] == "error",
                api == Api::Messages,
                "{what}"
            );
            for secret in ["sk-ant", "sk-proj", "claude-one", "gpt-one", "127.0.0.1"] {
                assert!(!answer.text().contains(secret), "{what}");
            }
            if answer.status == 429 {
                let wait: u64 = answer.header("retry-after").parse().expect("whole seconds");
                assert!((1..=130).contains(&wait), "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_comes_before_the_upload_is_through_is_seen() {
    let large = |api: Api| {
        let filler = "x".repeat(16 << 20);
        api.request(false)
            .body(api.body(false).replace("hello there", &filler))
    };
    for upstream in UPSTREAMS {
        for drain in [true, false] {
            let stage = Plan::new().upstream(upstream).build().await;
            let early = |status| Fault::EarlyAnswer { status, drain };
            for api in [Api::Messages, Api::Chat] {
                stage.control().fault(FaultRule::from(early(429)).times(1));
                let answer = stage.ask(&large(api)).await;
                let what = format!("{upstream}, drain: {drain}, {api:?}: {}", answer.text());
                assert_eq!(answer.status, 200, "{what}");
                assert_eq!(answer.attempts(), 2, "{what}");
            }
            // This one is the request's own fault: it is passed on.
            stage.control().fault(FaultRule::from(early(413)).times(1));
            let answer = stage.ask(&large(Api::Messages)).await;
            assert_eq!(
                answer.status,
                413,
                "{upstream}, drain: {drain}: {}",
                answer.text()
            );
            assert!(answer.whole && answer.json()["type"] == "error");
            stage.is_unharmed().await;
        }
    }
}

/// A provider that reads nothing on its first connection, and answers on the others.
async fn deaf_at_first() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let closed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&closed);
    tokio::spawn(async move {
        let (first, _) = listener.accept().await.expect("it comes");
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = vec![0; 1 << 20];
            let mut left = None;
            while left != Some(0) {
                let Ok(count @ 1..) = socket.read(&mut buffer).await else {
                    return;
                };
                left = Some(left.map_or_else(|| rest_of(&buffer[..count]), |left| left - count));
            }
            let body = r#"{"type":"message","usage":{"input_tokens":1,"output_tokens":1}}"#;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
            let answer = format!("{head}: {}\r\n\r\n{body}", body.len());
            let _ = socket.write_all(answer.as_bytes()).await;
            // By now the first must be given up.
            let mut byte = [0];
            while first.try_read(&mut byte).is_ok_and(|count| count == 1) {}
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, closed)
}

/// How much of the body that a head announces is still to come.
fn rest_of(beginning: &[u8]) -> usize {
    let end = find(beginning, b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8_lossy(&beginning[..end]).to_lowercase();
    let length = head.split("content-length: ").nth(1).expect("a length");
    let length: usize = length
        .split("\r\n")
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a number");
    length - (beginning.len() - end)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_takes_nothing_of_a_request_is_given_up() {
    let (address, answered) = deaf_at_first().await;
    let stage = Plan::new()
        .set("[gateway.timeouts]\nsend = \"1s\"")
        .and(&format!(
            "[[provider]]\nid = \"far\"\ndialect = \"anthropic\"\nbase_url = \"http://{address}\"\n\
             [[account]]\nid = \"far\"\nprovider = \"far\"\n\
             [[account.key]]\nid = \"far-1\"\nsecret = {{ file = \"far-1.key\" }}\n\
             [[account.key]]\nid = \"far-2\"\nsecret = {{ file = \"far-2.key\" }}\n"
        ))
        .file("far-1.key", "sk-ant-api03-Wd5nRb8kQp2mZs7yTc3vLf6x")
        .file("far-2.key", "sk-ant-api03-Jg4hMv9tXq1wCe7zUa2sKd5y")
        .build()
        .await;
    // More than the buffers on the way hold.
    let filler = "x".repeat(24 << 20);
    let body = Api::Messages.body(false).replace("hello there", &filler);
    let watch = Watch::start();

    let request = Api::Messages.request(false).path("/far/v1/messages");
    let answer = stage.ask(&request.body(body)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.attempts(), 2);
    until("the first is given up", || {
        answered.load(Ordering::SeqCst) == 1
    })
    .await;
    watch.within(PROMPT * 2);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_of_the_clients_is_passed_on_as_the_provider_said_it() {
    let stage = plan("1.1").build().await;
    let said = r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.0: \u00fc  odd   spaces"},"request_id":"req_1"} "#;
    for status in [400, 409, 413, 422] {
        stage.control().fault(
            FaultRule::from(Fault::Answer {
                status,
                headers: vec![
                    ("request-id".into(), "req_1".into()),
                    ("x-should-retry".into(), "false".into()),
                    ("anthropic-organization-id".into(), "org_secret".into()),
                    ("set-cookie".into(), "__cf=1".into()),
                ],
                body: said.into(),
            })
            .times(1),
        );
        let answer = stage.ask(&Api::Messages.request(true)).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, said));
        assert_eq!(answer.attempts(), 1);
        assert_eq!(answer.header("request-id"), "req_1");
        assert_eq!(answer.header("x-should-retry"), "false");
        assert_eq!(answer.header("anthropic-organization-id"), "");
        assert_eq!(answer.header("set-cookie"), "");
    }
    // And costs no key anything.
    let status = stage.gateway.status().await;
    for key in status["providers"][0]["keys"].as_array().expect("a list") {
        assert_eq!(key["state"], "serving", "{key}");
    }
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_fails_for_one_model_serves_the_others() {
    let stage = plan("1.1").build().await;
    stage.control().fault(FaultRule {
        model: Some("claude-a".to_owned()),
        ..FaultRule::from(Fault::ModelForbidden)
    });
    let denied = stage.ask(&Api::Messages.request(false)).await;
    assert_eq!(denied.status, 403, "{}", denied.text());

    let other = Api::Messages.body(false).replace("claude-a", "claude-b");
    let served = stage.ask(&Api::Messages.request(false).body(other)).await;

    assert_eq!(
        (served.status, served.attempts()),
        (200, 1),
        "{}",
        served.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_one_provider_does_the_other_serves() {
    let stage = plan("1.1").build().await;
    let only_claude = |fault: Fault| FaultRule {
        path: Some("/v1/messages".to_owned()),
        ..FaultRule::from(fault)
    };
    stage
        .control()
        .fault(only_claude(stall(Moment::BeforeHead)));
    let mut struggling = Vec::new();
    for _ in 0..20 {
        let mut wire = stage.connect().await;
        wire.send(Api::Messages.request(true).bytes()).await;
        struggling.push(wire);
    }
    let watch = Watch::start();
    for _ in 0..20 {
        stage.serves(Api::Chat).await;
    }
    watch.within(PROMPT);
    drop(struggling);
    stage.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_reach_the_client_while_it_waits_for_the_first_word() {
    let stage = Plan::new()
        .set("[gateway.stream]\nhold_head = \"200ms\"")
        .build()
        .await;
    let request: Request = Api::Messages
        .request(true)
        .header("x-sim-head-ms", "0")
        .header("x-sim-first-token-ms", "60000")
        .header("x-sim-ping-interval-ms", "100");
    let mut wire = stage.connect().await;
    wire.send(request.bytes()).await;

    let mut answer = wire.head().await;
    wire.body(&mut answer, |text| text.matches("event: ping").count() >= 5)
        .await;

    assert_eq!(answer.status, 200);
    assert_eq!(Api::Messages.contents(&answer.text()), 0);
    drop(wire);
    stage.is_unharmed().await;
}
