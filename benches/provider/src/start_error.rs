//! Why a provider did not start.

use std::io;
use std::net::SocketAddr;

/// Why a provider did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, for example.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// Where it was to listen.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate without its key, or the other way round.
    #[error("a certificate needs both cert_pem and key_pem")]
    HalfACertificate,
    /// The world's certificate or key is no PEM.
    #[error("the certificate or its key cannot be read: {0}")]
    Pem(rustls::pki_types::pem::Error),
    /// The certificate and the key do not serve.
    #[error("the certificate does not serve: {0}")]
    Tls(rustls::Error),
    /// No certificate could be made.
    #[error("no certificate could be made: {0}")]
    Certificate(rcgen::Error),
}
