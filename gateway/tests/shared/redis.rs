//! A Redis of a test's own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::until;

/// A server, which ends with this.
pub(crate) struct Redis {
    child: Option<Child>,
    port: u16,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings, as its command line has them.
    pub(crate) async fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::within(folder, arguments).await
    }

    /// The same in `folder`, where it finds files; `redis.conf`, if there is one, says more.
    pub(crate) async fn within(folder: TempDir, arguments: &[&str]) -> Self {
        let mut redis = Self {
            child: None,
            port: free_port(),
            arguments: arguments.iter().map(|it| (*it).to_owned()).collect(),
            folder,
        };
        redis.run().await;
        redis
    }

    /// Starts it, without anything that it knew before.
    pub(crate) async fn run(&mut self) {
        let mut command = Command::new("redis-server");
        let settings = self.folder.path().join("redis.conf");
        if settings.exists() {
            command.arg(settings);
        }
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &self.port.to_string()])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = command
            .spawn()
            .expect("redis-server is installed (make test-prerequisites)");
        self.child = Some(child);
        until("redis answers", || self.ask("PING").is_some()).await;
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What it answers to a command without spaces in its words; `None`: nothing, for now.
    pub(crate) fn ask(&self, command: &str) -> Option<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut socket = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        let wait = Some(Duration::from_secs(5));
        socket.set_read_timeout(wait).expect("it has one");
        socket.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = vec![0; 1 << 16];
        let read = socket.read(&mut answer).ok().filter(|read| *read > 0)?;
        answer.truncate(read);
        String::from_utf8(answer).ok()
    }

    /// Forgets all that it is told within milliseconds, for as long as that is kept. By a thread and a
    /// connection of its own: who waits for others does not forget meanwhile.
    pub(crate) fn forgets(&self) -> Forgets {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut socket = TcpStream::connect(address).expect("it listens");
        let goes_on = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&goes_on);
        let thread = std::thread::spawn(move || {
            let mut answer = [0; 64];
            while flag.load(Ordering::Relaxed) {
                socket.write_all(b"FLUSHALL\r\n").expect("it takes that");
                assert!(socket.read(&mut answer).expect("it answers") > 0);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Forgets {
            goes_on,
            thread: Some(thread),
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends it a signal (`STOP`, `CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id();
        let kill = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status();
        assert!(kill.expect("it runs").success());
    }
}

/// A Redis that forgets, until this is dropped.
pub(crate) struct Forgets {
    goes_on: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Forgets {
    fn drop(&mut self) {
        self.goes_on.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One that nobody listens on just now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is one");
    listener.local_addr().expect("it has one").port()
}
