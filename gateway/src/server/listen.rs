//! The sockets clients connect to, and what is spoken on them.
//!
//! Sockets are bound here and handed to Pingora, which by itself would retry a failed bind thirty
//! times and then panic in a task, leaving a process that lives and listens to nothing. It also
//! makes port 0 usable: the address that was given is known.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use keyweir_policy::config::file;
use parking_lot::Mutex;
use pingora_core::listeners::tls::{Acceptor, TlsSettings};
use pingora_core::listeners::{L4BufferSettings, ListenerConfig, TcpSocketOptions};
use pingora_core::protocols::TcpKeepalive;
use pingora_core::server::{Fds, ListenFds};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpSocket;

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
    #[error(
        "cannot listen on {0}: without tenants in the policy file the gateway serves this machine \
         only; add a [[tenant]] with a client key (keyweir hash), or listen on 127.0.0.1"
    )]
    OpenToAll(SocketAddr),
    /// The certificate or its key cannot be used.
    #[error("{path}: {reason}", path = .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Sockets that are bound, until Pingora takes them over.
pub(crate) struct Sockets {
    fds: Fds,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Sockets {
    /// Binds `addresses`. Must be called on a runtime.
    pub(crate) fn bind(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        let mut sockets = Self {
            fds: Fds::new(),
            addresses: Vec::new(),
        };
        for address in addresses {
            sockets.add(*address).map_err(|error| ListenError::Bind {
                address: *address,
                error,
            })?;
        }
        Ok(sockets)
    }

    fn add(&mut self, address: SocketAddr) -> std::io::Result<()> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?.into_std()?;
        let address = listener.local_addr()?;
        self.fds.add(address.to_string(), listener.into_raw_fd());
        self.addresses.push(address);
        Ok(())
    }

    /// What Pingora is told of each socket.
    pub(crate) fn configs(&self) -> Vec<ListenerConfig> {
        let mut options = TcpSocketOptions::default();
        options.tcp_keepalive = Some(PROBE);
        self.addresses
            .iter()
            .map(|address| {
                ListenerConfig::tcp(address.to_string())
                    .tcp_socket_options(options.clone())
                    .l4_buffer(BUFFERS)
            })
            .collect()
    }

    /// The sockets themselves, as Pingora takes them over.
    pub(crate) fn into_fds(self) -> ListenFds {
        Arc::new(Mutex::new(self.fds))
    }
}

/// The certificate that clients are shown; may be replaced while the gateway runs.
#[derive(Debug)]
pub(crate) struct Certificate(ArcSwap<CertifiedKey>);

impl Certificate {
    /// The one that `settings` name; relative paths start at `folder`.
    pub(crate) fn load(
        settings: &file::TlsSettings,
        folder: &Path,
    ) -> Result<Arc<Self>, ListenError> {
        let (cert, key) = (
            folder.join(&settings.cert_file),
            folder.join(&settings.key_file),
        );
        let certified = certified_key(&cert, &key)?;
        Ok(Arc::new(Self(ArcSwap::from_pointee(certified))))
    }

    /// HTTP/1.1 and HTTP/2, whichever the client prefers, under this certificate. Not given to
    /// Pingora with the socket, whose handshakes may take a minute, whatever the policy says, and
    /// are counted by nobody.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Acceptor {
        // The paths are not looked at: the resolver takes their place.
        let mut settings =
            TlsSettings::intermediate("", "").expect("nothing is read before it is built");
        settings.set_cert_resolver(Arc::<Self>::clone(self));
        settings.enable_h2();
        settings.build()
    }
}

/// Whether the files that `settings` name make a certificate; relative paths start at `folder`.
///
/// # Errors
/// If they do not.
pub fn check_certificate(settings: &file::TlsSettings, folder: &Path) -> Result<(), ListenError> {
    Certificate::load(settings, folder).map(drop)
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

fn certified_key(cert_file: &Path, key_file: &Path) -> Result<CertifiedKey, ListenError> {
    let fail = |path: &Path, reason: String| ListenError::Certificate {
        path: path.to_path_buf(),
        reason,
    };
    let in_cert = |error: rustls::pki_types::pem::Error| fail(cert_file, error.to_string());
    let chain = CertificateDer::pem_file_iter(cert_file)
        .map_err(in_cert)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(in_cert)?;
    if chain.is_empty() {
        return Err(fail(cert_file, "holds no PEM certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|error| fail(key_file, error.to_string()))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|error| fail(key_file, error.to_string()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(_) => Err(fail(
            key_file,
            "is not the key of the certificate".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let first = Sockets::bind(&["127.0.0.1:0".parse().expect("valid")]).expect("a free port");
        let taken = first.addresses[0];

        let error = Sockets::bind(&[taken]).err().expect("it is taken");

        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot listen on {taken}: ")),
            "{error}"
        );
    }

    #[test]
    fn a_key_of_another_certificate_is_said_to_be_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cert, key) = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        std::fs::write(&cert, make().cert.pem()).expect("written");
        std::fs::write(&key, make().signing_key.serialize_pem()).expect("written");

        let error = certified_key(&cert, &key).expect_err("they do not match");

        assert!(
            error
                .to_string()
                .contains("is not the key of the certificate"),
            "{error}"
        );
    }
}
