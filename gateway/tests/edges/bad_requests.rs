//! Heads that are no heads, or too large, or ask for what is not served.

use crate::support::api::{APIS, Api, CLIENT_KEY, Request};
use crate::support::stage::{Plan, Stage};

/// Sends bytes that are refused, on a connection that then closes.
async fn is_refused(stage: &Stage, what: &str, bytes: &[u8], status: u16, kind: &str) {
    let (answer, mut wire) = stage.send(bytes).await;
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    // What could not be read has no dialect: it gets the one that most clients speak.
    Api::Chat.check_refusal(&answer, status, kind);
    assert!(wire.is_closed().await, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn what_is_no_http_is_said_to_be_none() {
    let stage = Plan::new().build().await;
    let long_name = format!(
        "GET /v1/models HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n",
        "n".repeat(200)
    );
    let cases: &[(&str, &[u8])] = &[
        ("a word", b"GARBAGE\r\n\r\n"),
        ("no version", b"GET /v1/models\r\n\r\n"),
        ("no path", b"GET  HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "another version",
            b"GET /v1/models HTTP/9.9\r\nHost: a\r\n\r\n",
        ),
        (
            "another protocol",
            b"GET /v1/models SPDY/3\r\nHost: a\r\n\r\n",
        ),
        (
            "a header without a colon",
            b"GET /v1/models HTTP/1.1\r\nHost a\r\n\r\n",
        ),
        ("a long header without a colon", long_name.as_bytes()),
        (
            "a space in a header's name",
            b"GET /v1/models HTTP/1.1\r\nHost: a\r\nx y: z\r\n\r\n",
        ),
        (
            "a space before the colon",
            b"GET /v1/models HTTP/1.1\r\nHost : a\r\n\r\n",
        ),
        (
            "an empty name",
            b"GET /v1/models HTTP/1.1\r\nHost: a\r\n: z\r\n\r\n",
        ),
        (
            "a NUL in a value",
            b"GET /v1/models HTTP/1.1\r\nHost: a\r\nx: y\0z\r\n\r\n",
        ),
        (
            "a lone CR in a value",
            b"GET /v1/models HTTP/1.1\r\nHost: a\r\nx: y\rz\r\n\r\n",
        ),
        (
            "a folded header",
            b"GET /v1/models HTTP/1.1\r\nHost: a\r\nx: y\r\n z\r\n\r\n",
        ),
        (
            "a NUL in the method",
            b"G\0T /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n\r\n\r\n",
        ),
        (
            "a space in the path",
            b"GET /v1/mo dels HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "a tab in the path",
            b"GET /v1/mo\tdels HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "a NUL in the path",
            b"GET /v1/mo\0dels HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "a list of hosts",
            b"GET /v1/models HTTP/1.1\r\nHost: a, b\r\n\r\n",
        ),
        (
            "an overlong dot in the path",
            b"GET /v1/files/%c0%ae%c0%ae/x HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        ("no host", b"GET /v1/models HTTP/1.1\r\n\r\n"),
        (
            "two hosts",
            b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ),
        (
            "no UTF-8 in the path",
            b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
    ];
    for (what, bytes) in cases {
        is_refused(&stage, what, bytes, 400, "invalid_request_error").await;
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_beyond_the_bounds_are_said_to_be_too_many_or_too_large() {
    let stage = Plan::new().build().await;
    let lines = |count: usize, size: usize| {
        let line = |n| format!("x-filler-{n}: {}\r\n", "v".repeat(size));
        let lines: String = (0..count).map(line).collect();
        format!("GET /v1/models HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
    };
    for (what, bytes) in [
        ("a large header", lines(1, 70_000)),
        ("many middling headers", lines(100, 700)),
        ("129 headers", lines(128, 1)),
        ("more headers than can be parsed", lines(300, 1)),
        (
            "a long method",
            format!("{} /v1/models HTTP/1.1\r\n\r\n", "M".repeat(33)),
        ),
        ("a header of 2 MiB", lines(1, 2 << 20)),
        ("a head of 8 MiB that never ends", "x".repeat(8 << 20)),
    ] {
        let (answer, _) = stage.send(bytes).await;
        assert_eq!(answer.status, 431, "{what}: {}", answer.text());
        Api::Chat.check_refusal(&answer, 431, "invalid_request_error");
    }
    let path = format!("GET /v1/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000));
    let (answer, _) = stage.send(path).await;
    assert_eq!(answer.status, 414, "{}", answer.text());
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_just_within_the_bounds_are_served() {
    let stage = Plan::new().build().await;
    let mut many = Request::new("GET", "/api/hello");
    for n in 1..128 {
        many = many.header(&format!("x-filler-{n}"), "v");
    }
    assert_eq!(many.headers().len(), 128);
    let large = Api::Messages
        .request(false)
        .header("x-filler", "v".repeat(60_000));
    for request in [many, large] {
        let answer = stage.ask(&request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_nobody_serves_are_not_found_in_the_dialect_they_look_like() {
    let stage = Plan::new().build().await;
    for path in [
        "/",
        "/v1",
        "/v2/messages",
        "/v1/messages/",
        "/v1/messages/nothing/like/it",
        "/v1/Messages",
        "/metrics",
        "/status",
        "/claude/v1/chat/completions",
        "/nobody/v1/messages",
        "/%76%31/messages",
    ] {
        for api in [Api::Messages, Api::Chat] {
            let answer = stage.ask(&api.request(false).path(path)).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            let looks_like = if path.starts_with("/v1/messages") {
                Api::Messages
            } else {
                api
            };
            let kind = match looks_like {
                Api::Messages => "not_found_error",
                _ => "invalid_request_error",
            };
            if !path.starts_with("/claude") {
                looks_like.check_refusal(&answer, 404, kind);
            }
            assert_eq!(answer.header("x-should-retry"), "false", "{path}");
        }
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_with_the_version_twice_or_not_at_all_is_hinted_at() {
    let stage = Plan::new().build().await;
    for api in APIS {
        let path = api.path();
        let twice = format!("/v1{path}");
        let answer = stage.ask(&api.request(false).path(&twice)).await;
        assert_eq!(answer.status, 404, "{twice}");
        assert!(answer.text().contains("must not end in /v1"), "{twice}");
    }
    let answer = stage
        .ask(&Api::Messages.request(false).path("/messages"))
        .await;
    let message = Api::Messages.check_refusal(&answer, 404, "not_found_error");
    assert!(message.contains("must end in /v1"), "{message}");
    let answer = stage.ask(&Request::new("GET", "/v1/nothing")).await;
    assert!(!answer.text().contains("base URL"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patience_that_is_no_number_is_said_to_be_none() {
    let stage = Plan::new().build().await;
    for patience in ["5s", "soon", "-1", ""] {
        let request = Api::Messages
            .request(false)
            .header("x-keyweir-patience", patience);
        let answer = stage.ask(&request).await;
        let message = Api::Messages.check_refusal(&answer, 400, "invalid_request_error");
        assert!(message.contains("number of seconds"), "{message}");
    }
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_the_base_url_is_no_refusal() {
    let stage = Plan::new().build().await;
    let mut wire = stage.connect().await;
    wire.send(Request::new("HEAD", "/").bytes()).await;
    assert_eq!(wire.head().await.status, 200);
    let page = stage.gateway.admin("/metrics").await.text();
    assert!(!page.contains("keyweir_refusals_total{"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_gateway_says_which_header_names_another_machine() {
    let stage = Plan::new().open().build().await;
    let asked = Api::Messages.request(false);
    let proxied = asked
        .clone()
        .without("host")
        .header("Host", "keyweir.example");
    let answer = stage.ask(&proxied).await;
    let message = Api::Messages.check_refusal(&answer, 403, "permission_error");
    assert!(message.contains("Host"), "{message}");
    let answer = stage
        .ask(&asked.header("origin", "https://evil.example"))
        .await;
    let message = Api::Messages.check_refusal(&answer, 403, "permission_error");
    assert!(message.contains("another site"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_methods_are_told_the_right_ones() {
    let stage = Plan::new().build().await;
    for (method, path, allow) in [
        ("GET", "/v1/messages", "POST"),
        ("PUT", "/v1/messages", "POST"),
        ("OPTIONS", "/v1/messages", "POST"),
        ("HEAD", "/v1/messages", "POST"),
        ("BREW", "/v1/messages", "POST"),
        ("post", "/v1/messages", "POST"),
        ("POST", "/v1/models", "GET"),
        ("PATCH", "/v1/messages/batches", "GET, POST"),
        ("DELETE", "/v1/chat/completions", "GET, POST"),
        ("GET", "/gpt/v1/responses", "POST"),
    ] {
        let request = Api::Messages.request(false).method(method).path(path);
        let mut wire = stage.connect().await;
        wire.send(request.bytes()).await;
        let mut answer = wire.head().await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        if method == "HEAD" {
            assert_ne!(answer.header("content-length"), "");
            continue;
        }
        wire.body(&mut answer, |_| false).await;
        assert!(answer.whole, "{method} {path}");
        assert!(
            answer.json()["error"]["message"].is_string(),
            "{method} {path}"
        );
    }
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_request_has_no_body_in_its_answer_and_the_connection_goes_on() {
    let stage = Plan::new().build().await;
    let mut wire = stage.connect().await;
    let head = Request::new("HEAD", "/v1/messages").header("x-api-key", CLIENT_KEY);
    wire.send(head.bytes()).await;
    assert_eq!(wire.head().await.status, 405);
    let models = Request::new("HEAD", "/v1/models").header("x-api-key", CLIENT_KEY);
    wire.send(models.bytes()).await;
    assert_eq!(wire.head().await.status, 200);
    let hello = Request::new("HEAD", "/api/hello");
    wire.send(hello.bytes()).await;
    assert_eq!(wire.head().await.status, 200);

    wire.send(Api::Messages.request(false).bytes()).await;

    let answer = wire.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["type"], "message");
}

#[tokio::test(flavor = "multi_thread")]
async fn tunnels_are_not_opened() {
    let stage = Plan::new().build().await;
    for bytes in [
        "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n",
        "TRACE /v1/messages HTTP/1.1\r\nHost: a\r\nx-secret: y\r\n\r\n",
    ] {
        let (answer, _) = stage.send(bytes).await;
        assert_eq!(answer.status, 405, "{bytes}: {}", answer.text());
        assert!(!answer.text().contains("x-secret"));
    }
    stage.is_unharmed().await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_the_form_for_proxies_goes_where_the_policy_says() {
    let stage = Plan::new().build().await;
    let request = Api::Messages
        .request(false)
        .path("http://elsewhere.example/v1/messages?beta=true")
        .without("host")
        .header("Host", "elsewhere.example");

    let answer = stage.ask(&request).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = stage.control().last_request().expect("it arrived");
    assert_eq!(seen.uri, "/v1/messages?beta=true");
    let host = stage.provider.addr().to_string();
    assert_eq!(seen.header("host"), Some(host.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_not_made() {
    let stage = Plan::new().build().await;
    let request = Api::Messages
        .request(false)
        .header("connection", "Upgrade, HTTP2-Settings")
        .header("upgrade", "h2c")
        .header("http2-settings", "AAMAAABkAAQAAP__");

    let answer = stage.ask(&request).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = stage.control().last_request().expect("it arrived");
    for name in ["upgrade", "connection", "http2-settings"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_their_order() {
    let stage = Plan::new().build().await;
    let mut bytes = Vec::new();
    let orders = ["slow", "mistaken", "fast"];
    bytes.extend(
        Api::Messages
            .request(false)
            .header("x-sim-first-token-ms", "200")
            .bytes(),
    );
    bytes.extend(Api::Messages.request(false).body("{}").bytes());
    bytes.extend(Api::Chat.request(false).chunked().bytes());
    let mut wire = stage.connect().await;
    wire.send(bytes).await;

    for order in orders {
        let answer = wire.answer().await;
        let expected = if order == "mistaken" { 400 } else { 200 };
        assert_eq!(answer.status, expected, "{order}: {}", answer.text());
        assert!(answer.whole, "{order}");
        if order == "fast" {
            assert_eq!(answer.json()["object"], "chat.completion");
        }
    }
    drop(wire);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_lines_before_a_request_are_passed_over() {
    let stage = Plan::new().build().await;
    let mut bytes = b"\r\n\r\n".to_vec();
    bytes.extend(Api::Chat.request(false).bytes());

    let (answer, _) = stage.send(bytes).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_is_served_and_its_connection_closes() {
    let stage = Plan::new().build().await;
    for api in APIS {
        for stream in [false, true] {
            let text = String::from_utf8(api.request(stream).bytes()).expect("text");
            let old = text.replacen("HTTP/1.1", "HTTP/1.0", 1);
            let (answer, mut wire) = stage.send(old).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("transfer-encoding"), "");
            assert!(answer.whole);
            assert!(
                !stream || api.is_complete(&answer.text()),
                "{}",
                answer.text()
            );
            assert!(wire.is_closed().await);
        }
    }
}
