//! HTTP/2 used as it was not meant to be. The connection may pay for it; nobody else does.

use std::collections::BTreeMap;

use crate::support::PROMPT;
use crate::support::api::Api;
use crate::support::frames::{
    self, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, RST_STREAM,
};
use crate::support::program::Watch;
use crate::support::stage::{Plan, Stage};

async fn connect(stage: &Stage) -> Frames {
    Frames::connect(stage.gateway.address).await
}

/// Asks a model something simple on a stream of a connection.
async fn ask(client: &mut Frames, stream: u32) -> bool {
    let block = frames::request("/v1/messages", &[]);
    client.send(HEADERS, END_HEADERS, stream, &block).await;
    let body = Api::Messages.body(false);
    client.send(DATA, END_STREAM, stream, body.as_bytes()).await;
    let head = client.wait_for(HEADERS, stream).await;
    head.is_some_and(|head| frames::is_ok(&head))
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_opened_and_reset_at_once_end_the_connection_only() {
    let stage = Plan::new().build().await;
    let mut flood = connect(&stage).await;
    let block = frames::request("/v1/messages", &[]);
    let mut bytes = Vec::new();
    for stream in (1..20_001).step_by(2) {
        bytes.extend(frames::frame(HEADERS, END_HEADERS, stream, &block));
        bytes.extend(frames::frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
    }
    let watch = Watch::start();

    let (_, ()) = tokio::join!(flood.write(&bytes), stage.serves(Api::Chat));

    assert_eq!(flood.end().await, Some(11), "no ENHANCE_YOUR_CALM");
    watch.within(PROMPT);
    stage.is_unharmed().await;
    stage.has_no_connections().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_sent_whole_and_reset_leave_nothing_behind() {
    let stage = Plan::new().build().await;
    let mut client = connect(&stage).await;
    let block = frames::request("/v1/messages", &[("x-sim-head-ms", "60000")]);
    let body = Api::Messages.body(true);
    for stream in (1..101).step_by(2) {
        client.send(HEADERS, END_HEADERS, stream, &block).await;
        client.send(DATA, END_STREAM, stream, body.as_bytes()).await;
        stage.provider_has(1).await;
        client
            .send(RST_STREAM, 0, stream, &8u32.to_be_bytes())
            .await;
        stage.provider_has(0).await;
    }
    assert!(ask(&mut client, 101).await);
    assert_eq!(stage.control().counters().cancelled, 50);
    drop(client);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_allowed_are_refused_and_the_others_go_on() {
    let stage = Plan::new()
        .set("[gateway.limits]\nstreams_per_connection_max = 10")
        .build()
        .await;
    let mut client = connect(&stage).await;
    let block = frames::request("/v1/messages", &[("x-sim-first-token-ms", "500")]);
    let body = Api::Messages.body(false);
    for stream in (1..41).step_by(2) {
        client.send(HEADERS, END_HEADERS, stream, &block).await;
        client.send(DATA, END_STREAM, stream, body.as_bytes()).await;
    }
    let (mut answered, mut refused) = (0, BTreeMap::new());
    while answered + refused.len() < 20 {
        let frame = client.next().await.expect("the connection lives");
        match frame.kind {
            HEADERS => {
                assert!(frames::is_ok(&frame));
                answered += 1;
            }
            RST_STREAM => {
                refused.entry(frame.stream).or_insert(frame.payload);
            }
            _ => {}
        }
    }
    // REFUSED_STREAM: the client may send it again.
    for (stream, code) in &refused {
        assert_eq!(*code, 7u32.to_be_bytes(), "{stream}");
    }
    assert_eq!((answered, refused.len()), (10, 10));
    assert!(ask(&mut client, 41).await);
    drop(client);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_block_without_end_does_not_fill_memory() {
    let stage = Plan::new().build().await;
    stage.is_unharmed().await;
    let before = stage.gateway.memory_peak();
    let mut flood = connect(&stage).await;
    let filler = frames::block(&[("x-filler", &"v".repeat(16_000))]);
    flood
        .send(HEADERS, 0, 1, &frames::request("/v1/messages", &[]))
        .await;
    for _ in 0..4_000 {
        if !flood.send(CONTINUATION, 0, 1, &filler).await {
            break;
        }
    }
    flood.end().await;
    let grown = stage.gateway.memory_peak().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown}");
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_beyond_the_bounds_are_refused_and_the_connection_goes_on() {
    let stage = Plan::new().build().await;
    let mut client = connect(&stage).await;
    let value = "v".repeat(10_000);
    let names: Vec<String> = (0..200).map(|n| format!("x-filler-{n}")).collect();
    let large: Vec<_> = names[..8]
        .iter()
        .map(|name| (name.as_str(), value.as_str()))
        .collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let mut stream = 1;
    for more in [large, many] {
        let block = frames::request("/v1/messages", &more);
        let mut pieces = block.chunks(16_000);
        let first = pieces.next().unwrap_or_default();
        let rest: Vec<_> = pieces.collect();
        let flags = if rest.is_empty() { END_HEADERS } else { 0 };
        client
            .send(HEADERS, flags | END_STREAM, stream, first)
            .await;
        for (position, piece) in rest.iter().enumerate() {
            let last = position + 1 == rest.len();
            let flags = if last { END_HEADERS } else { 0 };
            client.send(CONTINUATION, flags, stream, piece).await;
        }
        let frame = loop {
            let frame = client.next().await.expect("the connection lives");
            if frame.stream == stream && [HEADERS, RST_STREAM].contains(&frame.kind) {
                break frame;
            }
        };
        assert!(frame.kind == RST_STREAM || !frames::is_ok(&frame));
        stream += 2;
    }
    assert!(ask(&mut client, stream).await);
    assert_eq!(stage.control().counters().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_none_are_refused_stream_by_stream() {
    let stage = Plan::new().build().await;
    let host = (":authority", "localhost");
    let (method, scheme, path) = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/v1/messages"),
    );
    for headers in [
        vec![method, scheme, host],
        vec![method, host, path],
        vec![scheme, host, path],
        vec![method, scheme, path],
        vec![method, scheme, host, (":path", "")],
        vec![method, scheme, host, (":path", "v1/messages")],
        vec![method, scheme, host, (":path", "*")],
        vec![method, scheme, host, path, path],
        vec![method, scheme, host, path, (":status", "200")],
        vec![method, scheme, host, path, ("x-a", "b\r\nx-c: d")],
        vec![method, scheme, host, path, ("X-Upper", "b")],
        vec![method, scheme, host, path, ("connection", "close")],
        vec![method, scheme, host, path, ("transfer-encoding", "chunked")],
        vec![method, scheme, host, path, ("te", "gzip")],
        vec![
            method,
            scheme,
            host,
            path,
            ("content-length", "5"),
            ("content-length", "6"),
        ],
        vec![method, scheme, host, path, ("content-length", "x")],
        vec![method, scheme, host, path, ("host", "elsewhere.example")],
        vec![
            (":method", "CONNECT"),
            (":authority", "api.example.com:443"),
        ],
        vec![
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            scheme,
            host,
            path,
        ],
    ] {
        let mut client = connect(&stage).await;
        let block = frames::block(&headers);
        client
            .send(HEADERS, END_HEADERS | END_STREAM, 1, &block)
            .await;
        let answered = loop {
            match client.next().await {
                Some(frame) if frame.kind == HEADERS => break frames::is_ok(&frame),
                Some(frame) if frame.kind == RST_STREAM => break false,
                Some(_) => {}
                None => break false,
            }
        };
        assert!(!answered, "{headers:?}");
    }
    assert_eq!(stage.control().counters().requests, 0);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_as_long_as_announced_is_refused() {
    let stage = Plan::new().build().await;
    let body = Api::Messages.body(false);
    for announced in [body.len() - 1, body.len() + 1] {
        let mut client = connect(&stage).await;
        let length = announced.to_string();
        let block = frames::request("/v1/messages", &[("content-length", &length)]);
        client.send(HEADERS, END_HEADERS, 1, &block).await;
        client.send(DATA, END_STREAM, 1, body.as_bytes()).await;
        let answered = loop {
            match client.next().await {
                Some(frame) if frame.kind == HEADERS => break frames::is_ok(&frame),
                Some(frame) if frame.kind == RST_STREAM => break false,
                Some(_) => {}
                None => break false,
            }
        };
        assert!(!answered, "{announced}");
    }
    assert_eq!(stage.control().counters().requests, 0);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_small_frames_hold_nobody_up() {
    let stage = Plan::new().build().await;
    let ping = frames::frame(PING, 0, 0, &[0; 8]);
    let settings = frames::frame(frames::SETTINGS, 0, 0, &[]);
    let empty = frames::frame(DATA, 0, 1, &[]);
    for flood in [ping, settings, empty] {
        let mut client = connect(&stage).await;
        let block = frames::request("/v1/messages", &[]);
        client.send(HEADERS, END_HEADERS, 1, &block).await;
        let bytes = flood.repeat(10_000);
        let watch = Watch::start();
        let writing = async {
            for _ in 0..20 {
                // Its answers are never read.
                let written = client.write(&bytes);
                if tokio::time::timeout(PROMPT / 10, written).await != Ok(true) {
                    break;
                }
            }
        };
        let ((), ()) = tokio::join!(writing, stage.serves(Api::Messages));
        stage.serves(Api::Chat).await;
        watch.within(PROMPT * 3);
        drop(client);
        stage.is_unharmed().await;
    }
    assert!(
        stage.gateway.memory_peak() < 200 << 20,
        "{}",
        stage.gateway.memory_peak()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_break_the_protocol_end_the_connection_only() {
    let stage = Plan::new().build().await;
    let block = frames::request("/v1/messages", &[]);
    for (what, bytes) in [
        ("data before headers", frames::frame(DATA, 0, 1, b"x")),
        (
            "headers on stream 0",
            frames::frame(HEADERS, END_HEADERS, 0, &block),
        ),
        (
            "an even stream",
            frames::frame(HEADERS, END_HEADERS, 2, &block),
        ),
        (
            "broken compression",
            frames::frame(HEADERS, END_HEADERS, 1, &[0xff; 40]),
        ),
        (
            "a continuation of nothing",
            frames::frame(CONTINUATION, END_HEADERS, 1, &block),
        ),
        ("a push", frames::frame(5, END_HEADERS, 1, &block)),
        (
            "settings of three bytes",
            frames::frame(frames::SETTINGS, 0, 0, &[0; 3]),
        ),
        ("a window of nothing", frames::frame(8, 0, 0, &[0; 4])),
        (
            "a frame too large",
            frames::frame(DATA, 0, 1, &vec![0; 20_000]),
        ),
        ("HTTP/1.1", Api::Messages.request(false).bytes()),
    ] {
        let mut client = connect(&stage).await;
        client.write(&bytes).await;
        let code = client.end().await;
        assert_ne!(code, Some(0), "{what}");
    }
    assert_eq!(stage.control().counters().requests, 0);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_preface_is_no_connection() {
    let stage = Plan::new().build().await;
    for preface in [
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        "PRI / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = Frames::silent(stage.gateway.address).await;
        client.write(preface.as_bytes()).await;
        client.end().await;
    }
    stage.is_unharmed().await;
}
