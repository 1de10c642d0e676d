//! Tables `gateway.tls` and `gateway.admin_tls`: which certificates the gateway shows, and whose it looks for;
//! and what it shows as a client.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Table `gateway.tls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Where clients connect over TLS (HTTP/1.1 and HTTP/2, by ALPN). Never empty.
    pub listen: Vec<SocketAddr>,
    /// The certificate chain, PEM.
    pub cert_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
}

/// Table `gateway.admin_tls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminTlsSettings {
    /// The certificate chain, PEM.
    pub cert_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
    /// Whose certificates operators may show instead of the token, PEM; `None`: nobody's.
    pub client_ca_file: Option<PathBuf>,
}

/// What the gateway shows as a client, where a server wants to see a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate chain, PEM.
    pub cert_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
}
