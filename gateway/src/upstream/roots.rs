//! The certificates a provider is verified against.
//!
//! Read and checked before Pingora gets them: it would unwrap, or go on with an empty store that
//! fails every handshake with a message about the peer.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::pem;

/// Why there are no roots to trust.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// A provider's own file cannot be read as PEM.
    #[error("ca_file {path}: {reason}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system has none.
    #[error(
        "this system has no certificate authorities installed, so no https provider could be \
         verified: install the package ca-certificates, or set ca_file"
    )]
    NoneOnSystem,
    /// The system's store holds something unreadable.
    #[error("a certificate in the system's store cannot be used; set ca_file instead")]
    System,
}

/// Whether `path` holds certificates that can be trusted.
///
/// # Errors
/// If it cannot be read, holds no certificate, or one that cannot be used.
pub fn check(path: &Path) -> Result<(), RootsError> {
    let fail = |reason: String| RootsError::File {
        path: path.to_path_buf(),
        reason,
    };
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| fail(pem::said(&error)))?;
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| fail(pem::said(&error)))?;
        store
            .add(certificate)
            .map_err(|error| fail(error.to_string()))?;
    }
    if store.is_empty() {
        Err(fail("holds no PEM certificate".to_owned()))
    } else {
        Ok(())
    }
}

/// Whether the system has roots.
pub(crate) fn check_system() -> Result<(), RootsError> {
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(RootsError::NoneOnSystem);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_said_to_be_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "not a certificate").expect("written");

        let error = check(&path).expect_err("no roots");

        assert!(
            error.to_string().contains("holds no PEM certificate"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = check(Path::new("/nowhere/ca.pem")).expect_err("no file");
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}
