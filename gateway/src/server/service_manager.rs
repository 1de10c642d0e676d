//! Tells systemd how far the process is (`sd_notify(3)`): a unit of `Type=notify` counts as started once
//! the gateway listens, and as stopping while it drains. Elsewhere it does nothing.
//!
//! One that reads nothing is waited for a second at most, so that the gateway still ends when it is told
//! to.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Where it listens.
const SOCKET: &str = "NOTIFY_SOCKET";
/// How long a message may take.
const WITHIN: Duration = Duration::from_secs(1);

/// The listeners are open.
pub(crate) fn ready() {
    tell("READY=1\n");
}

/// The gateway drains.
pub(crate) fn stopping() {
    tell("STOPPING=1\n");
}

fn tell(state: &str) {
    if let Err(error) = send(state) {
        tracing::warn!(%error, "cannot notify systemd (NOTIFY_SOCKET)");
    }
}

fn send(state: &str) -> io::Result<()> {
    let Some(path) = std::env::var_os(SOCKET) else {
        return Ok(());
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(WITHIN))?;
    let address = address(path.as_bytes())?;
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}

/// A name that begins with `@` is in the abstract namespace, where containers' managers often listen.
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(OsStr::from_bytes(name))
}
