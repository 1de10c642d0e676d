//! Connections to what the gateway itself asks something of, beside providers: in clear, or over TLS with
//! the system's roots or those of a file.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::runtime::regular_file;
use crate::runtime::roots::BYTES_MAX;

/// A connection, whatever it is made of.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// Who is believed to be there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trust<'a> {
    /// Anybody: in clear.
    Clear,
    /// Over TLS, whom the system trusts.
    System,
    /// Over TLS, whom this file trusts.
    File(&'a Path),
}

/// A connection to `host` (an address of IPv6 without brackets). To be bounded in time by who asks.
///
/// # Errors
/// In words, if there is none.
pub(crate) async fn connect(
    host: &str,
    port: u16,
    trust: Trust<'_>,
) -> Result<Box<dyn Socket>, String> {
    let socket = TcpStream::connect((host, port)).await;
    let socket = socket.map_err(|error| format!("it cannot be reached: {error}"))?;
    let ca_file = match trust {
        Trust::Clear => return Ok(Box::new(socket)),
        Trust::System => None,
        Trust::File(path) => Some(path),
    };
    let failed = |error: &dyn Display| format!("TLS failed: {error}");
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    let config = Arc::new(tls(ca_file)?);
    let secured = TlsConnector::from(config).connect(name, socket).await;
    Ok(Box::new(secured.map_err(|error| failed(&error))?))
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let failed = |error: &dyn std::fmt::Display| format!("ca_file: {error}");
            let text = regular_file::read(path, BYTES_MAX).map_err(|error| failed(&error))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let certificate = certificate.map_err(|error| failed(&error))?;
                roots.add(certificate).map_err(|error| failed(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err("there are no certificate authorities to trust; set ca_file".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
