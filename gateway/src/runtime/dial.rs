//! Connections to what the gateway itself asks something of, beside providers: in clear, or over TLS with
//! the system's roots or those of a file, and with a certificate of its own if it has one. Files are read
//! with each connection, so that whoever replaces them has nothing else to do.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyweir_policy::config::file::ClientCertificate;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::downstream::certificate;
use crate::pem;
use crate::runtime::regular_file;
use crate::runtime::roots::BYTES_MAX;

/// A connection, whatever it is made of.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// How a connection is secured; paths are whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// Believed is whom this file trusts; `None`: whom the system trusts.
    pub(crate) ca_file: Option<PathBuf>,
    /// What is shown, if it is asked for.
    pub(crate) certificate: Option<ClientCertificate>,
}

/// A connection to `host` (an address of IPv6 without brackets); without `tls` in clear. To be bounded in
/// time by who asks.
///
/// # Errors
/// In words, if there is none.
pub(crate) async fn connect(
    host: &str,
    port: u16,
    tls: Option<&Tls>,
) -> Result<Box<dyn Socket>, String> {
    let socket = TcpStream::connect((host, port)).await;
    let socket = socket.map_err(|error| format!("it cannot be reached: {error}"))?;
    let Some(tls) = tls else {
        return Ok(Box::new(socket));
    };
    let failed = |error: &dyn Display| format!("TLS failed: {error}");
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    let config = Arc::new(tls.config()?);
    let secured = TlsConnector::from(config).connect(name, socket).await;
    Ok(Box::new(secured.map_err(|error| failed(&error))?))
}

impl Tls {
    /// Whether its files can be used.
    ///
    /// # Errors
    /// In words, if they cannot.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.config().map(drop)
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let roots = roots(self.ca_file.as_deref())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        Ok(match &self.certificate {
            None => config.with_no_client_auth(),
            Some(files) => config.with_client_cert_resolver(Arc::new(shown(files)?)),
        })
    }
}

fn shown(files: &ClientCertificate) -> Result<SingleCertAndKey, String> {
    let ClientCertificate {
        cert_file,
        key_file,
    } = files;
    let text = |path: &Path| {
        let text = regular_file::read(path, BYTES_MAX);
        text.map_err(|error| format!("{}: {error}", path.display()))
    };
    let (chain, key) = (text(cert_file)?, text(key_file)?);
    let certified = certificate::of_pem((cert_file, &chain), (key_file, &key));
    certified
        .map(SingleCertAndKey::from)
        .map_err(|error| error.to_string())
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let failed = |error: &dyn Display| format!("ca_file {}: {error}", path.display());
            let text = regular_file::read(path, BYTES_MAX).map_err(|error| failed(&error))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let certificate = certificate.map_err(|error| failed(&pem::said(&error)))?;
                roots.add(certificate).map_err(|error| failed(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    match roots.is_empty() {
        true => Err("there are no certificate authorities to trust; set ca_file".to_owned()),
        false => Ok(roots),
    }
}
