//! Clients that leave, at every stage of a request. What was going on for them ends at once, and
//! nothing of them stays behind.

use simulated_provider::{Account, Fault, FaultRule, Limits, Moment};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::support::api::{APIS, Api, Request};
use crate::support::frames::{self, Frames};
use crate::support::program::Watch;
use crate::support::stage::{KEYS, Plan, Stage};
use crate::support::wire::Wire;
use crate::support::{PROMPT, in_time, until};

const fn stall(at: Moment) -> Fault {
    Fault::Stall { at, secs: None }
}

/// Sends `request`, waits until it is where it is to be, and leaves.
async fn leave(stage: &Stage, request: &Request, there: impl AsyncFn(&mut Wire)) {
    let mut wire = stage.connect().await;
    wire.send(request.bytes()).await;
    there(&mut wire).await;
    drop(wire);
}

/// Holds the request of a client that has left to be cancelled at the provider, and soon.
async fn is_cancelled(stage: &Stage, what: &str) {
    let watch = Watch::start();
    until(what, || {
        let counters = stage.control().counters();
        counters.cancelled == 1 && counters.requests_open == 0
    })
    .await;
    watch.within(PROMPT);
    // Nobody tries again for somebody who has left.
    stage.is_quiet().await;
    assert_eq!(stage.control().counters().requests, 1, "{what}");
    stage.has_no_connections().await;
    stage.control().clear_faults();
    stage.is_unharmed().await;
    stage.control().clear_counters();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_a_byte_too_many_and_leaves_is_noticed() {
    let stage = Plan::new().build().await;
    for late in ["G", "GET /v1/models HTTP/1.1\r\n"] {
        stage.control().fault(stall(Moment::BeforeHead));
        leave(&stage, &Api::Messages.request(true), async |wire| {
            stage.provider_has(1).await;
            wire.send(late).await;
            // Nothing tells when it is read; it is on loopback, and a client may leave at any time.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        })
        .await;
        is_cancelled(&stage, "a client that left after a byte too many").await;
    }
}

async fn each_stage(upstream: &'static str) {
    let stage = Plan::new().upstream(upstream).build().await;
    for api in APIS {
        for (at, stream) in [
            (Moment::BeforeHead, false),
            (Moment::BeforeHead, true),
            (Moment::AfterHead, false),
            (Moment::AfterHead, true),
            (Moment::AfterChunks(0), true),
            (Moment::AfterChunks(1), false),
        ] {
            stage.control().fault(stall(at));
            leave(&stage, &api.request(stream), async |_| {
                stage.provider_has(1).await;
            })
            .await;
            is_cancelled(
                &stage,
                &format!("{upstream}, {api:?}, {at:?}, stream: {stream}"),
            )
            .await;
        }
        stage.control().fault(stall(Moment::AfterChunks(2)));
        leave(&stage, &api.request(true), async |wire| {
            let mut answer = wire.head().await;
            wire.body(&mut answer, |text| api.contents(text) >= 2).await;
        })
        .await;
        is_cancelled(&stage, &format!("{upstream}, {api:?}, in the stream")).await;
    }
    let status = stage.gateway.status().await;
    for provider in status["providers"].as_array().expect("a list") {
        for key in provider["keys"].as_array().expect("a list") {
            assert_eq!(key["state"], "serving", "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_before_or_in_the_answer_is_cancelled_over_http1() {
    each_stage("1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_before_or_in_the_answer_is_cancelled_over_http2() {
    each_stage("2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_in_the_middle_of_the_upload_is_cancelled() {
    for upstream in ["1.1", "2"] {
        let stage = Plan::new().upstream(upstream).build().await;
        let slow = Fault::SlowUpload {
            bytes_per_sec: 1 << 20,
        };
        stage.control().fault(slow);
        let filler = "x".repeat(24 << 20);
        let body = Api::Messages.body(false).replace("hello there", &filler);
        let request = Api::Messages.request(false).body(body);
        leave(&stage, &request, async |_| stage.provider_has(1).await).await;
        is_cancelled(&stage, upstream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_resets_a_stream_of_http2_is_cancelled_and_the_others_go_on() {
    let stage = Plan::new().build().await;
    let mut client = Frames::connect(stage.gateway.address).await;
    let slow = frames::request("/v1/messages", &[("x-sim-first-token-ms", "60000")]);
    let body = Api::Messages.body(true);
    for stream in [1, 3, 5] {
        client
            .send(frames::HEADERS, frames::END_HEADERS, stream, &slow)
            .await;
        client
            .send(frames::DATA, frames::END_STREAM, stream, body.as_bytes())
            .await;
    }
    stage.provider_has(3).await;
    client
        .send(frames::RST_STREAM, 0, 3, &8u32.to_be_bytes())
        .await;
    stage.provider_has(2).await;

    let quick = frames::request("/v1/messages", &[]);
    client
        .send(frames::HEADERS, frames::END_HEADERS, 7, &quick)
        .await;
    client
        .send(frames::DATA, frames::END_STREAM, 7, body.as_bytes())
        .await;
    let head = client.wait_for(frames::HEADERS, 7).await;
    assert!(frames::is_ok(&head.expect("an answer")));
    assert_eq!(stage.control().counters().cancelled, 1);

    // The end of the connection is the end of all of them.
    drop(client);
    stage.provider_has(0).await;
    assert_eq!(stage.control().counters().cancelled, 3);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_a_connection_is_made_is_forgotten() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = deaf.local_addr().expect("bound");
    let stage = Plan::new()
        .set("[gateway.timeouts]\nconnect = \"60s\"")
        .and(&format!(
            "[[provider]]\nid = \"far\"\ndialect = \"anthropic\"\nbase_url = \"https://{address}\"\n\
             [[account]]\nid = \"far\"\nprovider = \"far\"\n\
             [[account.key]]\nid = \"far-key\"\nsecret = {{ file = \"far.key\" }}\n"
        ))
        .file("far.key", "sk-ant-api03-Wd5nRb8kQp2mZs7yTc3vLf6x")
        .build()
        .await;
    let request = Api::Messages.request(false).path("/far/v1/messages");
    let mut wire = stage.connect().await;
    wire.send(request.bytes()).await;
    let (mut socket, _) = deaf.accept().await.expect("it comes");

    drop(wire);

    let mut hello = Vec::new();
    let _ = in_time("the end", socket.read_to_end(&mut hello)).await;
    stage.is_quiet().await;
    stage.has_no_connections().await;
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_the_waiting_room_frees_the_place() {
    let mut plan = Plan::new();
    let limits = Limits::three(6, 1_000_000, 1_000_000).burst(10.0);
    plan.world.accounts = KEYS
        .map(|(name, key)| Account::new(name, [key]).with(limits.clone()))
        .into();
    let stage = plan.build().await;
    // What is left is known from the answers' headers.
    for _ in 0..2 {
        stage.serves(Api::Messages).await;
    }
    let mut waiting = Vec::new();
    for _ in 0..10 {
        let mut wire = stage.connect().await;
        wire.send(Api::Messages.request(true).bytes()).await;
        waiting.push(wire);
    }
    let waits = async |count: usize| {
        let all_wait = async {
            loop {
                let status = stage.gateway.status().await;
                let groups = status["providers"][0]["groups"].as_array().expect("a list");
                if groups.iter().any(|group| group["waiting"] == count) {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        in_time("they wait", all_wait).await;
    };
    waits(10).await;
    let watch = Watch::start();

    waiting.truncate(3);
    waits(3).await;
    waiting.clear();
    stage.is_quiet().await;

    watch.within(PROMPT);
    stage.has_no_connections().await;
    assert_eq!(stage.control().counters().requests, 2);
    assert_eq!(stage.control().counters().cancelled, 0);
    stage.serves(Api::Chat).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_between_attempts_is_not_tried_for_again() {
    let stage = Plan::new()
        .set("[retry]\nattempts_max = 32\nbudget_per_sec = 1000.0")
        .build()
        .await;
    stage.control().fault(Fault::InternalError);
    let mut wire = stage.connect().await;
    wire.send(Api::Messages.request(false).bytes()).await;
    until("it was tried", || stage.control().counters().requests >= 2).await;

    drop(wire);

    stage.has_no_connections().await;
    stage.is_quiet().await;
    stage.control().clear_faults();
    stage.serves(Api::Chat).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_before_the_end_of_the_request_costs_the_provider_nothing() {
    let stage = Plan::new().build().await;
    for api in APIS {
        let bytes = api.request(false).bytes();
        let head = api.request(false).head().len();
        for length in [1, 4, 30, head - 1, head, head + 10, bytes.len() - 1] {
            let mut wire = stage.connect().await;
            wire.send(&bytes[..length]).await;
            drop(wire);
        }
    }
    stage.has_no_connections().await;
    assert_eq!(stage.control().counters().requests, 0);
    stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_leaves_at_any_moment_leaves_nothing() {
    let stage = Plan::new().build().await;
    let faults = [
        FaultRule::from(Fault::InternalError).likely(0.1),
        FaultRule::from(stall(Moment::AfterChunks(3))).likely(0.2),
        FaultRule::from(stall(Moment::BeforeHead)).likely(0.1),
        FaultRule::from(Fault::Reset {
            at: Moment::AfterHead,
            connection: false,
        })
        .likely(0.1),
    ];
    for fault in faults {
        stage.control().fault(fault);
    }
    let crowd = (0..200u64).map(|n| {
        let stage = &stage;
        async move {
            let api = APIS[n as usize % 3];
            let request = api
                .request(n % 2 == 0)
                .header("x-sim-chunk-interval-ms", "3")
                .header("x-sim-first-token-ms", "10");
            let mut wire = stage.connect().await;
            wire.send(request.bytes()).await;
            // Each leaves at another moment of its request: that is what is tried here.
            let moment = std::time::Duration::from_millis(n * 37 % 100);
            let _ = tokio::time::timeout(moment, wire.answer()).await;
        }
    });
    futures::future::join_all(crowd).await;
    stage.is_quiet().await;
    stage.has_no_connections().await;
    stage.control().clear_faults();
    let served = async {
        for api in [Api::Messages, Api::Chat] {
            // Keys that failed may rest for a while; none is lost.
            while stage.ask(&api.request(false)).await.status != 200 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    };
    in_time("it serves", served).await;
}
