//! Traces: what a collector gets, what a provider is told, and that nobody waits for a collector.

use std::time::{Duration, Instant};

use simulated_provider::{Fault, FaultRule};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::api::Api;
use crate::support::in_time;
use crate::support::stage::{Plan, Stage};
use crate::support::wire::find;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A collector that takes what it is sent; the bodies.
async fn collector() -> (String, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (sender, bodies) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            let body = loop {
                if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    break Vec::new();
                }
                let Some(end) = find(&bytes, b"\r\n\r\n") else {
                    continue;
                };
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
                assert!(
                    head.contains("content-type: application/x-protobuf"),
                    "{head}"
                );
                let length = head.split("content-length: ").nth(1).expect("a length");
                let length = length.lines().next().unwrap_or_default();
                if bytes.len() >= end + 4 + length.parse::<usize>().expect("a number") {
                    break bytes.split_off(end + 4);
                }
            };
            let _ = sender.send(body);
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (format!("http://{address}"), bodies)
}

fn traced(endpoint: &str, sample: &str) -> Plan {
    let lines = format!("[gateway.traces]\nendpoint = \"{endpoint}\"\nsample = {sample}");
    Plan::new().set(&lines)
}

fn holds(bytes: &[u8], part: impl AsRef<[u8]>) -> bool {
    find(bytes, part.as_ref()).is_some()
}

async fn counted(stage: &Stage, name: &str) -> u64 {
    let page = stage.gateway.admin("/metrics").await.text();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|count| count.parse().ok()).expect(name)
}

/// Waits until a counter has come to `least`: what is delivered is counted when the collector has said
/// that it has it.
async fn until_counted(stage: &Stage, name: &str, least: u64) {
    let reached = async {
        while counted(stage, name).await < least {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    in_time("they are counted", reached).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_and_each_attempt_is_one_in_the_clients_trace() {
    let (endpoint, mut bodies) = collector().await;
    let stage = traced(&endpoint, "0.0").build().await;
    // Of no trace, and so of a sample of nothing.
    stage.serves(Api::Messages).await;
    stage
        .control()
        .fault(FaultRule::from(Fault::InternalError).times(1));
    let request = Api::Messages
        .request(false)
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let answer = stage.ask(&request).await;
    assert_eq!(
        (answer.status, answer.attempts()),
        (200, 2),
        "{}",
        answer.text()
    );
    let body = in_time("spans", bodies.recv()).await.expect("a message");
    let trace = u128::from_str_radix(TRACE, 16).expect("hex").to_be_bytes();
    let spans = body.windows(16).filter(|part| *part == trace).count();
    assert_eq!(spans, 3, "one for the request, one for each attempt");
    for part in [
        "service.name",
        "service.instance.id",
        "POST inference",
        "chat claude-a",
        "gen_ai.provider.name",
        "anthropic",
        "keyweir.key",
        "error.type",
        "broken",
        "gen_ai.usage.output_tokens",
        answer.header("x-keyweir-request-id"),
    ] {
        assert!(holds(&body, part), "no {part}");
    }
    assert!(
        holds(&body, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()),
        "no parent"
    );
    assert!(!holds(&body, "hello there"), "content");
    // What the provider was told names the spans of the attempts, and no other request's.
    let told = stage.control().requests();
    let told: Vec<&str> = told
        .iter()
        .filter_map(|it| it.header("traceparent"))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for header in told {
        assert!(header.starts_with(&format!("00-{TRACE}-")), "{header}");
        let span = header.split('-').nth(2).expect("a span");
        let span = u64::from_str_radix(span, 16).expect("hex");
        assert!(holds(&body, span.to_be_bytes()), "{header}");
    }
    until_counted(&stage, "keyweir_spans_delivered_total", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_takes_a_key_out_is_an_event_of_its_attempt() {
    let (endpoint, mut bodies) = collector().await;
    let stage = traced(&endpoint, "1.0").build().await;
    stage
        .control()
        .fault(FaultRule::from(Fault::Revoked).times(1));
    let answer = stage.ask(&Api::Messages.request(false)).await;
    assert_eq!((answer.status, answer.attempts()), (200, 2));
    let body = in_time("spans", bodies.recv()).await.expect("a message");
    for part in ["keyweir.health_changed", "keyweir.change", "key_out"] {
        assert!(holds(&body, part), "no {part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_is_not_recorded_passes_as_it_is() {
    let (endpoint, mut bodies) = collector().await;
    let stage = traced(&endpoint, "1.0").build().await;
    let header = format!("00-{TRACE}-00f067aa0ba902b7-00");
    let request = Api::Messages.request(false).header("traceparent", &header);
    assert_eq!(stage.ask(&request).await.status, 200);
    let told = stage.control().last_request().expect("one");
    assert_eq!(told.header("traceparent"), Some(header.as_str()));
    // One of no trace is of the sample of all, and the first that is sent.
    stage.serves(Api::Chat).await;
    let body = in_time("spans", bodies.recv()).await.expect("a message");
    assert!(holds(&body, "chat gpt-a") && !holds(&body, "claude-a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_collector_that_hangs_or_is_not_there() {
    let hanging = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let hangs = format!("http://{}", hanging.local_addr().expect("bound"));
    let stage = traced(&hangs, "1.0").build().await;
    stage.serves(Api::Messages).await;
    let _sent = in_time("spans are sent", hanging.accept()).await;
    let since = Instant::now();
    for _ in 0..20 {
        stage.serves(Api::Messages).await;
    }
    // As long as a collector is given to answer; one request that waits for it takes all of that.
    assert!(since.elapsed() < Duration::from_secs(5), "they wait");
    stage.is_unharmed().await;
    let stage = traced("http://127.0.0.1:9", "1.0").build().await;
    stage.serves(Api::Messages).await;
    until_counted(&stage, "keyweir_spans_dropped_total", 2).await;
    stage.gateway.writes("traces cannot be delivered").await;
    stage.serves(Api::Messages).await;
}
