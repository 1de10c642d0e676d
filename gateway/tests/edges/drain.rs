//! The program's end: what runs is finished, what comes is turned away, and then it is gone.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::support::api::{APIS, Api, Request};
use crate::support::fake::Fake;
use crate::support::frames::{self, Frames};
use crate::support::program::{Program, Watch};
use crate::support::stage::{Plan, Stage};
use crate::support::wire::{Answer, Wire};
use crate::support::{PROMPT, in_time, until};

const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const MESSAGE: [&str; 2] = [
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1}}}\n\n\
     event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
];
const CHAT: [&str; 2] = [
    "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
    "data: [DONE]\n\n",
];

/// A gateway before two providers whose streams end when they are told to.
struct Paused {
    stage: Stage,
    fakes: [(Api, Fake); 2],
}

impl Paused {
    async fn build() -> Self {
        let fake = async |[beginning, rest]: [&str; 2]| {
            Fake::paused(&format!("{STREAM}{beginning}"), rest).await
        };
        let (message, chat) = (fake(MESSAGE).await, fake(CHAT).await);
        let stage = Plan::new()
            .and(&message.tables("far-a", "anthropic"))
            .and(&chat.tables("far-b", "openai"))
            .build()
            .await;
        let fakes = [(Api::Messages, message), (Api::Chat, chat)];
        Self { stage, fakes }
    }

    /// A request for a stream that ends when it is told to.
    fn request(api: Api) -> Request {
        let provider = if api == Api::Messages {
            "far-a"
        } else {
            "far-b"
        };
        api.request(true)
            .path(&format!("/{provider}{}", api.path()))
    }

    /// Starts streams, and reads their beginnings.
    async fn streams(&self) -> Vec<(Api, Wire, Answer)> {
        let mut streams = Vec::new();
        for (api, _) in &self.fakes {
            let mut wire = self.stage.connect().await;
            wire.send(Self::request(*api).bytes()).await;
            let mut answer = wire.head().await;
            wire.body(&mut answer, |text| api.contents(text) >= 1).await;
            streams.push((*api, wire, answer));
        }
        streams
    }

    fn go_on(&self) {
        for (_, fake) in &self.fakes {
            fake.go_on();
        }
    }
}

/// A stream that goes on for ever.
fn endless(api: Api) -> Request {
    let body = api.body(true).replace("64", "1000000");
    api.request(true)
        .body(body)
        .header("x-sim-output-tokens", "1000000")
        .header("x-sim-chunk-tokens", "1")
        .header("x-sim-chunk-interval-ms", "50")
}

async fn ends_well(gateway: Program) -> String {
    let watch = Watch::start();
    let (status, written) = gateway.ended().await;
    assert_eq!(status.code(), Some(0), "{written}");
    watch.within(PROMPT);
    written
}

