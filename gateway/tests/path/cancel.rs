//! Clients that leave, at every moment they can.

use std::time::Duration;

use http_body_util::BodyExt;
use simulated_provider::{Account, Fault, FaultRule, Limits, Moment};

use crate::house::{House, Http, Plan, Raw, STREAM, http1, http2, until};

async fn nothing_is_left(house: &House) {
    house.quiet().await;
    house
        .until_metric(r#"keyweir_upstream_requests_running{provider="sim"} 0"#)
        .await;
    house
        .until_metric(r#"keyweir_waiting_requests{provider="sim"} 0"#)
        .await;
    house.until_metric("keyweir_body_bytes_held 0").await;
    house.until_metric("keyweir_requests_running 0").await;
}

async fn leaves_while_waiting_for_the_head(client: &Http, upstream: &'static str) {
    let house = Plan::new().upstream(upstream).build().await;
    let stall = Fault::Stall {
        at: Moment::BeforeHead,
        secs: None,
    };
    house.control().fault(FaultRule::from(stall).times(1));
    let asking = tokio::spawn(client.request(house.stream(&[])));
    until("it runs", || house.control().counters().requests_open == 1).await;

    asking.abort();

    until("it is cancelled", || {
        house.control().counters().cancelled == 1
    })
    .await;
    nothing_is_left(&house).await;
}

async fn leaves_in_the_stream(client: &Http, upstream: &'static str) {
    let house = Plan::with(vec![Account::new("one", ["sk-one"])])
        .upstream(upstream)
        .build()
        .await;
    let slow = [
        ("x-sim-chunk-interval-ms", "50"),
        ("x-sim-output-tokens", "400"),
    ];
    let answer = client.request(house.stream(&slow)).await.expect("answered");
    let mut body = answer.into_body();
    assert!(body.frame().await.is_some());

    drop(body);

    until("it is cancelled", || {
        house.control().counters().cancelled == 1
    })
    .await;
    nothing_is_left(&house).await;
    house
        .until_metric(
            r#"keyweir_attempts_total{account="one",fault="client_left",provider="sim"} 1"#,
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_before_the_head_cancels_the_request() {
    for upstream in ["1.1", "2"] {
        for client in [http1(), http2()] {
            leaves_while_waiting_for_the_head(&client, upstream).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_the_stream_cancels_it() {
    for upstream in ["1.1", "2"] {
        for client in [http1(), http2()] {
            let house_of_one = || leaves_in_the_stream(&client, upstream);
            house_of_one().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_during_the_upload_leaves_nothing_behind() {
    let house = Plan::new().build().await;
    let mut client = Raw::connect(house.address()).await;
    client
        .send("POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{")
        .await;
    house.until_metric("keyweir_body_bytes_held 1").await;

    drop(client);

    nothing_is_left(&house).await;
    assert_eq!(house.control().counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_the_waiting_room_frees_its_place() {
    let tiny =
        Account::new("one", ["sk-one"]).with(Limits::three(60, 1_000_000, 1_000_000).burst(1.0));
    let house = Plan::with(vec![tiny]).build().await;
    let client = http1();
    // The first takes all there is; its headers tell the gateway so.
    assert_eq!(house.ask(&client, house.message(&[])).await.status, 200);
    let waiting: Vec<_> = (0..5)
        .map(|_| tokio::spawn(client.request(house.message(&[]))))
        .collect();
    until("some wait", || waiting.iter().any(|it| !it.is_finished())).await;

    for request in &waiting {
        request.abort();
    }

    nothing_is_left(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_its_half_has_left() {
    let house = Plan::new().build().await;
    let stall = Fault::Stall {
        at: Moment::BeforeHead,
        secs: None,
    };
    house.control().fault(stall);
    let mut client = Raw::connect(house.address()).await;
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nanthropic-version: 1\r\nContent-Length: {}\r\n\r\n{STREAM}",
        STREAM.len()
    );
    client.send(head).await;
    until("it runs", || house.control().counters().requests_open == 1).await;

    tokio::io::AsyncWriteExt::shutdown(&mut client.socket)
        .await
        .expect("half closed");

    until("it is cancelled", || {
        house.control().counters().cancelled == 1
    })
    .await;
    tokio::time::timeout(Duration::from_secs(60), nothing_is_left(&house))
        .await
        .expect("in time");
}
