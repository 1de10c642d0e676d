//! What operators are shown over TLS, and what they may show.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyweir_policy::config::file::AdminTlsSettings;
use pingora_core::listeners::tls::{Acceptor, TlsSettings};
use rustls::server::NoServerSessionStorage;
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::certificate::{self, Certificate, CertificateError};
use super::client_authority::{self, ClientAuthority, Verifier};

/// The admin listener's certificate, and whose certificates are looked for there; both may be replaced while
/// the gateway runs.
#[derive(Debug)]
pub(crate) struct OperatorTls {
    certificate: Arc<Certificate>,
    authority: Arc<ClientAuthority>,
}

/// What the files of [`AdminTlsSettings`] make.
pub(crate) struct Ready {
    certified: CertifiedKey,
    verifier: Option<Verifier>,
}

impl OperatorTls {
    /// What operators are shown from the start.
    pub(crate) fn new(ready: Ready) -> Self {
        Self {
            certificate: Arc::new(Certificate::new(ready.certified)),
            authority: Arc::new(ClientAuthority::new(ready.verifier)),
        }
    }

    /// What they are shown now.
    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What operators are shown from the next connection on. Returns whether that is another certificate.
    pub(crate) fn replace(&self, ready: Ready) -> bool {
        self.authority.replace(ready.verifier);
        self.certificate.replace(ready.certified)
    }

    /// HTTP/1.1 alone, which is all that the admin listener speaks.
    pub(crate) fn acceptor(&self) -> Acceptor {
        // The paths are not looked at: the resolver takes their place.
        let mut settings =
            TlsSettings::intermediate("", "").expect("nothing is read before it is built");
        settings.set_cert_resolver(Arc::<Certificate>::clone(&self.certificate));
        settings.set_client_cert_verifier(Arc::<ClientAuthority>::clone(&self.authority));
        let mut acceptor = settings.build();
        let mut config = acceptor.acceptor.config().as_ref().clone();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        acceptor.acceptor = TlsAcceptor::from(Arc::new(config));
        acceptor
    }
}

/// Reads the files that `settings` name; relative paths start at `folder`.
///
/// # Errors
/// If they make no certificate or no authority.
pub(crate) fn read(settings: &AdminTlsSettings, folder: &Path) -> Result<Ready, CertificateError> {
    let AdminTlsSettings {
        cert_file,
        key_file,
        client_ca_file,
    } = settings;
    let certified = certificate::certified_key(&folder.join(cert_file), &folder.join(key_file))?;
    let path = client_ca_file.as_ref().map(|path| folder.join(path));
    let verifier = path.map(|path| client_authority::read(&path)).transpose()?;
    Ok(Ready {
        certified,
        verifier,
    })
}

/// The files that `settings` name.
pub(crate) fn files(settings: &AdminTlsSettings, folder: &Path) -> Vec<PathBuf> {
    let files = [&settings.cert_file, &settings.key_file];
    let files = files.into_iter().chain(&settings.client_ca_file);
    files.map(|path| folder.join(path)).collect()
}