async fn is_refused(gateway: &Program) {
    until("nobody is let in", || {
        let connected = std::net::TcpStream::connect(gateway.address);
        connected.is_err()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_gateway_ends_at_once() {
    let stage = Plan::new().build().await;
    stage.is_unharmed().await;
    // Connections that wait for another request are no reason to stay.
    let mut idle = stage.connect().await;
    idle.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(idle.answer().await.status, 200);
    let silent = TcpStream::connect(stage.gateway.address)
        .await
        .expect("it listens");
    let watch = Watch::start();

    stage.gateway.signal("TERM").await;

    let written = ends_well(stage.gateway).await;
    watch.within(Duration::from_secs(5));
    assert!(idle.is_closed().await);
    drop(silent);
    // The access log is complete.
    let lines = written
        .lines()
        .filter(|line| line.contains("\"request_id\""));
    assert_eq!(lines.count(), 3, "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_run_are_finished_and_nothing_new_is_taken() {
    let paused = Paused::build().await;
    let running = paused.streams().await;
    let stage = &paused.stage;
    let mut idle = stage.connect().await;
    idle.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(idle.answer().await.status, 200);

    stage.gateway.signal("TERM").await;
    is_refused(&stage.gateway).await;

    let ready = stage.gateway.admin("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(stage.gateway.admin("/healthz").await.status, 200);
    paused.go_on();
    for (api, mut wire, mut answer) in running {
        wire.body(&mut answer, |_| false).await;
        assert!(answer.whole, "{api:?}: {}", answer.text());
        assert!(api.is_complete(&answer.text()), "{}", answer.text());
        assert!(!api.has_error(&answer.text()), "{}", answer.text());
        assert!(wire.is_closed().await);
    }
    ends_well(paused.stage.gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_goes_off_before_anybody_is_turned_away() {
    let stage = Plan::new()
        .set("[gateway.timeouts]\ndrain_delay = \"1s\"")
        .build()
        .await;
    assert_eq!(stage.gateway.admin("/readyz").await.status, 200);

    stage.gateway.signal("TERM").await;
    let off = async {
        while stage.gateway.admin("/readyz").await.status == 200 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    in_time("readiness goes off", off).await;

    // Who has not heard of it yet is served.
    let answer = stage.ask(&Api::Messages.request(false)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("connection"), "close");
    is_refused(&stage.gateway).await;
    ends_well(stage.gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_runs_when_grace_is_over_ends_in_an_error() {
    let stage = Plan::new()
        .set("[gateway.timeouts]\ndrain = \"1s\"")
        .build()
        .await;
    let mut running = Vec::new();
    for api in APIS {
        let mut wire = stage.connect().await;
        wire.send(endless(api).bytes()).await;
        let mut answer = wire.head().await;
        wire.body(&mut answer, |text| api.contents(text) >= 1).await;
        running.push((api, wire, answer));
    }
    let mut silent = stage.connect().await;
    let request = Api::Messages
        .request(false)
        .header("x-sim-first-token-ms", "600000");
    silent.send(request.bytes()).await;
    // One whose provider says nothing for a while, in the midst of its answer.
    let mut thinking = stage.connect().await;
    let request = endless(Api::Messages).header("x-sim-chunk-interval-ms", "600000");
    thinking.send(request.bytes()).await;
    let mut thought = thinking.head().await;
    stage.provider_has(5).await;
    let watch = Watch::start();

    stage.gateway.signal("TERM").await;

    thinking.body(&mut thought, |_| false).await;
    let error = Api::Messages.last_error(&thought.text());
    assert_eq!(
        error["message"],
        "the gateway is shutting down; send the request again"
    );
    for (api, mut wire, mut answer) in running {
        wire.body(&mut answer, |_| false).await;
        assert!(!answer.whole, "{api:?}");
        let error = api.last_error(&answer.text());
        assert!(
            error["message"]
                .as_str()
                .expect("text")
                .contains("shutting down"),
            "{error}"
        );
    }
    let answer = silent.answer().await;
    let message = Api::Messages.check_refusal(&answer, 503, "api_error");
    assert!(message.contains("shutting down"), "{message}");
    ends_well(stage.gateway).await;
    watch.within(PROMPT);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http2_client_is_told_to_go_and_its_streams_are_finished() {
    let paused = Paused::build().await;
    let gateway = &paused.stage.gateway;
    let mut client = Frames::connect(gateway.address).await;
    let block = frames::request("/far-a/v1/messages", &[]);
    client
        .send(frames::HEADERS, frames::END_HEADERS, 1, &block)
        .await;
    let body = Api::Messages.body(true);
    client
        .send(frames::DATA, frames::END_STREAM, 1, body.as_bytes())
        .await;
    client.wait_for(frames::DATA, 1).await.expect("it runs");
    let mut idle = Frames::connect(gateway.address).await;
    idle.wait_for(frames::SETTINGS, 0)
        .await
        .expect("it is connected");

    gateway.signal("TERM").await;
    client
        .wait_for(frames::GOAWAY, 0)
        .await
        .expect("it is told");
    paused.go_on();

    let (mut text, mut ended) = (String::new(), false);
    while let Some(frame) = client.next().await {
        if frame.kind == frames::DATA {
            text.push_str(&String::from_utf8_lossy(&frame.payload));
            ended |= frame.flags & frames::END_STREAM != 0;
        }
    }
    assert!(ended);
    assert!(Api::Messages.is_complete(&text), "{text}");
    assert_eq!(idle.end().await, Some(0));
    ends_well(paused.stage.gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_it_at_once_also_in_the_middle_of_draining() {
    for draining in [false, true] {
        let stage = Plan::new().build().await;
        let mut wire = stage.connect().await;
        let request = Api::Messages
            .request(true)
            .header("x-sim-first-token-ms", "600000");
        wire.send(request.bytes()).await;
        stage.provider_has(1).await;
        if draining {
            stage.gateway.signal("TERM").await;
            is_refused(&stage.gateway).await;
        }
        let watch = Watch::start();

        stage.gateway.signal("INT").await;

        ends_well(stage.gateway).await;
        watch.within(Duration::from_secs(5));
        let answer = wire.answer().await;
        assert!(!answer.whole);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_term_and_a_hang_up_change_nothing() {
    let mut paused = Paused::build().await;
    paused.stage.gateway.signal("HUP").await;
    paused.stage.is_unharmed().await;
    assert!(paused.stage.gateway.runs());
    let running = paused.streams().await;
    paused.stage.gateway.signal("TERM").await;
    is_refused(&paused.stage.gateway).await;
    paused.stage.gateway.signal("TERM").await;
    paused.stage.gateway.signal("HUP").await;
    paused.go_on();

    for (api, mut wire, mut answer) in running {
        wire.body(&mut answer, |_| false).await;
        assert!(answer.whole && api.is_complete(&answer.text()));
    }
    ends_well(paused.stage.gateway).await;
}

/// A gateway that tells a service manager which listens at `path`, from its start to its end.
async fn serves_a_manager_at(path: &Path) {
    let files = Plan::new().files("http://127.0.0.1:1");
    let files = files.variable("NOTIFY_SOCKET", path.to_str().expect("text"));
    let program = Program::start(files, None, None).await;
    program.signal("TERM").await;
    let (status, _) = in_time("it ends", program.ended()).await;
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_is_told_how_far_the_gateway_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    was_told(&UnixDatagram::bind(&path).expect("bound"), &path).await;
    // Managers of containers listen under a name that is no file.
    let name = format!("keyweir-{}", fastrand::u64(..));
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let manager = UnixDatagram::bind_addr(&address).expect("bound");
    was_told(&manager, Path::new(&format!("@{name}"))).await;
}

async fn was_told(manager: &UnixDatagram, path: &Path) {
    serves_a_manager_at(path).await;
    manager.set_nonblocking(true).expect("set");
    let mut said = [0; 64];
    for state in ["READY=1\n", "STOPPING=1\n"] {
        let length = manager.recv(&mut said).expect("it was told");
        assert_eq!(&said[..length], state.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_that_reads_nothing_holds_no_end_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let _manager = UnixDatagram::bind(&path).expect("bound");
    let other = UnixDatagram::unbound().expect("a socket");
    other.set_nonblocking(true).expect("set");
    while other.send_to(b"another unit's", &path).is_ok() {}
    serves_a_manager_at(&path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_on_its_way_when_the_listeners_closed_is_served() {
    let stage = Plan::new().build().await;
    let mut used = stage.connect().await;
    used.send(Api::Messages.request(false).bytes()).await;
    assert_eq!(used.answer().await.status, 200);
    let mut fresh = stage.connect().await;
    // Its answer takes longer than connections are waited for.
    let request = Api::Messages
        .request(true)
        .header("x-sim-output-tokens", "30")
        .header("x-sim-chunk-tokens", "1")
        .header("x-sim-chunk-interval-ms", "100");
    let bytes = request.bytes();
    let (begun, rest) = bytes.split_at(20);
    fresh.send(begun).await;

    stage.gateway.signal("TERM").await;
    // Until nobody is let in any more.
    let soon = Duration::from_millis(50);
    let connect = || TcpStream::connect(stage.gateway.address);
    while matches!(tokio::time::timeout(soon, connect()).await, Ok(Ok(_))) {}

    used.send(request.bytes()).await;
    fresh.send(rest).await;
    for wire in [&mut used, &mut fresh] {
        let answer = wire.answer().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("connection"), "close");
        assert!(
            answer.whole && answer.text().contains("message_stop"),
            "{}",
            answer.text()
        );
    }
    ends_well(stage.gateway).await;
}
