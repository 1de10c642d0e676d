//! Closing the clients' listeners without harm to who stands at the door.
//!
//! A listener that is closed resets the connections that the kernel has set up for it and nobody has
//! accepted, with the requests that may have come on them. So nobody new is let in first: a filter drops
//! the packets that would begin a connection. Who sent one sends it again a second later, and finds the
//! port closed: nothing of its request is lost. What stands in line is accepted meanwhile.

use std::os::fd::OwnedFd;
use std::time::Duration;

#[cfg(target_os = "linux")]
use socket2::{SockFilter, SockRef};

/// How long what stands in line may take to be accepted: thousands are in a millisecond.
const IN_LINE: Duration = Duration::from_millis(50);

/// The listeners, as their owner does not see them.
#[derive(Default)]
pub(crate) struct Door(Vec<OwnedFd>);

impl Door {
    /// Of all these listeners.
    pub(crate) fn of(sockets: impl IntoIterator<Item = OwnedFd>) -> Self {
        Self(sockets.into_iter().collect())
    }

    /// Lets nobody in any more; returns once who stood in line had time to come in.
    pub(crate) async fn shut(self) {
        let mut is_shut = false;
        for socket in &self.0 {
            match let_nobody_in(socket) {
                Ok(()) => is_shut = true,
                // Where it cannot be done, the listener is closed as it is.
                Err(error) => tracing::debug!(%error, "a listener is closed with who stands at it"),
            }
        }
        if is_shut {
            tokio::time::sleep(IN_LINE).await;
        }
    }
}

#[cfg(target_os = "linux")]
fn let_nobody_in(socket: &OwnedFd) -> std::io::Result<()> {
    SockRef::from(socket).attach_filter(&beginnings_dropped())
}

/// Other systems have no such filter.
#[cfg(not(target_os = "linux"))]
fn let_nobody_in(_: &OwnedFd) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// A program for the kernel's packet filter, which sees a segment from its TCP header on
/// (<https://www.kernel.org/doc/html/latest/networking/filter.html>).
#[cfg(target_os = "linux")]
fn beginnings_dropped() -> [SockFilter; 5] {
    // Where in a TCP header the flags are, and those that a first packet has and has not (RFC 9293).
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const SKIP_UNLESS_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(SKIP_UNLESS_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn who_stands_in_line_comes_in_and_nobody_after() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut waiting = TcpStream::connect(address).expect("it listens");
        waiting.write_all(b"hello").expect("connected");
        let door = Door::of([OwnedFd::from(listener.try_clone().expect("a descriptor"))]);

        door.shut().await;

        let soon = Duration::from_millis(100);
        let error = TcpStream::connect_timeout(&address, soon).expect_err("nobody is let in");
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        let (mut served, _) = listener.accept().expect("it stood in line");
        drop(listener);
        let mut text = [0; 5];
        served.read_exact(&mut text).expect("what it sent is there");
        assert_eq!(&text, b"hello");
    }
}
