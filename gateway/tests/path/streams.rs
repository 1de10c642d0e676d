//! Streams: held until they have begun, passed on as they come, never ended as if they were whole.

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use simulated_provider::{Fault, FaultRule, Moment};

use crate::house::{Answer, House, Http, PATIENCE, Plan, http1, http2};

const SEVERAL_CHUNKS: (&str, &str) = ("x-sim-output-tokens", "40");

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_arrives_as_the_provider_sent_it() {
    for upstream in ["1.1", "2"] {
        let house = Plan::new().upstream(upstream).build().await;
        for client in [http1(), http2()] {
            let answer = house.ask(&client, house.stream(&[SEVERAL_CHUNKS])).await;

            assert_eq!(answer.status, 200);
            assert!(!answer.broken);
            assert!(
                answer
                    .header("content-type")
                    .starts_with("text/event-stream")
            );
            let events = answer.events();
            assert_eq!(events[0], "message_start");
            assert_eq!(events[events.len() - 1], "message_stop");
            let deltas = events.iter().filter(|name| **name == "content_block_delta");
            assert_eq!(deltas.count(), 10);
        }
    }
}

/// What can go wrong with a stream before its first content.
fn early_faults() -> [Fault; 4] {
    [
        Fault::ErrorEvent {
            after_chunks: 0,
            error: None,
        },
        Fault::Reset {
            at: Moment::AfterHead,
            connection: false,
        },
        Fault::Reset {
            at: Moment::AfterChunks(0),
            connection: false,
        },
        Fault::CleanEnd { after_chunks: 0 },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_its_first_content_goes_to_another_key_unseen() {
    for upstream in ["1.1", "2"] {
        for fault in early_faults() {
            let house = Plan::new().upstream(upstream).build().await;
            house
                .control()
                .fault(FaultRule::from(fault.clone()).times(1));

            let answer = house.ask(&http1(), house.stream(&[SEVERAL_CHUNKS])).await;

            assert_eq!(answer.status, 200, "{fault:?}: {}", answer.body);
            assert_eq!(answer.attempts(), 2, "{fault:?}");
            assert!(!answer.events().contains(&"error"), "{fault:?}");
            assert_eq!(answer.events().last(), Some(&"message_stop"), "{fault:?}");
            let (_, metrics) = house.admin("/metrics").await;
            let hidden = r#"keyweir_stream_faults_hidden_total{provider="sim"} 1"#;
            assert!(metrics.contains(hidden), "{fault:?}");
        }
    }
}

async fn ends_in_an_error(fault: Fault, settings: &str, upstream: &'static str, client: &Http) {
    let house = Plan::new().set(settings).upstream(upstream).build().await;
    house.control().fault(fault.clone());

    let answer = house.ask(client, house.stream(&[SEVERAL_CHUNKS])).await;

    assert_eq!(answer.status, 200, "{fault:?}");
    assert!(
        answer.broken,
        "{fault:?}: a clean end would pass for a whole answer"
    );
    let events = answer.events();
    assert!(events.contains(&"content_block_delta"), "{fault:?}");
    assert!(!events.contains(&"message_stop"), "{fault:?}");
    assert_eq!(events.last(), Some(&"error"), "{fault:?}: {}", answer.body);
    let data = answer.body.lines();
    let data: Vec<&str> = data
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    for json in &data {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(json);
        assert!(parsed.is_ok(), "{fault:?}: half an event: {json}");
    }
    let last: serde_json::Value = serde_json::from_str(data[data.len() - 1]).expect("JSON");
    assert_eq!(last["type"], "error");
    house.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_after_its_first_content_ends_in_an_error_event_and_not_cleanly() {
    for upstream in ["1.1", "2"] {
        for client in [http1(), http2()] {
            for fault in [
                Fault::Reset {
                    at: Moment::AfterChunks(3),
                    connection: false,
                },
                Fault::Reset {
                    at: Moment::AfterChunks(3),
                    connection: true,
                },
                Fault::CleanEnd { after_chunks: 3 },
            ] {
                ends_in_an_error(fault, "", upstream, &client).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stalls_after_its_first_content_ends_in_an_error_event_in_time() {
    let stall = Fault::Stall {
        at: Moment::AfterChunks(3),
        secs: None,
    };
    let settings = "[gateway.timeouts]\nstream_idle = \"1s\"";
    for client in [http1(), http2()] {
        ends_in_an_error(stall.clone(), settings, "1.1", &client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_in_time_is_tried_once_more() {
    for at in [Moment::BeforeHead, Moment::AfterHead] {
        let house = Plan::new()
            .set("[gateway.timeouts]\nhead = \"1s\"\nstream_idle = \"1s\"")
            .build()
            .await;
        let stall = Fault::Stall { at, secs: None };
        house.control().fault(FaultRule::from(stall).times(1));

        let answer = house.ask(&http1(), house.stream(&[])).await;

        assert_eq!((answer.status, answer.attempts()), (200, 2), "{at:?}");
        house.quiet().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_own_error_after_content_reaches_the_client_as_it_is() {
    let house = Plan::new().build().await;
    house.control().fault(Fault::ErrorEvent {
        after_chunks: 2,
        error: None,
    });

    let answer = house.ask(&http1(), house.stream(&[SEVERAL_CHUNKS])).await;

    assert_eq!(answer.events().last(), Some(&"error"));
    assert_eq!(answer.body.matches("event: error").count(), 1);
    assert_eq!(answer.attempts(), 1);
}

/// The time until the client's first byte.
async fn first_byte(house: &House, client: &Http, headers: &[(&str, &str)]) -> Duration {
    let start = Instant::now();
    let answer = client
        .request(house.stream(headers))
        .await
        .expect("answered");
    let mut body = answer.into_body();
    let first = tokio::time::timeout(PATIENCE, body.frame())
        .await
        .expect("in time");
    assert!(first.expect("a frame").is_ok());
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_not_held_for_ever() {
    let house = Plan::new()
        .set("[gateway.stream]\nhold_head = \"100ms\"")
        .build()
        .await;
    let slow = [("x-sim-first-token-ms", "3000"), SEVERAL_CHUNKS];

    let waited = first_byte(&house, &http1(), &slow).await;

    assert!(waited >= Duration::from_millis(90), "{waited:?}");
    assert!(waited < Duration::from_millis(2500), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_and_pings_pass_as_they_come() {
    for upstream in ["1.1", "2"] {
        let house = Plan::new().upstream(upstream).build().await;
        for client in [http1(), http2()] {
            let headers = [
                ("x-sim-output-tokens", "8"),
                ("x-sim-chunk-interval-ms", "400"),
                ("x-sim-ping-interval-ms", "100"),
            ];
            let answer = client
                .request(house.stream(&headers))
                .await
                .expect("answered");
            let mut body = answer.into_body();
            let mut arrivals = Vec::new();
            while let Some(Ok(frame)) = body.frame().await {
                let data = frame.into_data().unwrap_or_default();
                if data.windows(4).any(|it| it == b"ping") {
                    arrivals.push(Instant::now());
                }
            }
            // The one at the start, then three between the two chunks.
            assert!(arrivals.len() >= 3, "{upstream}: {} pings", arrivals.len());
            let spread = arrivals[arrivals.len() - 1] - arrivals[0];
            assert!(
                spread >= Duration::from_millis(150),
                "{upstream}: {spread:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_answer_that_breaks_off_goes_to_another_key() {
    for upstream in ["1.1", "2"] {
        let house = Plan::new().upstream(upstream).build().await;
        let reset = Fault::Reset {
            at: Moment::AfterChunks(1),
            connection: false,
        };
        house.control().fault(FaultRule::from(reset).times(1));

        let answer: Answer = house.ask(&http1(), house.message(&[])).await;

        assert_eq!((answer.status, answer.attempts()), (200, 2));
        assert_eq!(answer.json()["type"], "message");
    }
}
