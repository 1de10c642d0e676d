//! The end: nothing new, what runs goes on, and no longer than it may.

use std::time::{Duration, Instant};

use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::house::{Answer, House, Plan, Raw, http1, http2, status, until};

async fn streaming(
    house: &House,
    client: &crate::house::Http,
    interval: &str,
) -> http::Response<Incoming> {
    let headers = [
        ("x-sim-chunk-interval-ms", interval),
        ("x-sim-output-tokens", "40"),
    ];
    client
        .request(house.stream(&headers))
        .await
        .expect("answered")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_gateway_ends_at_once() {
    let house = Plan::new().build().await;
    let client = http1();
    // Leaves an idle connection behind.
    house.ask(&client, house.message(&[])).await;
    let mut silent = Raw::connect(house.address()).await;

    let start = Instant::now();
    house.gateway.drain().await;

    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert!(silent.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn running_streams_finish_and_new_clients_are_not_let_in() {
    for client in [http1(), http2()] {
        let house = Plan::new().build().await;
        let running = streaming(&house, &client, "50").await;
        let (admin, address) = (house.gateway.admin.expect("one"), house.address());
        let House { provider, gateway } = house;

        let lifecycle = std::sync::Arc::clone(gateway.gateway().lifecycle());
        let draining = tokio::spawn(gateway.drain());
        until("it drains", || !lifecycle.ready()).await;
        let readiness = http1()
            .request(
                http::Request::get(format!("http://{admin}/readyz"))
                    .body(crate::house::empty())
                    .expect("valid"),
            )
            .await
            .expect("operators are still answered");
        assert_eq!(readiness.status(), StatusCode::SERVICE_UNAVAILABLE);

        let answer = Answer::read(running).await;
        assert!(!answer.broken);
        assert_eq!(answer.events().last(), Some(&"message_stop"));
        draining.await.expect("no panic");
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
        drop(provider);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_outlasts_grace_ends_in_an_error_event() {
    for client in [http1(), http2()] {
        let house = Plan::new()
            .set("[gateway.timeouts]\ndrain = \"1s\"")
            .build()
            .await;
        let headers = [
            ("x-sim-chunk-interval-ms", "100"),
            ("x-sim-output-tokens", "4000"),
        ];
        let mut body = client
            .request(house.stream(&headers))
            .await
            .expect("answered")
            .into_body();
        assert!(body.frame().await.is_some());
        let House { provider, gateway } = house;

        let draining = tokio::spawn(gateway.drain());
        let mut text = String::new();
        let mut broken = false;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    let data = frame.into_data().unwrap_or_default();
                    text.push_str(&String::from_utf8_lossy(&data));
                }
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }

        assert!(broken);
        assert!(text.contains("event: error"), "{text}");
        draining.await.expect("no panic");
        drop(provider);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_announced_requests_are_served_and_connections_ended() {
    let house = Plan::new()
        .set("[gateway.timeouts]\ndrain_delay = \"1s\"")
        .build()
        .await;
    let address = house.address();
    let House { provider, gateway } = house;
    let lifecycle = std::sync::Arc::clone(gateway.gateway().lifecycle());
    let draining = tokio::spawn(gateway.drain());
    until("it drains", || !lifecycle.ready()).await;

    let mut client = Raw::connect(address).await;
    let message = crate::house::MESSAGE;
    client
        .send(format!(
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nanthropic-version: 1\r\nContent-Length: {}\r\n\r\n{message}",
            message.len()
        ))
        .await;
    let answer = client.answer().await;

    assert_eq!(status(&answer), 200, "{answer}");
    assert!(
        answer.to_ascii_lowercase().contains("connection: close"),
        "{answer}"
    );
    draining.await.expect("no panic");
    drop(provider);
}
