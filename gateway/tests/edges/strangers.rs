//! Clients that have shown no key, and tenants that take all they can get: neither holds what others
//! need.

use std::time::Duration;

use crate::support::PROMPT;
use crate::support::api::{Api, CLIENT_KEY, Request};
use crate::support::frames::{self, Frames};
use crate::support::program::Watch;
use crate::support::stage::{Plan, Stage, tenant};
use crate::support::wire::Wire;

const QUIET_KEY: &str = "kw_quiet00000000000000000000000000000000000000";

/// A request of a stranger whose body has only begun.
fn unfinished(key: Option<&str>) -> Vec<u8> {
    let mut request = Request::new("POST", "/v1/messages").header("content-length", "100000");
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let mut bytes = request.header("anthropic-version", "2023-06-01").head();
    bytes.extend_from_slice(b"{\"model\":");
    bytes
}

/// Requests without a key, whose bodies never end, on one connection.
async fn unfinished_http2(stage: &Stage, requests: u32) -> Frames {
    let mut frames = Frames::connect(stage.gateway.address).await;
    let block = frames::block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", "/v1/messages"),
        ("content-length", "100000"),
    ]);
    for number in 0..requests {
        let stream = 2 * number + 1;
        frames
            .send(frames::HEADERS, frames::END_HEADERS, stream, &block)
            .await;
        frames.send(frames::DATA, 0, stream, b"{\"model\":").await;
    }
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_requests_without_a_key_take_no_place_over_http2() {
    let stage = Plan::new()
        .set("[gateway.limits]\nrequests_in_flight_max = 2")
        .build()
        .await;
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(unfinished_http2(&stage, 256).await);
        stage.serves(Api::Messages).await;
        stage.serves(Api::Chat).await;
    }
    drop(strangers);
    stage.has_no_connections().await;
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_requests_without_a_key_take_no_place_over_http1() {
    let stage = Plan::new()
        .set("[gateway.limits]\nrequests_in_flight_max = 2")
        .build()
        .await;
    let mut strangers = Vec::new();
    for _ in 0..50 {
        for key in [None, Some("kw_unknown")] {
            let mut wire = stage.connect().await;
            wire.send(unfinished(key)).await;
            let answer = wire.answer().await;
            assert_eq!(answer.status, 401, "{}", answer.text());
            strangers.push(wire);
        }
        stage.serves(Api::Messages).await;
    }
    drop(strangers);
    stage.has_no_connections().await;
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_tenant_holds_no_place_while_its_body_is_thrown_away() {
    let stage = Plan::new()
        .set("[gateway.limits]\nrequests_in_flight_max = 2\nbody_bytes_max = \"64 KiB\"")
        .build()
        .await;
    let mut refused = Vec::new();
    for _ in 0..5 {
        let mut wire = stage.connect().await;
        wire.send(unfinished(Some(CLIENT_KEY))).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 413, "{}", answer.text());
        refused.push(wire);
        stage.serves(Api::Messages).await;
    }
    drop(refused);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_refused_is_still_answered_and_a_short_one_keeps_its_connection() {
    let stage = Plan::new().build().await;
    let short = Api::Messages.request(false).without("x-api-key");
    let mut wire = stage.connect().await;
    for _ in 0..3 {
        wire.send(short.bytes()).await;
        Api::Messages.check_refusal(&wire.answer().await, 401, "authentication_error");
    }
    let long = short.body(vec![b'x'; 16 << 20]);
    let mut wire = stage.connect().await;
    assert!(wire.send(long.bytes()).await, "it was not read");
    Api::Messages.check_refusal(&wire.answer().await, 401, "authentication_error");
    assert!(wire.is_closed().await);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_shown_no_key_gives_way_where_all_connections_are_taken() {
    let stage = Plan::new()
        .set("[gateway.limits]\nconnections_max = 8")
        .build()
        .await;
    let mut known = stage.connect().await;
    known.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(known.answer().await.status, 200);
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(stage.connect().await);
        known.send(Api::Messages.request(false).bytes()).await;
        assert_eq!(known.answer().await.status, 200);
        stage.serves(Api::Chat).await;
    }
    for wire in &mut silent[..10] {
        assert!(wire.is_closed().await);
    }
    let closed = metric(&stage, "keyweir_connections_unauthenticated_closed_total").await;
    assert!(closed >= 10, "{closed}");
    drop((silent, known));
    stage.has_no_connections().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_beyond_their_bound_are_closed_oldest_first() {
    let stage = Plan::new()
        .set("[gateway.limits]\nunauthenticated_connections_per_address_max = 4")
        .build()
        .await;
    let mut old = Vec::new();
    for _ in 0..4 {
        old.push(stage.connect().await);
    }
    // Who has just come is left alone.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut young = Vec::new();
    for _ in 0..4 {
        young.push(stage.connect().await);
    }
    let watch = Watch::start();
    for wire in &mut old {
        assert!(wire.is_closed().await);
    }
    watch.within(Duration::from_secs(5));
    for wire in &mut young {
        wire.send(Api::Messages.request(false).bytes()).await;
        assert_eq!(wire.answer().await.status, 200);
    }
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_use_up_the_files_that_may_be_open() {
    let stage = Plan::new().open_files(256).build().await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(stage.connect().await);
    }
    stage.serves(Api::Messages).await;
    stage.serves(Api::Chat).await;
    drop(silent);
    stage.is_unharmed().await;
}

async fn metric(stage: &Stage, name: &str) -> u64 {
    let page = stage.gateway.admin("/metrics").await.text();
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

/// A request that takes a minute, under `key`.
fn slow(key: &str) -> Request {
    Api::Messages
        .request(false)
        .without("x-api-key")
        .header("x-api-key", key)
        .header("x-sim-first-token-ms", "60000")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_places_are_kept_for_tenants_that_hold_few() {
    let stage = Plan::new()
        .set(
            "[gateway.limits]\nrequests_in_flight_max = 6\n\
             requests_in_flight_per_tenant_max = 2",
        )
        .and(&tenant("quiet", QUIET_KEY, ""))
        .build()
        .await;
    let mut running = Vec::new();
    for count in 1..=4 {
        let mut wire = stage.connect().await;
        wire.send(slow(CLIENT_KEY).bytes()).await;
        stage.provider_has(count).await;
        running.push(wire);
    }
    let answer = stage.ask(&slow(CLIENT_KEY)).await;
    Api::Messages.check_refusal(&answer, 529, "overloaded_error");
    for count in 5..=6 {
        let mut wire = stage.connect().await;
        wire.send(slow(QUIET_KEY).bytes()).await;
        stage.provider_has(count).await;
        running.push(wire);
    }
    let answer = stage.ask(&slow(QUIET_KEY)).await;
    Api::Messages.check_refusal(&answer, 529, "overloaded_error");
    running.clear();
    stage.is_quiet().await;
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_room_for_bodies_is_kept_for_tenants_that_hold_little() {
    let stage = Plan::new()
        .set(
            "[gateway.limits]\nbody_bytes_max = \"256 KiB\"\nbody_bytes_held_max = \"1 MiB\"\n\
             body_bytes_held_per_tenant_max = \"256 KiB\"",
        )
        .and(&tenant("quiet", QUIET_KEY, ""))
        .build()
        .await;
    let length = 250 << 10;
    let beginning = |key: &str| {
        let request = Request::new("POST", "/v1/messages")
            .header("x-api-key", key)
            .header("content-length", (length + 1).to_string());
        let mut bytes = request.head();
        bytes.extend_from_slice(&vec![b'x'; length]);
        bytes
    };
    let mut held = Vec::new();
    for count in 1..=3 {
        let mut wire: Wire = stage.connect().await;
        wire.send(beginning(CLIENT_KEY)).await;
        let all = (count * length) as u64;
        while stage.gateway.status().await["body_bytes_held"] != all {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        held.push(wire);
    }
    let mut wire = stage.connect().await;
    wire.send(beginning(CLIENT_KEY)).await;
    assert_eq!(wire.answer().await.status, 529);

    let mut quiet = stage.connect().await;
    quiet.send(beginning(QUIET_KEY)).await;
    quiet.send("x").await;
    let answer = quiet.answer().await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    held.clear();
    stage.is_quiet().await;
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_do_not_end_hold_no_more_than_a_head_may() {
    let stage = Plan::new().build().await;
    stage.is_unharmed().await;
    let before = stage.gateway.memory_peak();
    let mut beginning = Request::new("GET", "/v1/models").head();
    beginning.truncate(beginning.len() - 2);
    beginning.extend_from_slice(format!("x: {}", "v".repeat(900_000)).as_bytes());
    let mut strangers = Vec::new();
    for _ in 0..100 {
        let mut wire = stage.connect().await;
        wire.send(&beginning).await;
        let answer = wire.answer().await;
        Api::Chat.check_refusal(&answer, 431, "invalid_request_error");
        strangers.push(wire);
    }
    beginning.truncate(60_000);
    for _ in 0..100 {
        let mut wire = stage.connect().await;
        wire.send(&beginning).await;
        strangers.push(wire);
    }
    stage.is_unharmed().await;
    let grown = stage.gateway.memory_peak().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes for heads");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_in_small_pieces_costs_no_more_than_its_length() {
    let stage = Plan::new()
        .set("[gateway.limits]\nheader_bytes_max = \"1 MiB\"")
        .build()
        .await;
    let request = Api::Messages
        .request(false)
        .without("x-api-key")
        .header("x-filler", "v".repeat(900_000));
    let before = stage.gateway.cpu_time();
    let mut wire = stage.connect().await;
    for piece in request.bytes().chunks(100) {
        assert!(wire.send(piece).await);
    }
    let answer = wire.answer().await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    // Parsed for each of its 9,000 pieces, it would be 4 GB of parsing.
    let took = stage.gateway.cpu_time() - before;
    assert!(took < Duration::from_secs(2), "{took:?} for one head");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_head_of_a_connection_has_no_more_time_than_the_first() {
    let stage = Plan::new()
        .set("[gateway.timeouts]\nclient_header = \"1s\"\nclient_idle = \"20s\"")
        .build()
        .await;
    let mut wire = stage.connect().await;
    wire.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(wire.answer().await.status, 200);
    let watch = Watch::start();
    wire.send("POST /v1/messages HTTP/1.1\r\n").await;
    let answer = wire.answer().await;
    Api::Chat.check_refusal(&answer, 408, "server_error");
    watch.within(PROMPT);
    assert!(wire.is_closed().await);
    stage.has_no_connections().await;
}
