//! The store between gateways: a Redis of the run's own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::child::{Child, free_address};
use crate::failure::Failure;

/// A running Redis, that keeps nothing.
#[derive(Debug)]
pub(crate) struct Store {
    child: Child,
    address: SocketAddr,
}

impl Store {
    /// Starts one, with its files in `folder`, and waits until it listens.
    pub(crate) async fn start(folder: &Path) -> Result<Self, Failure> {
        let address = free_address()?;
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder);
        let mut child = Child::start(&mut command, folder, "redis")?;
        child.wait_until_listening(address).await?;
        Ok(Self { child, address })
    }

    /// The table of a gateway's policy that names it.
    pub(crate) fn table(&self) -> String {
        let address = self.address;
        format!("[gateway.shared.redis]\nurls = [\"redis://{address}\"]\n")
    }

    /// Lets it stand still.
    pub(crate) fn stall(&self) -> std::io::Result<()> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-STOP", &id]).status().map(drop)
    }
}
