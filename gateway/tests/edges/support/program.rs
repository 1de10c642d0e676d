//! The program in a process of its own, with all that it writes.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::api::Request;
use super::wire::{Answer, Wire};
use super::{PATIENCE, in_time, until};

/// A policy file in a folder of its own, and what the program finds beside it.
pub(crate) struct Files {
    folder: TempDir,
    variables: Vec<(String, String)>,
    policy: &'static str,
}

impl Files {
    pub(crate) fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let variables = Vec::new();
        let files = Self {
            folder,
            variables,
            policy: "keys.toml",
        };
        files.write("keys.toml", policy);
        files
    }

    /// Served is this, a file or a folder of them.
    pub(crate) fn serving(mut self, policy: &'static str) -> Self {
        self.policy = policy;
        self
    }

    /// With this in the program's environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Writes a file that nobody else may read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("written");
        let own = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, own).expect("ours");
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyweir"));
    command
        .args(arguments)
        .env_remove("KEYWEIR_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// `command` by way of a shell that bounds its files.
fn limited(command: &Command, open_files: u32) -> Command {
    let plain = command.as_std();
    let mut limited = Command::new("sh");
    limited
        .args([
            "-c",
            // A file that grows beyond a bound is an error then, as on a full disk, and no death.
            &format!("trap '' XFSZ; ulimit -n {open_files}; exec \"$0\" \"$@\""),
        ])
        .arg(plain.get_program())
        .args(plain.get_args())
        .env_remove("KEYWEIR_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    limited
}

/// What a command that ends by itself has said.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program in the folder of `files`, to its end.
pub(crate) async fn run(files: &Files, arguments: &[&str]) -> Ended {
    let mut command = command(arguments);
    command.current_dir(files.path()).envs(files.variables());
    let output = in_time("the program's end", command.output()).await;
    Ended::of(output.expect("it runs"))
}

/// [`run`], with `input` piped in.
pub(crate) async fn run_on(files: &Files, arguments: &[&str], input: &str) -> Ended {
    let mut command = command(arguments);
    command.current_dir(files.path()).envs(files.variables());
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let written = in_time("its input to be read", stdin.write_all(input.as_bytes())).await;
    written.expect("it reads");
    drop(stdin);
    let output = in_time("the program's end", child.wait_with_output()).await;
    Ended::of(output.expect("it ran"))
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self {
            status: output.status,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Holds a refused start to its form: it fails, says why on standard error and only there.
    pub(crate) fn complaint(&self) -> &str {
        assert_eq!(self.status.code(), Some(1), "{}", self.stderr);
        assert_eq!(self.stdout, "");
        assert!(!self.stderr.is_empty());
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        &self.stderr
    }
}

/// The program, serving.
pub(crate) struct Program {
    child: Child,
    stdout: Captured,
    stderr: Captured,
    readers: Vec<JoinHandle<()>>,
    /// Where clients connect in clear.
    pub(crate) address: SocketAddr,
    /// Where they connect over TLS.
    pub(crate) tls: Option<SocketAddr>,
    pub(crate) admin: SocketAddr,
    pub(crate) files: Files,
}

type Captured = Arc<Mutex<Vec<u8>>>;

impl Program {
    /// Starts serving the policy in `files`, which has to have an `admin` address; with no more than
    /// `open_files`, if that is said.
    pub(crate) async fn start(files: Files, log: Option<&str>, open_files: Option<u32>) -> Self {
        let mut command = command(&["--log-format", "json", "serve", "--policy", files.policy]);
        command.envs(files.variables());
        if let Some(open_files) = open_files {
            command = limited(&command, open_files);
        }
        command.current_dir(files.path());
        if let Some(log) = log {
            command.env("KEYWEIR_LOG", log);
        }
        let mut child = command.spawn().expect("it starts");
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let readers = vec![
            capture(child.stdout.take().expect("piped"), &stdout),
            capture(child.stderr.take().expect("piped"), &stderr),
        ];
        let mut gone = false;
        until("the program listens", || {
            gone = matches!(child.try_wait(), Ok(Some(_)));
            gone || addresses(&stderr, "listening for operators").len() == 1
        })
        .await;
        assert!(!gone, "it ended: {}", text(&stderr));
        let first = |message| addresses(&stderr, message).first().copied();
        Self {
            address: first("listening").expect("it listens"),
            tls: first("listening, TLS"),
            admin: first("listening for operators").expect("it listens"),
            child,
            stdout,
            stderr,
            readers,
            files,
        }
    }

    /// All it has written so far, access log and messages.
    pub(crate) fn written(&self) -> String {
        format!("{}{}", text(&self.stdout), text(&self.stderr))
    }

    /// Waits until it has written that.
    pub(crate) async fn writes(&self, text: &str) {
        until(&format!("it writes {text:?}"), || {
            self.written().contains(text)
        })
        .await;
    }

    /// Its messages so far.
    pub(crate) fn messages(&self) -> String {
        text(&self.stderr)
    }

    /// The lines of its access log so far.
    pub(crate) fn access_log(&self) -> Vec<serde_json::Value> {
        let text = text(&self.stdout);
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    /// What it answers operators.
    pub(crate) async fn admin(&self, path: &str) -> Answer {
        self.ask_admin("GET", path).await
    }

    /// Has it reload its policy.
    pub(crate) async fn reload(&self) -> Answer {
        self.ask_admin("POST", "/reload").await
    }

    /// What it answers operators who ask so.
    pub(crate) async fn ask_admin(&self, method: &str, path: &str) -> Answer {
        let mut wire = Wire::connect(self.admin).await;
        let request = Request::new(method, path).header("connection", "close");
        wire.send(request.bytes()).await;
        wire.answer().await
    }

    pub(crate) async fn status(&self) -> serde_json::Value {
        self.admin("/status").await.json()
    }

    /// What it tells of a request that has ended; its record is kept just after the answer's end.
    pub(crate) async fn explained(&self, id: &str) -> serde_json::Value {
        let wait = async {
            loop {
                let told = self.admin(&format!("/explain/{id}")).await;
                match told.status {
                    404 => tokio::time::sleep(Duration::from_millis(2)).await,
                    status => return (status, told),
                }
            }
        };
        let (status, told) = in_time("it is explained", wait).await;
        assert_eq!(status, 200, "{}", told.text());
        told.json()
    }

    /// Sends it a signal (`TERM`, `INT`, `HUP`).
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs");
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status()
            .await;
        assert!(status.expect("a shell").success());
    }

    /// From now on no file that it writes may be larger than so many bytes; `None`: any may.
    pub(crate) fn bound_files(&self, most: Option<u64>) {
        let id = self.child.id().expect("it runs");
        let id = rustix::process::Pid::from_raw(id.cast_signed());
        let limit = rustix::process::Rlimit {
            current: most,
            maximum: None,
        };
        rustix::process::prlimit(id, rustix::process::Resource::Fsize, limit).expect("ours");
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end; its files.
    pub(crate) async fn into_files(mut self) -> Files {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends").expect("a status");
        self.files
    }

    /// Waits for its end; the status, and all it has written.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = status.expect("it ends").expect("a status");
        for reader in self.readers.drain(..) {
            let _ = reader.await;
        }
        (status, self.written())
    }

    /// Its resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let id = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        kib.expect("a size").trim().parse().expect("a number")
    }

    /// Time of the processor that it has taken.
    pub(crate) fn cpu_time(&self) -> Duration {
        let id = self.child.id().expect("it runs");
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
        // Its name stands in parentheses and may hold blanks; utime and stime are the 14th and
        // 15th fields (`proc_pid_stat(5)`).
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: u64 = ticks.map(|it| it.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SEC)
    }

    /// The most memory it has ever taken, in bytes; not exact, as the kernel counts it in batches.
    pub(crate) fn memory_peak(&self) -> u64 {
        let id = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().split(' ').next()?.parse::<u64>().ok());
        kib.expect("a number") * 1024
    }
}

/// Ticks of the clock by which the kernel counts time of the processor (`sysconf(3)`: 100 on Linux).
const TICKS_PER_SEC: u64 = 100;

fn capture(mut from: impl AsyncRead + Send + Unpin + 'static, to: &Captured) -> JoinHandle<()> {
    let to = Arc::clone(to);
    tokio::spawn(async move {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            to.lock().extend_from_slice(&piece[..count]);
        }
    })
}

fn text(captured: &Captured) -> String {
    String::from_utf8_lossy(&captured.lock()).into_owned()
}

/// The addresses in messages that say exactly `message`.
fn addresses(captured: &Captured, message: &str) -> Vec<SocketAddr> {
    let parse = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        (line["message"] == message).then(|| line["address"].as_str()?.parse().ok())?
    };
    text(captured).lines().filter_map(parse).collect()
}

/// How long something takes.
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// It has to be over within `bound`.
    pub(crate) fn within(&self, bound: Duration) {
        let took = self.0.elapsed();
        assert!(took < bound, "took {took:?}, not less than {bound:?}");
    }
}
