//! Request bodies: any size, any framing, sent again as they came.

use bytes::Bytes;
use http::Request;
use keyweir_policy::config::secret::ClientKeyHash;
use simulated_provider::{Account, Fault, FaultRule};

use crate::house::{Body, House, Http, Plan, Raw, full, http1, http2, pieces, status};

/// A request for a model's answer of exactly `size` bytes.
fn message(size: usize) -> String {
    let frame = r#"{"model":"claude-a","max_tokens":4,"messages":[{"role":"user","content":""}]}"#;
    let filler = "x".repeat(size - frame.len());
    frame.replace(r#""content":"""#, &format!(r#""content":"{filler}""#))
}

fn sha256(text: &str) -> String {
    let hash = ClientKeyHash::of(text).to_string();
    hash.trim_start_matches("sha256:").to_owned()
}

fn post(house: &House, path: &str, body: Body) -> Request<Body> {
    Request::post(house.url(path))
        .header("content-type", "application/json")
        .header("anthropic-version", "2023-06-01")
        .body(body)
        .expect("valid")
}

async fn survives_two_failures(house: &House, client: &Http, text: &str, chunked: bool) {
    house.control().clear_requests();
    let overloaded = Fault::Overloaded {
        retry_after_secs: None,
    };
    house.control().fault(FaultRule::from(overloaded).times(2));
    let bytes = Bytes::from(text.to_owned());
    let body = if chunked {
        pieces(&bytes, 100_000)
    } else {
        full(bytes)
    };

    let answer = house.ask(client, post(house, "/v1/messages", body)).await;

    let size = text.len();
    assert_eq!(
        answer.status, 200,
        "{size}, chunked: {chunked}: {}",
        answer.body
    );
    let seen = house.control().requests();
    assert_eq!(seen.len(), 3, "{size}, chunked: {chunked}");
    for request in seen {
        assert_eq!(request.body_len, size as u64);
        assert_eq!(request.body_sha256, sha256(text));
        assert_eq!(
            request.header("content-length"),
            Some(size.to_string().as_str())
        );
        assert_eq!(request.header("transfer-encoding"), None);
    }
    house.control().clear_faults();
}

async fn bodies_survive(client: Http, upstream: &'static str) {
    let accounts = (0..8).map(|n| Account::new(&format!("a{n}"), [format!("sk-{n}").as_str()]));
    let house = Plan::with(accounts.collect())
        .upstream(upstream)
        .build()
        .await;
    for size in [78, 1000, 65_536, 65_537, 1 << 20, 8 << 20, 32 << 20] {
        let text = message(size);
        assert_eq!(text.len(), size);
        for chunked in [false, true] {
            survives_two_failures(&house, &client, &text, chunked).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_survive_failover_from_http1_to_http1() {
    bodies_survive(http1(), "1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_survive_failover_from_http1_to_http2() {
    bodies_survive(http1(), "2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_survive_failover_from_http2_to_http1() {
    bodies_survive(http2(), "1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_survive_failover_from_http2_to_http2() {
    bodies_survive(http2(), "2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_one_byte_or_none_arrives() {
    let house = Plan::new().build().await;
    for (client, text) in [(http1(), "x"), (http2(), "x"), (http1(), ""), (http2(), "")] {
        house.control().clear_requests();

        // No file at all, but the provider is to say so.
        house
            .ask(&client, post(&house, "/v1/files", full(text)))
            .await;

        let seen = house.control().last_request().expect("it arrived");
        assert_eq!(seen.body, text);
        assert_eq!(
            seen.header("content-length"),
            Some(text.len().to_string().as_str())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_limit_is_refused_however_it_is_sent() {
    let house = Plan::new()
        .set("[gateway.limits]\nbody_bytes_max = \"1 MiB\"")
        .build()
        .await;
    for client in [http1(), http2()] {
        for chunked in [false, true] {
            let bytes = Bytes::from(message((1 << 20) + 1));
            let body = if chunked {
                pieces(&bytes, 50_000)
            } else {
                full(bytes)
            };

            let answer = house.ask(&client, post(&house, "/v1/messages", body)).await;

            assert_eq!(answer.status, 413, "chunked: {chunked}");
            assert_eq!(answer.error_type(), "request_too_large");
        }
    }
    assert_eq!(house.control().counters().requests, 0);
    assert!(
        house
            .admin("/metrics")
            .await
            .1
            .contains("keyweir_body_bytes_held 0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_busy_sending_still_gets_its_refusal() {
    let house = Plan::new().build().await;
    for client in [http1(), http2()] {
        let answer = house
            .ask(&client, post(&house, "/v1/nowhere", full(message(8 << 20))))
            .await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.error_type(), "not_found_error");
    }
}

fn head(lines: &str) -> String {
    format!(
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nanthropic-version: 2023-06-01\r\n{lines}\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_first_is_told_to_go_on_or_refused() {
    let house = Plan::new().build().await;
    let text = message(2000);
    let mut asking = Raw::connect(house.address()).await;
    asking
        .send(head("Expect: 100-continue\r\nContent-Length: 2000"))
        .await;
    assert!(
        asking
            .answer()
            .await
            .starts_with("HTTP/1.1 100 Continue\r\n")
    );
    asking.send(&text).await;
    assert_eq!(status(&asking.answer().await), 200);

    let mut large = Raw::connect(house.address()).await;
    large
        .send(head("Expect: 100-continue\r\nContent-Length: 99999999999"))
        .await;
    let answer = large.answer().await;
    assert_eq!(status(&answer), 413, "{answer}");
    assert!(large.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_two_lengths_or_less_than_announced_is_refused() {
    let house = Plan::new().build().await;
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: gzip, chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: five",
    ] {
        let mut client = Raw::connect(house.address()).await;
        client.send(head(framing)).await;
        client.send("5\r\nhello\r\n0\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!(status(&answer), 400, "{framing}: {answer}");
        assert!(client.is_closed().await, "{framing}");
    }

    let mut short = Raw::connect(house.address()).await;
    short.send(head("Content-Length: 100")).await;
    short.send("{\"model\"").await;
    tokio::io::AsyncWriteExt::shutdown(&mut short.socket)
        .await
        .expect("half closed");
    assert_eq!(status(&short.answer().await), 400);
    assert_eq!(house.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_drips_is_given_up() {
    let house = Plan::new()
        .set("[gateway.timeouts]\nclient_body = \"1s\"")
        .build()
        .await;
    let mut client = Raw::connect(house.address()).await;
    client.send(head("Content-Length: 100")).await;
    client.send("{").await;

    let answer = client.answer().await;

    assert_eq!(status(&answer), 408, "{answer}");
    assert!(answer.contains("timeout_error"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_beyond_the_common_bound_are_refused_and_nothing_stays_held() {
    let house = Plan::new()
        .set("[gateway.limits]\nbody_bytes_max = \"1 MiB\"\nbody_bytes_held_max = \"1 MiB\"")
        .build()
        .await;
    let mut hoarder = Raw::connect(house.address()).await;
    hoarder.send(head("Content-Length: 1000000")).await;
    hoarder.send(&message(999_999)).await;
    house.until_metric("keyweir_body_bytes_held 999999").await;
    let answer = house
        .ask(
            &http1(),
            post(&house, "/v1/messages", full(message(900_000))),
        )
        .await;
    assert_eq!(answer.status, 529, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), "1");

    drop(hoarder);
    house.until_metric("keyweir_body_bytes_held 0").await;
}
