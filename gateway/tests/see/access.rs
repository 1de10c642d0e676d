//! Who may ask, where the policy names a token.

use crate::support::api::Request;
use crate::support::stage::{Plan, Stage};
use crate::support::wire::{Answer, Wire};

const TOKEN: &str = "operators-9ZkQ2mWcR7tYb4LsKd8Z";

async fn ask(stage: &Stage, method: &str, path: &str, token: Option<&str>) -> Answer {
    let mut request = Request::new(method, path).header("connection", "close");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut wire = Wire::connect(stage.gateway.admin).await;
    wire.send(request.bytes()).await;
    wire.answer().await
}

fn guarded() -> Plan {
    Plan::new()
        .setting("admin_token = { file = \"admin.token\" }")
        .file("admin.token", TOKEN)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_connects_and_asks_nothing_keeps_no_probe_out() {
    let stage = guarded().build().await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(Wire::connect(stage.gateway.admin).await);
    }
    // The first ones have given way.
    assert!(silent[0].is_closed().await);
    assert_eq!(ask(&stage, "GET", "/healthz", None).await.status, 200);
    let answer = {
        let last = silent.last_mut().expect("some");
        let request = Request::new("GET", "/readyz").header("connection", "close");
        last.send(request.bytes()).await;
        last.answer().await
    };
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_shows_the_token_is_answered_but_for_probes() {
    let stage = guarded().build().await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/status"),
        ("GET", "/metrics"),
        ("GET", "/events"),
        ("GET", "/explain?model=claude-a"),
        ("POST", "/reload"),
        ("POST", "/keys/claude-one-key/drain"),
    ] {
        for wrong in [None, Some("wrong"), Some("")] {
            let answer = ask(&stage, method, path, wrong).await;
            assert_eq!(answer.status, 401, "{method} {path} {wrong:?}");
            assert!(
                answer.header("www-authenticate").starts_with("Bearer"),
                "{path}"
            );
            assert!(!answer.text().contains(TOKEN));
        }
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(&stage, "GET", path, None).await.status, 200, "{path}");
    }
    for path in ["/", "/status", "/metrics"] {
        assert_eq!(
            ask(&stage, "GET", path, Some(TOKEN)).await.status,
            200,
            "{path}"
        );
    }
    assert!(!stage.gateway.written().contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_counts_from_its_reload() {
    let stage = guarded().build().await;
    let new = "operators-new-4LsKd8Zf9ZkQ2mWc";
    stage.gateway.files.write("admin.token", new);
    let reloaded = ask(&stage, "POST", "/reload", Some(TOKEN)).await;
    // The watch may have been faster: then the old token is no good any more.
    assert!([200, 401].contains(&reloaded.status), "{}", reloaded.text());
    assert_eq!(ask(&stage, "GET", "/status", Some(TOKEN)).await.status, 401);
    assert_eq!(ask(&stage, "GET", "/status", Some(new)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_a_whole_uri_is_held_to_its_host() {
    let stage = Plan::new().build().await;
    for (target, status) in [
        ("http://localhost/status", 200),
        ("http://evil.example/status", 403),
        ("http://evil.example/healthz", 200),
    ] {
        let mut wire = Wire::connect(stage.gateway.admin).await;
        wire.send(format!("GET {target} HTTP/1.1\r\n\r\n")).await;
        assert_eq!(wire.answer().await.status, status, "{target}");
    }
    let mut wire = Wire::connect(stage.gateway.admin).await;
    let drain =
        "POST http://evil.example/keys/claude-one-key/drain HTTP/1.1\r\ncontent-length: 0\r\n\r\n";
    wire.send(drain).await;
    assert_eq!(wire.answer().await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_told_so() {
    let stage = guarded().build().await;
    let many: String = (0..3_000).map(|at| format!("x-{at}: y\r\n")).collect();
    let large = "y".repeat(2_000_000);
    for (sent, status) in [
        ("\0\u{1}garbage\r\n\r\n".to_owned(), 400),
        ("GET /healthz\r\n\r\n".to_owned(), 400),
        ("GET /healthz HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("GET /healthz HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400),
        (format!("GET /healthz HTTP/1.1\r\n{many}\r\n"), 431),
        (format!("GET /healthz HTTP/1.1\r\nx: {large}\r\n\r\n"), 431),
        (format!("GET /{large} HTTP/1.1\r\n\r\n"), 431),
    ] {
        let mut wire = Wire::connect(stage.gateway.admin).await;
        let shown: String = sent.chars().take(40).collect();
        wire.send(sent).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, status, "{shown}");
        assert_eq!(answer.header("connection"), "close", "{shown}");
        assert!(wire.is_closed().await, "{shown}");
    }
    assert_eq!(ask(&stage, "GET", "/healthz", None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_an_old_http_is_not_kept_waiting_for_the_end() {
    let stage = guarded().build().await;
    for (sent, goes_on) in [
        ("GET /healthz HTTP/1.0\r\n\r\n", false),
        (
            "GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
            true,
        ),
        ("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", true),
    ] {
        let mut wire = Wire::connect(stage.gateway.admin).await;
        wire.send(sent).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 200, "{sent}");
        let expected = if goes_on { "keep-alive" } else { "close" };
        assert_eq!(answer.header("connection"), expected, "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_name_that_is_none_its_beginning_is_told() {
    let stage = Plan::new().build().await;
    let long = "a".repeat(20_000);
    for (method, path) in [
        ("GET", format!("/explain/{long}")),
        ("POST", format!("/keys/{long}/drain")),
        ("POST", format!("/accounts/{long}/trip")),
    ] {
        let answer = ask(&stage, method, &path, None).await;
        assert_eq!(answer.status, 404, "{method}");
        let told = answer.text();
        assert!(told.contains("aaa") && told.len() < 400, "{method}: {told}");
    }
}
