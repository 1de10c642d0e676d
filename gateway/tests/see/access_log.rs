//! The access log: what a line says, which requests have one, and rotation without loss.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use simulated_provider::{Account, Provider, RunningProvider, World};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::support::api::{Api, CLIENT_KEY};
use crate::support::program::{Files, run};
use crate::support::stage::{Plan, tenant};
use crate::support::wire::Wire;
use crate::support::{in_time, until};

const PROVIDER_KEY: &str = "sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn";

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_who_asked_with_which_program_and_in_which_trace() {
    let group = "group = \"team\"\n[[tenant_group]]\nid = \"team\"\n";
    let stage = Plan::new().and(group).build().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = Api::Messages
        .request(false)
        .header("user-agent", "Anthropic/Python 0.75.0")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    assert_eq!(stage.ask(&request).await.status, 200);
    until("it is logged", || !stage.gateway.access_log().is_empty()).await;
    let line = &stage.gateway.access_log()[0];
    assert_eq!(
        (&line["agent"], &line["trace_id"]),
        (&"anthropic-python".into(), &trace.into())
    );
    assert_eq!(
        (&line["tenant"], &line["group"]),
        (&"tester".into(), &"team".into())
    );
    assert_eq!(line.get("sampled"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_leaves_out_what_is_uneventful_and_nothing_else() {
    let plan = Plan::new().set("[gateway.access_log]\nsample = 0.0");
    let stage = plan.build().await;
    for _ in 0..5 {
        stage.serves(Api::Messages).await;
    }
    let refused = Api::Messages.request(false).body("{");
    assert_eq!(stage.ask(&refused).await.status, 400);
    until("the refusal is logged", || {
        !stage.gateway.access_log().is_empty()
    })
    .await;
    let lines = stage.gateway.access_log();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["outcome"], "refused");
}

/// The program with its log in a file.
struct Logging {
    child: Child,
    files: Files,
    address: std::net::SocketAddr,
    _provider: RunningProvider,
}

impl Logging {
    async fn start() -> Self {
        let world = World::new(vec![Account::new("one", [PROVIDER_KEY])]);
        let provider = Provider::start(world).await.expect("the provider starts");
        let address = {
            let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            free.local_addr().expect("bound")
        };
        let base_url = provider.base_url();
        let files = Files::new(&format!(
            "[gateway]\nlisten = [\"{address}\"]\nadmin = \"off\"\n[[provider]]\nid = \"p\"\n\
             dialect = \"anthropic\"\nbase_url = \"{base_url}\"\n[[account]]\nid = \"a\"\n\
             provider = \"p\"\n[[account.key]]\nid = \"k\"\nsecret = \"{PROVIDER_KEY}\"\n{}",
            tenant("tester", CLIENT_KEY, "")
        ));
        let child = Command::new(env!("CARGO_BIN_EXE_keyweir"))
            .args([
                "serve",
                "--policy",
                "keys.toml",
                "--access-log",
                "access.log",
            ])
            .current_dir(files.path())
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let listens = async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        in_time("it listens", listens).await;
        Self {
            child,
            files,
            address,
            _provider: provider,
        }
    }

    /// Asks so often on one connection; the ids of the requests.
    async fn asks(&self, times: usize) -> Vec<String> {
        let mut wire = Wire::connect(self.address).await;
        let mut ids = Vec::new();
        for _ in 0..times {
            wire.send(Api::Messages.request(false).bytes()).await;
            let answer = wire.answer().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            ids.push(answer.header("x-keyweir-request-id").to_owned());
        }
        ids
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs");
        let killed = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status()
            .await;
        assert!(killed.expect("a shell").success());
    }

    fn rename(&self, to: &str) {
        let folder = self.files.path();
        std::fs::rename(folder.join("access.log"), folder.join(to)).expect("renamed");
    }
}

fn logged(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let id = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a whole line");
        line["request_id"].as_str().expect("an id").to_owned()
    };
    text.lines().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_rotated_loses_no_line_with_a_signal_and_without() {
    let logging = Logging::start().await;
    let folder = logging.files.path().to_path_buf();
    let mut asked = logging.asks(20).await;
    logging.rename("access.log.2");
    asked.extend(logging.asks(20).await);
    logging.signal("USR1").await;
    until("it is opened anew", || folder.join("access.log").exists()).await;
    asked.extend(logging.asks(20).await);
    let is_written = || !logged(&folder.join("access.log")).is_empty();
    until("the new file is written", is_written).await;
    // Nobody tells it of this one.
    logging.rename("access.log.1");
    until("it is opened anew by itself", || {
        folder.join("access.log").exists()
    })
    .await;
    asked.extend(logging.asks(20).await);
    let all = || {
        let names = ["access.log.2", "access.log.1", "access.log"];
        names
            .iter()
            .flat_map(|name| logged(&folder.join(name)))
            .collect::<Vec<_>>()
    };
    until("all is written", || all().len() >= asked.len()).await;
    let (all, asked): (Vec<_>, HashSet<_>) = (all(), asked.into_iter().collect());
    assert_eq!(all.len(), asked.len(), "a line for each, once");
    assert_eq!(all.into_iter().collect::<HashSet<_>>(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_opened_is_named() {
    let files = Plan::new().files("http://127.0.0.1:9");
    for place in [".", "not/there/access.log"] {
        let ended = run(&files, &["serve", "--access-log", place]).await;
        let complaint = ended.complaint();
        let expected = format!("the access log {place} cannot be opened: ");
        assert!(complaint.contains(&expected), "{complaint}");
        assert!(complaint.contains("--access-log FILE"), "{complaint}");
    }
}
