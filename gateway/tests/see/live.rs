//! The live page, as far as it can be seen without a browser: its files, and its events.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::api::{Api, Request};
use crate::support::stage::{Plan, Stage};
use crate::support::wire::{Answer, Wire};
use crate::support::{in_time, until};

/// A reader of events.
struct Reader {
    wire: Wire,
    stream: Answer,
    read: usize,
}

impl Reader {
    async fn start(stage: &Stage) -> Self {
        let mut wire = Wire::connect(stage.gateway.admin).await;
        wire.send(Request::new("GET", "/events").bytes()).await;
        let stream = wire.head().await;
        assert_eq!(stream.status, 200);
        assert_eq!(stream.header("content-type"), "text/event-stream");
        let read = 0;
        Self { wire, stream, read }
    }

    /// The next status that is sent.
    async fn next(&mut self) -> Value {
        let number = self.read;
        self.read += 1;
        let is_there = |text: &str| text.matches("\n\n").count() > number;
        in_time("an event", self.wire.body(&mut self.stream, is_there)).await;
        let text = self.stream.text();
        let event = text.split("\n\n").nth(number).expect("it has come");
        let data = event
            .strip_prefix("event: status\ndata: ")
            .expect("a status");
        serde_json::from_str(data).expect("JSON")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_say_what_status_says_and_follow_a_change() {
    let stage = Plan::new().build().await;
    let mut reader = Reader::start(&stage).await;
    let first = reader.next().await;
    crate::schema::holds(&first);
    assert_eq!(crate::key(&first, "gpt-one-key")["state"], "serving");
    stage
        .gateway
        .ask_admin("POST", "/keys/gpt-one-key/drain")
        .await;
    // One that was made before may still be on its way.
    let mut later = reader.next().await;
    while crate::key(&later, "gpt-one-key")["state"] != "held" {
        later = reader.next().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_may_watch_and_no_more_and_who_leaves_makes_room() {
    let stage = Plan::new().build().await;
    let mut readers = Vec::new();
    for _ in 0..32 {
        readers.push(Reader::start(&stage).await);
    }
    let refused = stage.gateway.admin("/events").await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    drop(readers);
    let wait = async {
        loop {
            let mut wire = Wire::connect(stage.gateway.admin).await;
            wire.send(Request::new("GET", "/events").bytes()).await;
            if wire.head().await.status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    in_time("there is room again", wait).await;
}

/// So many who ask for events and read none of them.
async fn stuck(stage: &Stage, count: usize) -> Vec<TcpStream> {
    let mut stuck = Vec::new();
    for _ in 0..count {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Hardly anything is on its way then.
        socket.set_recv_buffer_size(1).expect("it is set");
        let wire = socket.connect(stage.gateway.admin).await;
        let mut wire = wire.expect("connected");
        let request = Request::new("GET", "/events").bytes();
        wire.write_all(&request).await.expect("asked");
        stuck.push(wire);
    }
    stuck
}

/// Whether there is room for one more, who leaves at once.
async fn watches(stage: &Stage) -> bool {
    let mut wire = Wire::connect(stage.gateway.admin).await;
    wire.send(Request::new("GET", "/events").bytes()).await;
    wire.head().await.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_the_stream_makes_room_for_others() {
    let stage = Plan::new().build().await;
    let stuck = stuck(&stage, 32).await;
    in_time("all places are taken", async {
        while watches(&stage).await {}
    })
    .await;
    in_time("they are dropped", async {
        while !watches(&stage).await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_the_head_of_the_stream_gets_that_and_takes_no_place() {
    let stage = Plan::new().build().await;
    let mut wire = Wire::connect(stage.gateway.admin).await;
    for _ in 0..40 {
        wire.send(Request::new("HEAD", "/events").bytes()).await;
        let head = wire.head().await;
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-type"), "text/event-stream");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_holds_nothing_up() {
    let stage = Plan::new().build().await;
    // Each event is so large then that a few of them fill what the system keeps for a reader.
    for model in 0..200 {
        let name = format!("claude-{model}-{}", "x".repeat(400));
        let body = Api::Messages.body(false).replace("claude-a", &name);
        stage.ask(&Api::Messages.request(false).body(body)).await;
    }
    let status = stage.gateway.admin("/status").await.text().len();
    assert!(status > 100_000, "{status} bytes");
    let _stuck = stuck(&stage, 4).await;
    let mut other = stuck(&stage, 1).await.remove(0);
    let mut bytes = vec![0; 1 << 16];
    for count in 0..30 {
        let asked = Instant::now();
        let action = ["drain", "resume"][count % 2];
        let path = format!("/keys/gpt-one-key/{action}");
        stage.gateway.ask_admin("POST", &path).await;
        let event = async {
            loop {
                let count = other.read(&mut bytes).await.expect("it goes on");
                if bytes[..count].windows(2).any(|it| it == b"\n\n") {
                    return;
                }
            }
        };
        in_time("an event", event).await;
        stage.serves(Api::Messages).await;
        assert!(asked.elapsed() < Duration::from_secs(4), "it waits as well");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_stands_alone_and_may_do_nothing_else() {
    let stage = Plan::new().build().await;
    for (path, media) in [
        ("/", "text/html; charset=utf-8"),
        ("/connect", "text/html; charset=utf-8"),
        ("/live.js", "text/javascript; charset=utf-8"),
        ("/connect.js", "text/javascript; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
    ] {
        let page = stage.gateway.admin(path).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, media),
            "{path}"
        );
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        let text = page.text();
        for elsewhere in [
            "http-equiv",
            "innerHTML",
            "onclick=",
            "eval(",
            "<script>",
            "style=",
        ] {
            assert!(!text.contains(elsewhere), "{path} has {elsewhere}");
        }
        let links = text
            .matches("src=\"")
            .chain(text.matches("href=\""))
            .count();
        let own = text.matches("src=\"/").chain(text.matches("href=\"/"));
        let own = own.chain(text.matches("href=\"#")).count();
        assert_eq!(links, own, "{path} links elsewhere");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_watched_drains_as_others_do() {
    let mut stage = Plan::new().build().await;
    let mut reader = Reader::start(&stage).await;
    reader.next().await;
    stage.gateway.signal("TERM").await;
    until("it has ended", || !stage.gateway.runs()).await;
}
