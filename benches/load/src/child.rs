//! The programs under measurement, as child processes.
//!
//! Each is ended by its own process id, also when a measurement fails. What they write goes to a
//! file each, whose end is shown when one of them does not come up.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long a program may take until it listens; an instruction counter slows it fifty-fold.
const START_SECS_MAX: Duration = Duration::from_secs(60);

/// A running program.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts `command`, its output going to `name`.log in `folder`.
    pub(crate) fn start(command: &mut Command, folder: &Path, name: &str) -> io::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log)?;
        let process = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .map_err(|error| {
                let program = command.get_program().to_string_lossy();
                io::Error::new(error.kind(), format!("{program} does not start: {error}"))
            })?;
        Ok(Self { process, log })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until something accepts connections at `address`; an early end is an error.
    pub(crate) async fn wait_until_listening(&mut self, address: SocketAddr) -> io::Result<()> {
        let deadline = Instant::now() + START_SECS_MAX;
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = self.process.try_wait()? {
                return Err(self.complaint(&format!("ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.complaint("does not listen"));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// An error about this program, with the end of what it wrote.
    pub(crate) fn complaint(&self, what: &str) -> io::Error {
        let written = std::fs::read(&self.log).unwrap_or_default();
        let tail = String::from_utf8_lossy(&written[written.len().saturating_sub(2000)..]);
        io::Error::other(format!("{} {what}:\n{tail}", self.log.display()))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // By its own id, and reaped, so that the id cannot have become another's.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address nobody listens at now. The child takes it a moment later; should somebody else be
/// faster, the child says so and the measurement ends.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
