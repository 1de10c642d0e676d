//! Faults over real sockets, over HTTP/1.1 and HTTP/2: what breaks, when, and who is counted.

mod client;

use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{anthropic, collect, hello, messages, open, send, send_h2, start, until, with};
use http::Method;
use serde_json::json;
use simulated_provider::{Fault, FaultRule, Moment, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const fn reset(at: Moment) -> Fault {
    Fault::Reset {
        at,
        connection: false,
    }
}

#[tokio::test]
async fn reset_before_the_head_gives_no_answer() {
    let provider = start(World::unlimited("k")).await;
    let fault = provider.control().fault(reset(Moment::BeforeHead));
    for stream in [false, true] {
        let request = messages("k", &hello(stream));
        assert!(send(provider.addr(), request.clone()).await.is_err());
        assert!(send_h2(provider.addr(), request).await.is_err());
    }
    assert_eq!(provider.control().struck(fault), Some(4));
    let counters = provider.control().counters();
    assert_eq!(counters.cancelled, 0, "the client did not leave");
    assert_eq!(
        counters.key("k").admitted,
        4,
        "the work was done all the same"
    );
}

#[tokio::test]
async fn reset_is_a_tcp_reset() {
    let provider = start(World::unlimited("k")).await;
    provider.control().fault(reset(Moment::BeforeHead));
    let mut socket = TcpStream::connect(provider.addr())
        .await
        .expect("it listens");
    let body = hello(false).to_string();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: h\r\nx-api-key: k\r\nanthropic-version: x\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.expect("sent");
    let error = socket
        .read_to_end(&mut Vec::new())
        .await
        .expect_err("no clean end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn reset_after_the_head_leaves_the_head() {
    let provider = start(World::unlimited("k")).await;
    provider.control().fault(reset(Moment::AfterHead));
    for stream in [false, true] {
        let request = messages("k", &hello(stream));
        for got in [
            send(provider.addr(), request.clone())
                .await
                .expect("a head"),
            send_h2(provider.addr(), request).await.expect("a head"),
        ] {
            assert_eq!(
                (got.status, got.body.as_str(), got.complete),
                (200, "", false)
            );
        }
    }
}

#[tokio::test]
async fn reset_in_the_middle_leaves_what_came_before() {
    let provider = start(World::unlimited("k")).await;
    provider.control().fault(reset(Moment::AfterChunks(2)));
    let request = messages("k", &hello(true));
    for got in [
        send(provider.addr(), request.clone())
            .await
            .expect("a head"),
        send_h2(provider.addr(), request).await.expect("a head"),
    ] {
        assert!(!got.complete);
        assert_eq!(got.body.matches("text_delta").count(), 2);
        assert!(!got.body.contains("message_stop"));
    }
    let whole = send(provider.addr(), messages("k", &hello(false)))
        .await
        .expect("a head");
    assert!(!whole.complete && whole.body.starts_with("{\"id\":"));
    assert_eq!(
        provider.control().counters().key("k").output_tokens,
        2 * 8 + 32
    );
}

#[tokio::test]
async fn whole_http2_connection_is_reset_only_on_command() {
    let provider = start(World::unlimited("k")).await;
    // The other stream ends soon if it may, and never by itself if it must not.
    for (connection, interval_ms) in [(false, "1"), (true, "3600000")] {
        let mut sender = client::connect_h2(provider.addr()).await;
        let paced = |interval| {
            let request = with(
                messages("k", &hello(true)),
                "x-sim-chunk-interval-ms",
                interval,
            );
            client::absolute(provider.addr(), request)
        };
        let other = sender
            .send_request(paced(interval_ms))
            .await
            .expect("a head");
        let fault = Fault::Reset {
            at: Moment::AfterChunks(1),
            connection,
        };
        let id = provider.control().fault(FaultRule::from(fault).times(1));
        let broken = sender.send_request(paced("0")).await.expect("a head");
        assert!(!collect(broken).await.complete);
        assert_eq!(collect(other).await.complete, !connection);
        provider.control().clear_fault(id);
    }
}

#[tokio::test]
async fn error_event_comes_before_or_after_content() {
    let provider = start(World::unlimited("k")).await;
    for chunks in [0, 3] {
        let fault = Fault::ErrorEvent {
            after_chunks: chunks,
            error: None,
        };
        let id = provider.control().fault(fault);
        let got = send(provider.addr(), messages("k", &hello(true)))
            .await
            .expect("a head");
        let events = got.events();
        let (name, data) = events.last().expect("events");
        assert_eq!((name.as_str(), &data["type"]), ("error", &json!("error")));
        assert_eq!(data["error"]["type"], "overloaded_error");
        assert_eq!(got.body.matches("text_delta").count() as u64, chunks);
        assert_eq!(events[0].0, "message_start");
        assert!(got.complete, "the stream ends as HTTP has it");
        provider.control().clear_fault(id);
    }
}

#[tokio::test]
async fn clean_end_lacks_the_last_event() {
    let provider = start(World::unlimited("k")).await;
    provider
        .control()
        .fault(Fault::CleanEnd { after_chunks: 3 });
    let got = send(provider.addr(), messages("k", &hello(true)))
        .await
        .expect("a head");
    assert!(got.complete && !got.body.contains("message_stop"));
    assert_eq!(got.body.matches("text_delta").count(), 3);
}

#[tokio::test]
async fn stall_lasts_until_the_client_leaves() {
    let provider = start(World::unlimited("k")).await;
    for at in [
        Moment::BeforeHead,
        Moment::AfterHead,
        Moment::AfterChunks(2),
    ] {
        for stream in [false, true] {
            let control = provider.control();
            control.clear_counters();
            let id = control.fault(Fault::Stall { at, secs: None });
            let request = messages("k", &hello(stream));
            let addr = provider.addr();
            let waiting = tokio::spawn(async move { send(addr, request).await.map(|_| ()) });
            until(control, "it stalls", |c| {
                c.requests_open == 1 && c.faults == 1
            })
            .await;
            waiting.abort();
            until(control, "it was cancelled", |c| c.cancelled == 1).await;
            assert_eq!(control.counters().requests_open, 0);
            control.clear_fault(id);
        }
    }
}

#[tokio::test]
async fn stall_for_a_while_goes_on_after_it() {
    let provider = start(World::unlimited("k")).await;
    for at in [
        Moment::BeforeHead,
        Moment::AfterHead,
        Moment::AfterChunks(2),
    ] {
        for stream in [false, true] {
            let id = provider.control().fault(Fault::Stall {
                at,
                secs: Some(0.05),
            });
            let began = Instant::now();
            let got = send(provider.addr(), messages("k", &hello(stream)))
                .await
                .expect("a head");
            assert!(got.complete && began.elapsed() >= Duration::from_millis(50));
            assert!(got.body.contains("end_turn"), "{}", got.body);
            provider.control().clear_fault(id);
        }
    }
    assert_eq!(provider.control().counters().cancelled, 0);
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let provider = start(World::unlimited("k")).await;
    let id = provider.control().fault(Fault::Garbage);
    let got = send(provider.addr(), messages("k", &hello(true)))
        .await
        .expect("a head");
    assert_eq!(got.status, 200);
    assert!(serde_json::from_str::<serde_json::Value>(&got.body).is_err());
    provider.control().clear_fault(id);

    provider.control().fault(Fault::GarbageOnWire);
    let error = send(provider.addr(), messages("k", &hello(true)))
        .await
        .expect_err("no HTTP");
    assert!(error.is_parse(), "{error:?}");
    assert!(
        send_h2(provider.addr(), messages("k", &hello(true)))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn early_answer_comes_before_the_body() {
    let provider = start(World::unlimited("k")).await;
    for (status, drain) in [(429, true), (413, true), (429, false)] {
        let id = provider
            .control()
            .fault(Fault::EarlyAnswer { status, drain });
        let mut socket = TcpStream::connect(provider.addr())
            .await
            .expect("it listens");
        // A body of which nothing is ever sent.
        let head = "POST /v1/messages HTTP/1.1\r\nhost: h\r\nx-api-key: k\r\n\
                    content-length: 1000000\r\n\r\n";
        socket.write_all(head.as_bytes()).await.expect("sent");
        let mut begin = [0; 12];
        socket.read_exact(&mut begin).await.expect("an answer");
        assert_eq!(
            String::from_utf8_lossy(&begin),
            format!("HTTP/1.1 {status}")
        );
        provider.control().clear_fault(id);
    }
}

#[tokio::test]
async fn body_larger_than_allowed_is_refused_and_the_answer_arrives() {
    let world = World {
        message_bytes_max: 1_000,
        ..World::unlimited("k")
    };
    let provider = start(world).await;
    let body = Bytes::from(vec![b' '; 4 << 20]);
    let request = anthropic("k", Method::POST, "/v1/messages", body);
    let got = send(provider.addr(), request.clone())
        .await
        .expect("an answer");
    assert_eq!(
        (got.status, got.json()["error"]["type"].as_str()),
        (413, Some("request_too_large"))
    );
    let got = send_h2(provider.addr(), request).await.expect("an answer");
    assert_eq!(got.status, 413);
}

#[tokio::test]
async fn upload_is_read_slowly_on_command() {
    let provider = start(World::unlimited("k")).await;
    let mut body = hello(false);
    body["system"] = json!("x".repeat(50_000));
    provider.control().fault(Fault::SlowUpload {
        bytes_per_sec: 1_000_000,
    });
    let began = Instant::now();
    let got = send(provider.addr(), messages("k", &body))
        .await
        .expect("an answer");
    assert_eq!(got.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(50));
    assert!(provider.control().counters().upload_bytes > 50_000);
}

#[tokio::test]
async fn client_that_leaves_before_the_head_is_counted() {
    let world = World {
        latency: simulated_provider::Latency {
            head_ms: 3.6e6,
            ..Default::default()
        },
        ..World::unlimited("k")
    };
    let provider = start(world).await;
    let addr = provider.addr();
    for stream in [false, true] {
        provider.control().clear_counters();
        let request = messages("k", &hello(stream));
        let waiting = tokio::spawn(async move { open(addr, request).await.map(|_| ()) });
        until(provider.control(), "it waits", |c| c.requests_open == 1).await;
        waiting.abort();
        until(provider.control(), "it was cancelled", |c| c.cancelled == 1).await;
    }
    // And one that leaves in the middle of its upload.
    provider.control().clear_counters();
    let mut socket = TcpStream::connect(addr).await.expect("it listens");
    let head =
        "POST /v1/messages HTTP/1.1\r\nhost: h\r\nx-api-key: k\r\ncontent-length: 9\r\n\r\n12";
    socket.write_all(head.as_bytes()).await.expect("sent");
    until(provider.control(), "it uploads", |c| c.upload_bytes == 2).await;
    drop(socket);
    until(provider.control(), "it was cancelled", |c| c.cancelled == 1).await;
}

#[tokio::test]
async fn cancelled_http2_stream_leaves_the_connection() {
    let provider = start(World::unlimited("k")).await;
    let mut sender = client::connect_h2(provider.addr()).await;
    let slow = with(
        messages("k", &hello(true)),
        "x-sim-chunk-interval-ms",
        "3600000",
    );
    let response = sender
        .send_request(client::absolute(provider.addr(), slow))
        .await
        .expect("a head");
    drop(response);
    until(provider.control(), "it was cancelled", |c| c.cancelled == 1).await;
    let again = client::absolute(provider.addr(), messages("k", &hello(false)));
    let got = collect(sender.send_request(again).await.expect("a head")).await;
    assert_eq!(got.status, 200);
    assert_eq!(provider.control().counters().connections, 1);
}

#[tokio::test]
async fn request_can_wish_for_its_own_fault() {
    let provider = start(World::unlimited("k")).await;
    let request = with(messages("k", &hello(false)), "x-sim-fault", "overloaded");
    assert_eq!(
        send(provider.addr(), request)
            .await
            .expect("an answer")
            .status,
        529
    );
    let wish = r#"{"kind":"error_event","after_chunks":1}"#;
    let request = with(messages("k", &hello(true)), "x-sim-fault", wish);
    let got = send(provider.addr(), request).await.expect("an answer");
    assert_eq!(got.events().last().expect("events").0, "error");
}
