//! The program itself: how it starts, and how signals end it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use simulated_provider::{Provider, World};

use crate::house::{PATIENCE, Plan, empty, full, http1};

/// The running program, and where clients connect.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    /// Starts it, and waits until it says that it listens.
    fn start(policy: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_keyweir"))
            .args(["serve", "--access-log", "off", "--policy"])
            .arg(policy)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let listening = lines
            .by_ref()
            .map(|line| line.expect("text"))
            .find(|line| line.contains("listening") && !line.contains("operators"))
            .expect("it says that it listens");
        // Somebody has to read what it says, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = listening.split("address=").nth(1).expect("an address");
        Self {
            address: address.trim().to_owned(),
            child,
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill is there").success());
    }

    async fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("ours") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already ended, most likely.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A provider, and the program before it.
async fn running() -> (
    simulated_provider::RunningProvider,
    Program,
    tempfile::TempDir,
) {
    let plan = Plan::new();
    let provider = Provider::start(World::new(plan.world.accounts.clone()))
        .await
        .expect("the provider starts");
    let folder = tempfile::tempdir().expect("a folder");
    let policy = folder.path().join("keys.toml");
    std::fs::write(&policy, plan.policy(provider.base_url())).expect("written");
    let program = Program::start(&policy);
    (provider, program, folder)
}

fn message(
    address: &str,
    extra: &[(&str, &str)],
    body: &'static str,
) -> http::Request<crate::house::Body> {
    let mut request = http::Request::post(format!("http://{address}/v1/messages"))
        .header("anthropic-version", "2023-06-01");
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    request.body(full(body)).expect("valid")
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_it_ends_at_once_and_well_when_it_is_told_to() {
    let (_provider, mut program, _folder) = running().await;
    let request = message(&program.address, &[], crate::house::MESSAGE);
    let answer = http1().request(request).await.expect("answered");
    assert_eq!(answer.status(), 200);

    program.signal("HUP");
    let start = Instant::now();
    program.signal("TERM");
    let status = program.end().await;

    assert_eq!(status.code(), Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

/// The rest of a stream that has begun: so many tokens, one after each so many milliseconds.
async fn streaming(program: &Program, interval_ms: &str, tokens: &str) -> Incoming {
    let slow = [
        ("x-sim-chunk-interval-ms", interval_ms),
        ("x-sim-output-tokens", tokens),
    ];
    let request = message(&program.address, &slow, crate::house::STREAM);
    let answer = http1().request(request).await.expect("answered");
    let mut body = answer.into_body();
    assert!(body.frame().await.is_some());
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_stream_is_finished_before_it_ends() {
    let (_provider, mut program, _folder) = running().await;
    let body = streaming(&program, "50", "40").await;

    program.signal("TERM");
    let rest = body.collect().await.expect("whole").to_bytes();

    assert!(String::from_utf8_lossy(&rest).contains("message_stop"));
    assert_eq!(program.end().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_it_does_not_wait() {
    let (_provider, mut program, _folder) = running().await;
    let body = streaming(&program, "500", "400").await;

    program.signal("INT");

    assert_eq!(program.end().await.code(), Some(0));
    assert!(
        body.collect().await.is_err(),
        "a cut stream must not look whole"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_ends_it_with_a_word() {
    let (provider, program, folder) = running().await;
    let taken = format!("listen = [\"{}\"]", program.address);
    let policy = Plan::new()
        .policy(provider.base_url())
        .replace("listen = [\"127.0.0.1:0\"]", &taken);
    let second = folder.path().join("second.toml");
    std::fs::write(&second, policy).expect("written");

    let output = Command::new(env!("CARGO_BIN_EXE_keyweir"))
        .args(["serve", "--policy"])
        .arg(&second)
        .output()
        .expect("it runs");

    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains(&format!("cannot listen on {}", program.address)),
        "{said}"
    );
    let probe = http::Request::get(format!("http://{}/api/hello", program.address));
    let probe = probe.body(empty()).expect("valid");
    assert_eq!(
        http1()
            .request(probe)
            .await
            .expect("the first one lives")
            .status(),
        200
    );
}
