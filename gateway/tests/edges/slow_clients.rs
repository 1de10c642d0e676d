//! Clients that take their time: each is given up in a bounded time, told so where it can be, and
//! its connection is free again.

use std::time::Duration;

use crate::support::api::{Api, Request};
use crate::support::frames::{self, Frames, PREFACE};
use crate::support::program::Watch;
use crate::support::stage::{Plan, Stage};
use crate::support::wire::{Answer, Wire};
use crate::support::{PROMPT, in_time, tls};

/// Short, and still longer than a request that comes at once can take on a busy machine.
fn plan() -> Plan {
    Plan::new().set(
        "[gateway.timeouts]\nclient_header = \"2s\"\nclient_body = \"1s\"\n\
         client_idle = \"1s\"\nclient_write = \"1s\"",
    )
}

/// Sends `bytes` one by one until the other side closes, with a pause after each.
async fn drip(wire: &mut Wire, bytes: &[u8]) -> Answer {
    for byte in bytes {
        if !wire.send([*byte]).await {
            break;
        }
        // The pace of the drips, not a wait for anything.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    wire.answer().await
}

async fn is_freed(stage: &Stage) {
    stage.has_no_connections().await;
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_in_drips_is_given_up() {
    let stage = plan().build().await;
    let head = Api::Messages.request(false).head();
    let watch = Watch::start();
    let mut slow: Vec<Wire> = Vec::new();
    for _ in 0..20 {
        slow.push(stage.connect().await);
    }
    let drips = slow.iter_mut().map(|wire| drip(wire, &head));
    let answers = futures::future::join_all(drips);

    let (answers, ()) = tokio::join!(answers, stage.serves(Api::Chat));

    for answer in answers {
        Api::Chat.check_refusal(&answer, 408, "server_error");
    }
    watch.within(PROMPT);
    for wire in &mut slow {
        assert!(wire.is_closed().await);
    }
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_is_given_up() {
    let stage = plan().build().await;
    let watch = Watch::start();
    let given_up = ["", "P", "PR", "PO"].map(|beginning| {
        let stage = &stage;
        async move {
            let mut wire = stage.connect().await;
            wire.send(beginning).await;
            // Nothing can be said to who has not begun; to others, it is.
            let answer = wire.answer().await;
            assert!([0, 408].contains(&answer.status), "{beginning}");
            assert!(wire.is_closed().await, "{beginning}");
        }
    });
    futures::future::join_all(given_up).await;
    watch.within(PROMPT);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_drips_is_given_up() {
    let stage = plan().build().await;
    for (api, request, kind) in [
        (Api::Messages, Api::Messages.request(false), "timeout_error"),
        (
            Api::Chat,
            Api::Chat.request(false).chunked(),
            "server_error",
        ),
    ] {
        let (bytes, head) = (request.bytes(), request.head());
        let watch = Watch::start();
        let mut wire = stage.connect().await;
        wire.send(&head).await;

        let (answer, ()) = tokio::join!(
            drip(&mut wire, &bytes[head.len()..]),
            stage.serves(Api::Messages)
        );

        api.check_refusal(&answer, 408, kind);
        watch.within(PROMPT);
        assert!(wire.is_closed().await, "{api:?}");
    }
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_is_given_up() {
    let stage = plan().build().await;
    let request = Api::Messages.request(false);
    let bytes = request.bytes();
    let mut wire = stage.connect().await;
    let watch = Watch::start();

    wire.send(&bytes[..bytes.len() - 1]).await;

    let answer = wire.answer().await;
    Api::Messages.check_refusal(&answer, 408, "timeout_error");
    watch.within(PROMPT);
    is_freed(&stage).await;
    assert_eq!(stage.control().counters().requests, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_idle_between_requests_is_closed() {
    let stage = plan().build().await;
    let mut wire = stage.connect().await;
    for _ in 0..3 {
        wire.send(Api::Messages.request(false).bytes()).await;
        assert_eq!(wire.answer().await.status, 200);
    }
    let watch = Watch::start();
    assert!(wire.is_closed().await);
    watch.within(PROMPT);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_head_of_a_connection_in_drips_is_given_up_too() {
    let stage = plan().build().await;
    let mut wire = stage.connect().await;
    wire.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(wire.answer().await.status, 200);
    let watch = Watch::start();

    let answer = drip(&mut wire, &Api::Messages.request(false).head()).await;

    assert!([0, 408].contains(&answer.status), "{}", answer.status);
    watch.within(PROMPT);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preface_in_drips_is_given_up() {
    let stage = plan().build().await;
    let watch = Watch::start();
    let given_up = [3, 5, 16, 23, PREFACE.len()].map(|length| {
        let address = stage.gateway.address;
        async move {
            let mut slow = Frames::silent(address).await;
            for byte in &PREFACE[..length] {
                slow.write(&[*byte]).await;
            }
            slow.end().await;
        }
    });
    futures::future::join_all(given_up).await;
    watch.within(PROMPT);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_block_that_goes_on_for_ever_is_given_up() {
    let stage = plan().build().await;
    let watch = Watch::start();
    let mut slow = Frames::connect(stage.gateway.address).await;
    let block = frames::request("/v1/messages", &[]);
    slow.send(frames::HEADERS, 0, 1, &block).await;
    // No END_HEADERS ever comes.
    slow.end().await;
    watch.within(PROMPT);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_over_http2_is_given_up() {
    let stage = plan().build().await;
    let watch = Watch::start();
    let mut slow = Frames::connect(stage.gateway.address).await;
    let block = frames::request("/v1/messages", &[]);
    slow.send(frames::HEADERS, frames::END_HEADERS, 1, &block)
        .await;
    slow.send(frames::DATA, 0, 1, b"{\"model\":").await;

    let head = slow.wait_for(frames::HEADERS, 1).await.expect("an answer");
    assert!(!frames::is_ok(&head));
    let body = slow.wait_for(frames::DATA, 1).await.expect("an answer");
    let body = String::from_utf8(body.payload).expect("text");
    assert!(body.contains("timeout_error"), "{body}");

    watch.within(PROMPT);
    stage.is_unharmed().await;
    drop(slow);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_http2_connection_is_closed_but_not_under_a_quiet_stream() {
    let stage = plan().build().await;
    let mut quiet = Frames::connect(stage.gateway.address).await;
    // Longer than connections may be idle.
    let block = frames::request("/v1/messages", &[("x-sim-first-token-ms", "2500")]);
    quiet
        .send(frames::HEADERS, frames::END_HEADERS, 1, &block)
        .await;
    let body = Api::Messages.body(false);
    quiet
        .send(frames::DATA, frames::END_STREAM, 1, body.as_bytes())
        .await;
    let head = quiet.wait_for(frames::HEADERS, 1).await;
    assert!(frames::is_ok(&head.expect("it was not closed")));

    let watch = Watch::start();
    quiet.end().await;
    watch.within(PROMPT);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_stops_is_given_up() {
    let own = tls::certificate();
    let stage = plan()
        .set(
            "[gateway.tls]\nlisten = [\"127.0.0.1:0\"]\ncert_file = \"tls.crt\"\n\
             key_file = \"tls.key\"",
        )
        .file("tls.crt", &own.cert)
        .file("tls.key", &own.key)
        .build()
        .await;
    let address = stage.gateway.tls.expect("it listens");
    let watch = Watch::start();
    let beginnings = [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"];
    let given_up = beginnings.map(|beginning| async move {
        let mut wire = Wire::connect(address).await;
        wire.send(beginning).await;
        assert!(wire.is_closed().await);
    });
    futures::future::join_all(given_up).await;
    watch.within(PROMPT);
    let mut plain = Wire::connect(address).await;
    plain.send(Api::Messages.request(false).bytes()).await;
    let said = plain.rest().await;
    assert!(!said.starts_with(b"HTTP/1.1 200"), "{said:?}");

    let mut good = tls::connect(address, &own, b"http/1.1").await;
    good.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(good.answer().await.status, 200);
    drop(good);
    is_freed(&stage).await;
}

/// A stream of some 32 MiB, more than all buffers on the way hold.
fn flood(api: Api) -> Request {
    let body = api.body(true).replace("64", "40000");
    api.request(true)
        .body(body)
        .header("x-sim-output-tokens", "40000")
        .header("x-sim-chunk-bytes", "4000")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answer_is_given_up_and_costs_little_memory() {
    let stage = plan().build().await;
    stage.is_unharmed().await;
    let before = stage.gateway.memory_peak();
    let mut deaf = stage.connect().await;
    deaf.send(flood(Api::Messages).bytes()).await;
    stage.provider_got(3).await;
    let watch = Watch::start();

    stage.serves(Api::Chat).await;
    stage.is_quiet().await;

    watch.within(PROMPT);
    assert_eq!(stage.control().counters().cancelled, 1);
    let grown = stage.gateway.memory_peak().saturating_sub(before);
    assert!(grown < 24 << 20, "{grown} bytes for one client");
    // What it reads after all does not look like a whole answer.
    let answer = in_time("the end", deaf.answer()).await;
    assert!(!answer.whole);
    drop(deaf);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_over_http2_is_given_up_and_holds_nobody_up() {
    let stage = plan().build().await;
    let mut deaf = Frames::connect(stage.gateway.address).await;
    let body = Api::Messages.body(true).replace("64", "40000");
    let block = frames::request(
        "/v1/messages",
        &[
            ("x-sim-output-tokens", "40000"),
            ("x-sim-chunk-bytes", "4000"),
        ],
    );
    deaf.send(frames::HEADERS, frames::END_HEADERS, 1, &block)
        .await;
    deaf.send(frames::DATA, frames::END_STREAM, 1, body.as_bytes())
        .await;
    stage.provider_got(1).await;
    let watch = Watch::start();

    // The window of the stream is never opened again.
    let reset = deaf.wait_for(frames::RST_STREAM, 1).await;

    assert!(reset.is_some());
    watch.within(PROMPT);
    stage.is_quiet().await;
    assert_eq!(stage.control().counters().cancelled, 1);
    drop(deaf);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_bound_are_closed_and_those_within_serve_on() {
    let stage = Plan::new()
        .set("[gateway.limits]\nconnections_max = 8")
        .build()
        .await;
    let mut first = stage.connect().await;
    first.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(first.answer().await.status, 200);
    let mut idle = Vec::new();
    for _ in 0..7 {
        let mut wire = stage.connect().await;
        wire.send(Api::Messages.request(false).bytes()).await;
        assert_eq!(wire.answer().await.status, 200);
        idle.push(wire);
    }

    let mut ninth = stage.connect().await;
    ninth.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(ninth.answer().await.status, 0);
    first.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(first.answer().await.status, 200);

    idle.clear();
    drop(first);
    is_freed(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_bound_are_refused_at_once_and_those_within_go_on() {
    let stage = Plan::new()
        .set("[gateway.limits]\nrequests_in_flight_max = 3")
        .build()
        .await;
    let slow = Api::Messages
        .request(false)
        .header("x-sim-first-token-ms", "60000");
    let mut running = Vec::new();
    for _ in 0..3 {
        let mut wire = stage.connect().await;
        wire.send(slow.bytes()).await;
        running.push(wire);
    }
    stage.provider_has(3).await;
    let watch = Watch::start();

    for (api, status, kind) in [
        (Api::Messages, 529, "overloaded_error"),
        (Api::Chat, 503, "server_error"),
    ] {
        let answer = stage.ask(&api.request(true)).await;
        api.check_refusal(&answer, status, kind);
        assert_eq!(answer.header("retry-after"), "1");
    }
    watch.within(PROMPT);

    running.clear();
    stage.is_quiet().await;
    stage.is_unharmed().await;
}
