//! When chunks come, and what they carry, as a request steers them.

mod client;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::{hello, messages, send, start, with};
use simulated_provider::{Latency, World};

#[tokio::test]
async fn chunks_carry_the_time_they_were_sent_and_keep_their_pace() {
    let provider = start(World::unlimited("k")).await;
    let mut request = messages("k", &hello(true));
    for (name, value) in [
        ("x-sim-output-tokens", "20"),
        ("x-sim-chunk-tokens", "2"),
        ("x-sim-chunk-interval-ms", "2"),
        ("x-sim-chunk-bytes", "100"),
        ("x-sim-timestamps", "1"),
    ] {
        request = with(request, name, value);
    }
    let began = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time");
    let got = send(provider.addr(), request).await.expect("an answer");
    let events = got.events();
    let texts: Vec<&str> = events
        .iter()
        .filter_map(|(_, data)| data["delta"]["text"].as_str())
        .collect();
    assert_eq!(texts.len(), 10);
    let stamps: Vec<u64> = texts
        .iter()
        .map(|text| {
            assert_eq!(text.len(), 100);
            let stamp = text.strip_prefix('@').and_then(|text| text.split_once(';'));
            stamp.expect("a stamp").0.parse().expect("a number")
        })
        .collect();
    assert!(stamps.is_sorted());
    let took = Duration::from_nanos(stamps[9]).saturating_sub(began);
    assert!(took >= Duration::from_millis(9 * 2), "too early: {took:?}");
}

#[tokio::test]
async fn silence_is_filled_with_pings() {
    let provider = start(World::unlimited("k")).await;
    let mut request = messages("k", &hello(true));
    for (name, value) in [
        ("x-sim-first-token-ms", "30"),
        ("x-sim-ping-interval-ms", "1"),
    ] {
        request = with(request, name, value);
    }
    let got = send(provider.addr(), request).await.expect("an answer");
    let pings = got
        .events()
        .iter()
        .filter(|(name, _)| name == "ping")
        .count();
    assert!(pings > 2, "{pings} pings");
    assert!(
        got.body
            .ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
    );
}

#[tokio::test]
async fn latency_changes_while_running() {
    let provider = start(World::unlimited("k")).await;
    let latency = Latency {
        output_tokens: 3,
        ..Latency::default()
    };
    provider.control().set_latency(latency);
    let got = send(provider.addr(), messages("k", &hello(false)))
        .await
        .expect("an answer");
    assert_eq!(got.json()["usage"]["output_tokens"], 3);
}

#[tokio::test]
async fn steering_can_be_switched_off() {
    let world = World {
        steering: false,
        ..World::unlimited("k")
    };
    let provider = start(world).await;
    let request = with(messages("k", &hello(false)), "x-sim-output-tokens", "7");
    let request = with(request, "x-sim-fault", "overloaded");
    let got = send(provider.addr(), request).await.expect("an answer");
    assert_eq!(
        (got.status, &got.json()["usage"]["output_tokens"]),
        (200, &32.into())
    );
}
