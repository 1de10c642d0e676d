//! The sockets clients connect to, and what is spoken on them.
//!
//! Sockets are bound here and handed to Pingora, which by itself would retry a failed bind thirty
//! times and then panic in a task, leaving a process that lives and listens to nothing. It also
//! makes port 0 usable: the address that was given is known.
//!
//! All are bound before any listens: who connects to a gateway that then finds another of its addresses
//! taken would be reset, with its request. As long as none listens, clients are refused, and try again.

use std::net::SocketAddr;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pingora_core::listeners::{L4BufferSettings, ListenerConfig, TcpSocketOptions};
use pingora_core::protocols::TcpKeepalive;
use pingora_core::server::{Fds, ListenFds};
use tokio::net::TcpSocket;

use crate::downstream::certificate::CertificateError;
use crate::runtime::effective::OpenToAll;

/// Connections that may wait to be accepted. Pingora raises it further; this is what holds until
/// then.
const BACKLOG: u32 = 4096;

/// No read buffer of Pingora's: heads and bodies are read into larger ones anyway, and 64 KiB for
/// each of thousands of streams is memory for nothing. The write buffer joins a small answer's head
/// and body in one packet.
const BUFFERS: L4BufferSettings = L4BufferSettings {
    read: Some(0),
    write: Some(1460),
};

/// Finds clients that vanished without a word, so that their streams do not run on for nobody.
const PROBE: TcpKeepalive = TcpKeepalive {
    idle: Duration::from_secs(60),
    interval: Duration::from_secs(15),
    count: 4,
    #[cfg(target_os = "linux")]
    user_timeout: Duration::ZERO,
};

/// How long an operator's end may take nothing that was sent. The system's buffers hold minutes of
/// what the live page is sent, so that a time-out on writing alone would not notice.
const OPERATOR_TAKES_WITHIN: Duration = Duration::from_secs(10);

/// Why clients cannot connect.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        error: std::io::Error,
    },
    /// Without tenants, anybody who can connect could use the pool.
    #[error(transparent)]
    OpenToAll(#[from] OpenToAll),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Sockets that are bound, until Pingora takes them over.
pub(crate) struct Sockets {
    /// Those that do not listen yet.
    silent: Vec<TcpSocket>,
    fds: Fds,
    /// The same again, for who closes them.
    again: Vec<OwnedFd>,
    pub(crate) addresses: Vec<SocketAddr>,
    probe: TcpKeepalive,
}

impl Sockets {
    /// Binds `addresses`. Must be called on a runtime.
    pub(crate) fn bind(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        let mut sockets = Self {
            silent: Vec::new(),
            fds: Fds::new(),
            again: Vec::new(),
            addresses: Vec::new(),
            probe: PROBE,
        };
        for address in addresses {
            sockets
                .add(*address)
                .map_err(|error| cannot(*address, error))?;
        }
        Ok(sockets)
    }

    /// From now on these may be connected to, one after the other.
    pub(crate) fn listen<const N: usize>(all: [&mut Self; N]) -> Result<(), ListenError> {
        all.into_iter().try_for_each(Self::let_in)
    }

    fn let_in(&mut self) -> Result<(), ListenError> {
        for (socket, address) in self.silent.drain(..).zip(&self.addresses) {
            let listen = || {
                let listener = socket.listen(BACKLOG)?.into_std()?;
                self.again.push(listener.try_clone()?.into());
                self.fds.add(address.to_string(), listener.into_raw_fd());
                Ok(())
            };
            listen().map_err(|error| cannot(*address, error))?;
        }
        Ok(())
    }

    fn add(&mut self, address: SocketAddr) -> std::io::Result<()> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        self.addresses.push(socket.local_addr()?);
        self.silent.push(socket);
        Ok(())
    }

    /// Whose other ends are operators'.
    pub(crate) fn for_operators(mut self) -> Self {
        #[cfg(target_os = "linux")]
        {
            self.probe.user_timeout = OPERATOR_TAKES_WITHIN;
        }
        self
    }

    /// What Pingora is told of each socket.
    pub(crate) fn configs(&self) -> Vec<ListenerConfig> {
        let mut options = TcpSocketOptions::default();
        options.tcp_keepalive = Some(self.probe.clone());
        self.addresses
            .iter()
            .map(|address| {
                ListenerConfig::tcp(address.to_string())
                    .tcp_socket_options(options.clone())
                    .l4_buffer(BUFFERS)
            })
            .collect()
    }

    /// The sockets once more, for who closes them.
    pub(crate) fn take_again(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.again)
    }

    /// The sockets themselves, as Pingora takes them over.
    pub(crate) fn into_fds(self) -> ListenFds {
        Arc::new(Mutex::new(self.fds))
    }
}

fn cannot(address: SocketAddr, error: std::io::Error) -> ListenError {
    ListenError::Bind { address, error }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn nobody_is_let_in_before_all_addresses_are_known_to_be_free() {
        let free = "127.0.0.1:0".parse().expect("valid");
        let mut sockets = Sockets::bind(&[free, free]).expect("free ports");
        let addresses = sockets.addresses.clone();
        for address in &addresses {
            let error = TcpStream::connect(address).expect_err("it does not listen");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        }

        Sockets::listen([&mut sockets]).expect("they are free");

        for address in &addresses {
            TcpStream::connect(address).expect("it listens");
        }
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let mut first =
            Sockets::bind(&["127.0.0.1:0".parse().expect("valid")]).expect("a free port");
        Sockets::listen([&mut first]).expect("nobody else does");
        let taken = first.addresses[0];

        let error = Sockets::bind(&[taken]).err().expect("it is taken");

        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot listen on {taken}: ")),
            "{error}"
        );
    }
}
