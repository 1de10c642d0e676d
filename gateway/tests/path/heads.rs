//! Heads that are malformed, oversized, slow, or ask for what is not served.

use crate::house::{Answer, MESSAGE, Plan, Raw, empty, http1, http2, status};

async fn raw(house: &crate::house::House, request: impl AsRef<[u8]>) -> String {
    let mut client = Raw::connect(house.address()).await;
    client.send(request).await;
    client.answer().await
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_no_http_are_refused_and_cost_nobody_else_anything() {
    let house = Plan::new().build().await;
    let many = (0..200).fold(String::new(), |all, n| format!("{all}x-{n}: 1\r\n"));
    let very_many = (0..300).fold(String::new(), |all, n| format!("{all}x-{n}: 1\r\n"));
    let large = format!("x-large: {}\r\n", "a".repeat(70_000));
    let long = "a".repeat(20_000);
    for (request, expected) in [
        ("GET /v1/models HTTP/1.1\r\n\r\n".to_owned(), 400),
        (
            "GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
            400,
        ),
        ("nonsense\r\nHost: localhost\r\n\r\n".to_owned(), 400),
        (
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n".to_owned(),
            400,
        ),
        (
            "\u{16}\u{3}\u{1}\u{2}TLS, perhaps, but not here\r\n\r\n".to_owned(),
            400,
        ),
        (
            format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"),
            431,
        ),
        (
            format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{very_many}\r\n"),
            431,
        ),
        (
            format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{large}\r\n"),
            431,
        ),
        (
            format!("GET /v1/models?{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            414,
        ),
        (
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n".to_owned(),
            405,
        ),
    ] {
        let answer = raw(&house, &request).await;
        let start: String = request.chars().take(60).collect();
        assert_eq!(status(&answer), expected, "{start:?}: {answer}");
        assert!(answer.contains("\"error\""), "{start:?}: {answer}");
    }
    let answer = house.ask(&http1(), house.message(&[])).await;
    assert_eq!(answer.status, 200);
    assert_eq!(house.control().counters().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_in_drips_is_given_up() {
    let house = Plan::new()
        .set("[gateway.timeouts]\nclient_header = \"1s\"")
        .build()
        .await;
    let mut client = Raw::connect(house.address()).await;
    client.send("POST /v1/messages HTTP/1.1\r\nHost: loc").await;
    assert_eq!(status(&client.answer().await), 408);

    // Three bytes are needed to tell one version of HTTP from the other; two do not hold it for ever.
    let mut client = Raw::connect(house.address()).await;
    client.send("PR").await;
    assert!(client.is_closed().await);

    let mut client = Raw::connect(house.address()).await;
    client.send("PRI * HTTP/2.0\r\n").await;
    // Its settings, perhaps, and then the end.
    client.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_methods_that_are_not_served_say_so_in_the_dialect() {
    let house = Plan::new().build().await;
    for (method, path, expected, kind) in [
        ("GET", "/", 404, "not_found_error"),
        ("GET", "/v1/elsewhere", 404, "not_found_error"),
        ("POST", "/v1/../v1/messages", 404, "not_found_error"),
        ("GET", "/v1/messages", 405, "invalid_request_error"),
        ("DELETE", "/v1/messages", 405, "invalid_request_error"),
        ("GET", "/v1/organizations/me", 403, "permission_error"),
        ("POST", "/v1/oauth/token", 403, "permission_error"),
    ] {
        let raw = raw(
            &house,
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nanthropic-version: 1\r\n\r\n"),
        )
        .await;
        assert_eq!(status(&raw), expected, "{method} {path}: {raw}");
        assert!(raw.contains(kind), "{method} {path}: {raw}");
        assert!(
            raw.to_ascii_lowercase().contains("x-should-retry: false"),
            "{raw}"
        );
        assert_eq!(
            expected == 405,
            raw.to_ascii_lowercase().contains("allow: post"),
            "{raw}"
        );
    }
    assert_eq!(house.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_request_is_refused_before_it_costs_anything() {
    let house = Plan::new().build().await;
    for body in [
        "",
        "{",
        "[]",
        "\"text\"",
        r#"{"max_tokens":1}"#,
        r#"{"model":7}"#,
    ] {
        let answer = house
            .ask(&http1(), house.post("/v1/messages", body, &[]))
            .await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert_eq!(answer.error_type(), "invalid_request_error", "{body}");
    }
    assert_eq!(house.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_bodies_and_heads_without_answers_work_over_both_versions() {
    let house = Plan::new().build().await;
    for client in [http1(), http2()] {
        let models = house.ask(&client, house.get("/v1/models?limit=1000")).await;
        assert_eq!(models.status, 200, "{}", models.body);
        let probe = http::Request::head(house.url("/api/hello"))
            .body(empty())
            .expect("valid");
        assert_eq!(house.ask(&client, probe).await.status, 200);
        let head = http::Request::head(house.url("/v1/models"))
            .header("anthropic-version", "2023-06-01")
            .body(empty())
            .expect("valid");
        let answer: Answer = house.ask(&client, head).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_requests_that_were_sent_ahead_in_their_order() {
    let house = Plan::new().build().await;
    let mut client = Raw::connect(house.address()).await;
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nanthropic-version: 1\r\nContent-Length: {}\r\n\r\n{MESSAGE}",
        MESSAGE.len()
    );
    client
        .send(format!(
            "{request}{request}GET /v1/none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ))
        .await;

    let all = client.rest().await;

    let statuses: Vec<_> = all.split("HTTP/1.1 ").skip(1).map(|it| &it[..3]).collect();
    assert_eq!(statuses, ["200", "200", "404"]);
    assert_eq!(house.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_gets_its_answer_and_its_end() {
    let house = Plan::new().build().await;
    let mut client = Raw::connect(house.address()).await;
    let stream = crate::house::STREAM;
    client
        .send(format!(
            "POST /v1/messages HTTP/1.0\r\nHost: localhost\r\nanthropic-version: 1\r\nContent-Length: {}\r\n\r\n{stream}",
            stream.len()
        ))
        .await;
    let all = client.rest().await;
    assert_eq!(status(&all), 200, "{all}");
    assert!(
        !all.to_ascii_lowercase().contains("transfer-encoding"),
        "{all}"
    );
    assert!(
        all.trim_end().ends_with(r#"data: {"type":"message_stop"}"#),
        "{all}"
    );
}
