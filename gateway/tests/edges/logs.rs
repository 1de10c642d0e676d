//! Logs that cannot be written: whatever stands at their other end, the gateway starts, serves, and
//! drains as if nothing were wrong.

use std::fs::File;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use keyweir_policy::config::secret::ClientKeyHash;
use simulated_provider::{Account, Provider, RunningProvider, World};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::support::api::{Api, CLIENT_KEY, Request};
use crate::support::program::{Files, Watch};
use crate::support::stage::Plan;
use crate::support::wire::Wire;
use crate::support::{PATIENCE, PROMPT, in_time};

const PROVIDER_KEY: &str = "sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn";

/// The program with logs of the test's choice; it cannot say where it listens.
struct Mute {
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
    provider: RunningProvider,
    _files: Files,
}

/// An address that was free a moment ago.
async fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("bound")
}

impl Mute {
    async fn start(log: &str, stdout: Stdio, stderr: Stdio, more: &[&str]) -> Self {
        let world = World::new(vec![Account::new("one", [PROVIDER_KEY])]);
        let provider = Provider::start(world).await.expect("the provider starts");
        let (address, admin) = (free().await, free().await);
        let files = Files::new(&policy(address, admin, provider.base_url()));
        let child = Command::new(env!("CARGO_BIN_EXE_keyweir"))
            .args(["serve", "--policy", "keys.toml"])
            .args(more)
            .current_dir(files.path())
            .env("KEYWEIR_LOG", log)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let mute = Self {
            child,
            address,
            admin,
            provider,
            _files: files,
        };
        mute.listens().await;
        mute
    }

    async fn listens(&self) {
        let listens = async {
            while tokio::net::TcpStream::connect(self.admin).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        in_time("it listens", listens).await;
    }

    async fn serves(&self) {
        let mut wire = Wire::connect(self.address).await;
        wire.send(Api::Messages.request(false).bytes()).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    async fn lost(&self, log: &str) -> u64 {
        let mut wire = Wire::connect(self.admin).await;
        let request = Request::new("GET", "/metrics").header("connection", "close");
        wire.send(request.bytes()).await;
        let page = wire.answer().await.text();
        let name = format!("keyweir_log_lines_lost_total{{log=\"{log}\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&name));
        line.and_then(|count| count.parse().ok())
            .unwrap_or_default()
    }

    async fn loses(&self, log: &str) {
        let loses = async {
            while self.lost(log).await == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        in_time("lines are lost", loses).await;
    }

    /// Holds it to finish a stream after SIGTERM, and then to end well.
    async fn drains(mut self) {
        let mut wire = Wire::connect(self.address).await;
        let request = Api::Messages
            .request(true)
            .header("x-sim-output-tokens", "40")
            .header("x-sim-chunk-interval-ms", "25");
        wire.send(request.bytes()).await;
        let mut answer = wire.head().await;
        assert_eq!(answer.status, 200);
        let id = self.child.id().expect("it runs");
        let killed = Command::new("sh")
            .args(["-c", &format!("kill -TERM {id}")])
            .status()
            .await;
        assert!(killed.expect("a shell").success());
        wire.body(&mut answer, |_| false).await;
        assert!(
            Api::Messages.is_complete(&answer.text()),
            "{}",
            answer.text()
        );
        drop(wire);
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = status.expect("it ends").expect("a status");
        assert_eq!(status.code(), Some(0), "{status}");
        drop(self.provider);
    }
}

fn policy(address: SocketAddr, admin: SocketAddr, base_url: &str) -> String {
    let hash = ClientKeyHash::of(CLIENT_KEY);
    format!(
        "[gateway]\nlisten = [\"{address}\"]\nadmin = \"{admin}\"\n\
         [[provider]]\nid = \"claude\"\ndialect = \"anthropic\"\nbase_url = \"{base_url}\"\n\
         [[account]]\nid = \"one\"\nprovider = \"claude\"\n\
         [[account.key]]\nid = \"one-key\"\nsecret = \"{PROVIDER_KEY}\"\n\
         [[tenant]]\nid = \"tester\"\nclient_keys = [\"{hash}\"]\n"
    )
}

fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it")
        .into()
}

/// A pipe that nobody reads, or nobody any more.
fn pipe(is_read: bool) -> (Stdio, Option<std::io::PipeReader>) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    (writer.into(), is_read.then_some(reader))
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_on_a_full_disk_are_lost_and_nothing_else() {
    let mute = Mute::start("debug", full(), full(), &[]).await;
    mute.serves().await;
    mute.loses("messages").await;
    mute.loses("access").await;
    mute.drains().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_whose_reader_has_gone_are_lost_and_nothing_else() {
    let ((stdout, _), (stderr, _)) = (pipe(false), pipe(false));
    let mute = Mute::start("debug", stdout, stderr, &["--log-format", "json"]).await;
    mute.serves().await;
    mute.loses("messages").await;
    mute.loses("access").await;
    mute.drains().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_nobody_reads_hold_nobody_up() {
    let ((stdout, out), (stderr, err)) = (pipe(true), pipe(true));
    let mute = Mute::start("info", stdout, stderr, &[]).await;
    let watch = Watch::start();
    // Some 300 bytes a line: more than a pipe holds.
    let mut wire = Wire::connect(mute.address).await;
    for _ in 0..400 {
        wire.send(Request::new("GET", "/v1/nothing").bytes()).await;
        assert_eq!(wire.answer().await.status, 404);
    }
    mute.serves().await;
    watch.within(PROMPT);
    drop(wire);
    mute.drains().await;
    drop((out, err));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_log_that_is_a_pipe_without_a_reader_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.pipe");
    let made = Command::new("mkfifo").arg(&path).status().await;
    assert!(made.expect("mkfifo").success());
    let path = path.to_str().expect("text").to_owned();
    let mute = Mute::start(
        "info",
        Stdio::null(),
        Stdio::null(),
        &["--access-log", &path],
    )
    .await;
    mute.serves().await;
    mute.drains().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_hold_nothing_that_a_reader_could_take_for_more_than_text() {
    let stage = Plan::new().log("debug").build().await;
    let model = "a\u{9b}31m\u{85}\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}\u{feff}\u{e0041}";
    let body = Api::Messages.body(false).replace("claude-a", model);
    stage.ask(&Api::Messages.request(false).body(body)).await;
    let path = format!("/v1/{}", "\u{202e}\u{85}x".repeat(1000));
    stage.ask(&Request::new("GET", &path)).await;
    stage
        .ask(&Request::new(&"M".repeat(32), "/v1/models"))
        .await;
    stage.is_unharmed().await;
    crate::support::until("the lines are written", || {
        stage.gateway.access_log().len() >= 5
    })
    .await;
    let written = stage.gateway.written();
    let is_bad = |character: char| {
        character != '\n'
            && (character.is_control()
                || "\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}\u{feff}\u{e0041}".contains(character))
    };
    let bad: Vec<_> = written
        .lines()
        .filter(|line| line.contains(is_bad))
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
    for line in stage.gateway.access_log() {
        assert!(line.to_string().len() < 4096, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_that_mean_nothing_here_do_nothing() {
    let mut stage = Plan::new().build().await;
    for signal in ["USR1", "USR2", "HUP"] {
        stage.gateway.signal(signal).await;
        stage.serves(Api::Messages).await;
        assert!(stage.gateway.runs(), "{signal}");
    }
}
