//! Bodies that are framed wrongly, cut short, or say nothing that can be served.

use crate::support::api::{APIS, Api, Request};
use crate::support::stage::{Plan, Stage};
use crate::support::until;

fn head(lines: &str) -> String {
    let request = Api::Messages.request(false);
    let mut head = "POST /v1/messages HTTP/1.1\r\n".to_owned();
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", String::from_utf8_lossy(value)));
    }
    format!("{head}{lines}\r\n\r\n")
}

/// Sends a head and a body, behind which a second request hides.
async fn is_refused_alone(stage: &Stage, framing: &str, body: &str) {
    let mut bytes = head(framing).into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    bytes.extend_from_slice(&Api::Messages.request(false).bytes());

    let (answer, mut wire) = stage.send(bytes).await;

    assert_eq!(answer.status, 400, "{framing} {body}: {}", answer.text());
    assert!(answer.whole, "{framing} {body}");
    let more = wire.rest().await;
    let more = String::from_utf8_lossy(&more);
    assert_eq!(more, "", "the hidden one was read: {framing} {body:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn framing_that_two_readers_could_take_for_two_things_ends_the_connection() {
    let stage = Plan::new().build().await;
    let body = Api::Messages.body(false);
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for framing in [
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked",
            chunks.len()
        ),
        format!(
            "Transfer-Encoding: chunked\r\nContent-Length: {}",
            chunks.len()
        ),
        "Transfer-Encoding: chunked\r\ncontent-length : 5".to_owned(),
        "Transfer-Encoding: gzip, chunked".to_owned(),
        "Transfer-Encoding: chunked, chunked".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity".to_owned(),
        "Transfer-Encoding: xchunked".to_owned(),
        "Transfer-Encoding: identity".to_owned(),
        "Transfer-Encoding:\x0bchunked".to_owned(),
        format!("Content-Length: {}\r\nContent-Length: 5", body.len()),
        format!("Content-Length: {}, 5", body.len()),
        "Content-Length: -5".to_owned(),
        "Content-Length: +5".to_owned(),
        "Content-Length: 0x5".to_owned(),
        "Content-Length: 5 5".to_owned(),
        "Content-Length: 18446744073709551621".to_owned(),
        "Content-Length:".to_owned(),
    ] {
        is_refused_alone(&stage, &framing, &chunks).await;
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_chunks_end_the_connection() {
    let stage = Plan::new().build().await;
    for chunks in [
        "zz\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloooo\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "\r\n\r\n",
        "5\r\nhello\r\n\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5;a\0\r\nhello\r\n0\r\n\r\n",
        ";a\r\n0\r\n\r\n",
    ] {
        is_refused_alone(&stage, "Transfer-Encoding: chunked", chunks).await;
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunk_extensions_and_trailers_are_bounded_and_not_passed_on() {
    let stage = Plan::new().build().await;
    let body = Api::Messages.body(false);
    let framed = |extension: &str, trailer: &str| {
        format!(
            "{}{:x}{extension}\r\n{body}\r\n0\r\n{trailer}\r\n",
            head("Transfer-Encoding: chunked"),
            body.len()
        )
    };
    let (answer, _) = stage.send(framed(";name=value", "x-trailer: 1\r\n")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = stage.control().last_request().expect("it arrived");
    assert_eq!(
        (seen.body.as_str(), seen.header("x-trailer")),
        (body.as_str(), None)
    );

    let endless = framed(&format!(";{}", "x".repeat(4 << 20)), "");
    let (answer, mut wire) = stage.send(endless).await;
    assert!([0, 400, 413].contains(&answer.status), "{}", answer.status);
    assert!(wire.is_closed().await);
    let endless = framed("", &format!("x: {}\r\n", "x".repeat(4 << 20)));
    let (answer, _) = stage.send(endless).await;
    assert!(
        [0, 200, 400, 413, 431].contains(&answer.status),
        "{}",
        answer.status
    );
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_shorter_than_announced_is_refused_and_forgotten() {
    let stage = Plan::new().build().await;
    for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let mut wire = stage.connect().await;
        wire.send(head(framing)).await;
        wire.send("10\r\n{\"model\":\"claud").await;
        wire.half_close().await;

        let answer = wire.answer().await;

        Api::Messages.check_refusal(&answer, 400, "invalid_request_error");
        assert!(wire.is_closed().await, "{framing}");
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_while_it_is_still_on_its_way() {
    let stage = Plan::new()
        .set("[gateway.limits]\nbody_bytes_max = \"1 MiB\"")
        .build()
        .await;
    let piece = vec![b'x'; 64 * 1024];
    for api in APIS {
        for announced in [true, false] {
            // More than all buffers between us hold: who does not read while we write stops us.
            let request = api.request(false).without("content-length");
            let head = String::from_utf8(request.body("").head()).expect("text");
            let framing = if announced {
                format!("content-length: {}", 64 << 20)
            } else {
                "transfer-encoding: chunked".to_owned()
            };
            let head = head.replace("content-length: 0", &framing);
            let mut wire = stage.connect().await;
            wire.send(head).await;
            for _ in 0..1024 {
                let mut bytes = piece.clone();
                if !announced {
                    bytes = format!("{:x}\r\n", piece.len()).into_bytes();
                    bytes.extend_from_slice(&piece);
                    bytes.extend_from_slice(b"\r\n");
                }
                if !wire.send(bytes).await {
                    break;
                }
            }

            let answer = wire.answer().await;

            assert_eq!(answer.status, 413, "{api:?}, announced: {announced}");
            let kind = match api {
                Api::Messages => "request_too_large",
                _ => "invalid_request_error",
            };
            let message = api.check_refusal(&answer, 413, kind);
            assert!(message.contains("1048576 bytes"), "{message}");
        }
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_objects_are_told_so() {
    let stage = Plan::new().build().await;
    let deep = "[".repeat(200_000);
    let deep_within = format!(r#"{{"model":"claude-a","messages":{}"#, "[".repeat(200_000));
    let cases: &[(&str, &[u8])] = &[
        ("nothing", b""),
        ("spaces", b"   "),
        ("half an object", b"{"),
        ("an array", b"[]"),
        ("null", b"null"),
        ("a string", b"\"model\""),
        ("a number", b"1"),
        ("no value", br#"{"model":}"#),
        ("no quotes", br#"{model:"claude-a"}"#),
        ("a comma too many", br#"{"model":"claude-a",}"#),
        (
            "two objects",
            br#"{"model":"claude-a"}{"model":"claude-a"}"#,
        ),
        ("something behind it", br#"{"model":"claude-a"} x"#),
        ("NaN", br#"{"model":"claude-a","temperature":NaN}"#),
        ("bytes that are no text", b"{\"model\":\"\xff\xfe\"}"),
        (
            "a raw line break in a string",
            b"{\"model\":\"claude\n-a\"}",
        ),
        ("a lone surrogate", br#"{"model":"\ud800"}"#),
        ("a form", b"model=claude-a&max_tokens=1"),
        ("deep nesting", deep.as_bytes()),
        ("deep nesting within", deep_within.as_bytes()),
    ];
    for (what, body) in cases {
        for api in APIS {
            let answer = stage.ask(&api.request(false).body(*body)).await;
            assert_eq!(answer.status, 400, "{what}, {api:?}: {}", answer.text());
            assert_eq!(answer.attempts(), 0, "{what}, {api:?}: {}", answer.text());
            api.check_refusal(&answer, 400, "invalid_request_error");
            assert_eq!(answer.header("x-should-retry"), "false", "{what}");
        }
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_missing_empty_or_no_name_is_told_so() {
    let stage = Plan::new().build().await;
    let long = format!(r#"{{"model":"{}"}}"#, "m".repeat(1 << 20));
    for body in [
        "{}",
        r#"{"messages":[]}"#,
        r#"{"model":null}"#,
        r#"{"model":""}"#,
        r#"{"model":7}"#,
        r#"{"model":true}"#,
        r#"{"model":["claude-a"]}"#,
        r#"{"model":{"id":"claude-a"}}"#,
        r#"{"Model":"claude-a"}"#,
        r#"{"nested":{"model":"claude-a"}}"#,
        long.as_str(),
    ] {
        for api in APIS {
            let answer = stage.ask(&api.request(false).body(body)).await;
            let shown = &body[..body.len().min(60)];
            assert_eq!(answer.status, 400, "{shown}, {api:?}: {}", answer.text());
            let message = api.check_refusal(&answer, 400, "invalid_request_error");
            assert!(message.contains("model"), "{shown}: {message}");
            assert!(message.len() < 300, "{shown}");
        }
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_clients_invent_do_not_fill_memory_metrics_or_status() {
    let stage = Plan::new().build().await;
    let mut wire = stage.connect().await;
    for n in 0..3000 {
        let body = Api::Messages
            .body(false)
            .replace("claude-a", &format!("invented-{n}"));
        wire.send(Api::Messages.request(false).body(body).bytes())
            .await;
        assert_eq!(wire.answer().await.status, 200);
    }
    for n in 0..200 {
        let request = Request::new("GET", &format!("/v1/nowhere/{n}"));
        wire.send(request.bytes()).await;
        assert_eq!(wire.answer().await.status, 404);
    }
    let metrics = stage.gateway.admin("/metrics").await.text();
    assert!(
        metrics.lines().count() < 3000,
        "{}",
        metrics.lines().count()
    );
    assert!(!metrics.contains("invented-2999") && !metrics.contains("nowhere"));
    let status = stage.gateway.status().await;
    let groups = status["providers"][0]["groups"].as_array().expect("a list");
    assert!(groups.len() <= 300, "{}", groups.len());
    drop(wire);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_with_odd_letters_stays_one_line_of_the_log() {
    let stage = Plan::new().build().await;
    let named = |name: &str| {
        let body = Api::Messages.body(false).replace("claude-a", name);
        Api::Messages.request(false).body(body)
    };
    for name in [r"a\nb", r"a\u0000b", r"a\u001b[31m"] {
        let answer = stage.ask(&named(name)).await;
        Api::Messages.check_refusal(&answer, 400, "invalid_request_error");
    }

    let answer = stage.ask(&named(r#"a\"b\\c{\"status\":200}ü\u2028"#)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    until("it is in the log", || {
        let log = stage.gateway.access_log();
        log.iter()
            .any(|line| line["model"] == "a\"b\\c{\"status\":200}ü\u{2028}")
    })
    .await;
    until("each is in the log", || {
        stage.gateway.access_log().len() == 4
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_first_is_answered_before_it_sends() {
    let stage = Plan::new()
        .set("[gateway.limits]\nbody_bytes_max = \"1 MiB\"")
        .build()
        .await;
    let expecting = |request: Request| request.header("Expect", "100-continue");

    let good = expecting(Api::Messages.request(false));
    let mut wire = stage.connect().await;
    wire.send(good.head()).await;
    assert_eq!(wire.head().await.status, 100);
    wire.send(Api::Messages.body(false)).await;
    assert_eq!(wire.answer().await.status, 200);
    assert_eq!(
        stage
            .control()
            .last_request()
            .expect("it arrived")
            .header("expect"),
        None
    );

    let no_key = expecting(Api::Messages.request(false).without("x-api-key"));
    let no_path = expecting(Api::Messages.request(false).path("/v1/nowhere"));
    let too_large = expecting(Api::Messages.request(false).body(vec![b'x'; 2 << 20]));
    for (request, status) in [(no_key, 401), (no_path, 404), (too_large, 413)] {
        let mut wire = stage.connect().await;
        wire.send(request.head()).await;
        // No leave to go on: the first answer is the last.
        let mut answer = wire.head().await;
        assert_eq!(answer.status, status);
        wire.body(&mut answer, |_| false).await;
        assert!(answer.whole);
        assert!(wire.is_closed().await);
    }
    stage.is_unharmed().await;
}
