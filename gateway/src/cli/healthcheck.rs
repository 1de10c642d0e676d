//! `keyweir healthcheck`: asks a gateway's admin listener, and ends in 0 or 1 as it answers.
//!
//! Written on a bare socket: the question is one line, the answer's first line is all that counts,
//! and an image needs neither curl nor a runtime for it.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::command::admin_socket::Tls;
use crate::command::failed::Failed;

/// As much of an answer as is read: its first line is far shorter.
const ANSWER_BYTES_MAX: usize = 1024;

/// What `healthcheck` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Healthcheck {
    /// The admin listener of the gateway (gateway.admin in its policy), by address or name.
    #[arg(default_value = "127.0.0.1:9090", value_name = "HOST:PORT")]
    address: String,
    /// The same, as other commands are told it.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "address")]
    admin: Option<String>,
    /// Ask whether it takes new requests, too: a gateway that drains is alive but not ready.
    #[arg(long)]
    ready: bool,
    /// How long to wait for the answer, in seconds: 1 to 60.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
    #[command(flatten)]
    tls: Tls,
}

impl Healthcheck {
    /// Asks; what is wrong is the error.
    pub(super) fn run(&self) -> Result<(), Failed> {
        let path = if self.ready { "/readyz" } else { "/healthz" };
        let address = self.admin.as_ref().unwrap_or(&self.address);
        let within = Duration::from_secs(self.timeout);
        let named = self.tls.address(address);
        let scheme = if named.is_tls { "https" } else { "http" };
        let url = format!("{scheme}://{}{path}", named.authority);
        let status = ask(&self.tls, address, path, within).map_err(|error| {
            Failed::Because(format!(
                "no answer from {url}: {error}; the address is gateway.admin of the policy"
            ))
        })?;
        match status.split(' ').nth(1) {
            Some("200") => Ok(()),
            _ => Err(Failed::Because(format!("{url} says: {status}"))),
        }
    }
}

/// The status line of the answer.
fn ask(tls: &Tls, address: &str, path: &str, within: Duration) -> std::io::Result<String> {
    let give_up = Instant::now() + within;
    // A time-out of zero means none.
    let left = || {
        let left = give_up.saturating_duration_since(Instant::now());
        left.max(Duration::from_millis(1))
    };
    let address = tls.address(address);
    let mut socket = tls.connect(address, within)?;
    let address = address.authority;
    socket.tcp().set_write_timeout(Some(left()))?;
    // In one piece: whoever understands none of it ends the connection at the first.
    let question = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(question.as_bytes())?;
    let mut answer = Vec::with_capacity(ANSWER_BYTES_MAX);
    let mut piece = [0; ANSWER_BYTES_MAX];
    while !answer.contains(&b'\n') && answer.len() < ANSWER_BYTES_MAX {
        if Instant::now() >= give_up {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        socket.tcp().set_read_timeout(Some(left()))?;
        match socket.read(&mut piece)? {
            0 => break,
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().next().unwrap_or_default();
    Ok(line.escape_debug().to_string())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What `healthcheck` says of a server that answers with `answer` and hangs up.
    fn verdict(answer: &'static str) -> Result<(), String> {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("it has one").to_string();
        let serving = std::thread::spawn(move || {
            let (mut socket, _) = server.accept().expect("somebody asks");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                socket.read_exact(&mut byte).expect("a whole head");
                head.extend(byte);
            }
            socket.write_all(answer.as_bytes()).expect("written");
            String::from_utf8(head).expect("text")
        });
        let asked = Healthcheck {
            admin: None,
            address,
            ready: true,
            timeout: 5,
            tls: Tls::default(),
        };
        let said = asked.run().map_err(|failed| match failed {
            Failed::Because(why) => why,
            Failed::Said | Failed::With(_) => unreachable!("it says why"),
        });
        let head = serving.join().expect("no panic");
        assert!(head.starts_with("GET /readyz HTTP/1.1\r\n"), "{head}");
        said
    }

    #[test]
    fn only_200_is_health() {
        assert_eq!(verdict("HTTP/1.1 200 OK\r\n\r\nready\n"), Ok(()));

        let draining = verdict("HTTP/1.1 503 Service Unavailable\r\n\r\n").expect_err("it drains");
        assert!(draining.ends_with("says: HTTP/1.1 503 Service Unavailable"));

        for strange in ["", "\x1b[2J\r\n", "200 OK\r\n"] {
            let said = verdict(strange).expect_err("that is no answer");
            assert!(!said.contains('\x1b'), "{said}");
        }
    }

    #[test]
    fn nobody_there_is_told_with_what_to_look_at() {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = closed.local_addr().expect("it has one").to_string();
        drop(closed);
        let asked = Healthcheck {
            admin: None,
            address,
            ready: false,
            timeout: 1,
            tls: Tls::default(),
        };
        let Err(Failed::Because(why)) = asked.run() else {
            panic!("nobody listens");
        };
        assert!(why.contains("gateway.admin"), "{why}");
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = silent.local_addr().expect("it has one").to_string();
        let asked = Healthcheck {
            admin: None,
            address,
            ready: false,
            timeout: 1,
            tls: Tls::default(),
        };
        assert!(asked.run().is_err());
    }
}
