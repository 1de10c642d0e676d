//! Whose certificates operators may show, in the place of a token.
//!
//! A certificate is asked for, not insisted on: probes show none, and who shows none may still show the
//! token. One that is shown has to be right, or there is no connection. The authority may be replaced while
//! the gateway runs, and counts from the next handshake; so nothing of an old handshake is resumed.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::certificate::CertificateError;

use crate::pem;

/// What knows whether a certificate is one of an authority.
pub(crate) type Verifier = Arc<dyn ClientCertVerifier>;

/// The authority in force; without one, nobody is asked for a certificate.
#[derive(Debug)]
pub(crate) struct ClientAuthority(ArcSwapOption<Verifier>);

impl ClientAuthority {
    pub(crate) fn new(verifier: Option<Verifier>) -> Self {
        Self(ArcSwapOption::new(verifier.map(Arc::new)))
    }

    /// From the next handshake on.
    pub(crate) fn replace(&self, verifier: Option<Verifier>) {
        self.0.store(verifier.map(Arc::new));
    }

    fn now(&self) -> Result<Verifier, Error> {
        let verifier = self.0.load();
        let gone = || Error::General("no certificate was asked for".to_owned());
        verifier.as_deref().cloned().ok_or_else(gone)
    }
}

/// The authorities whose certificates are in this file.
///
/// # Errors
/// If there is none.
pub(crate) fn read(path: &Path) -> Result<Verifier, CertificateError> {
    let fail = |reason: String| CertificateError {
        path: path.to_path_buf(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| fail(pem::said(&error)))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| fail(pem::said(&error)))?;
        let added = roots.add(certificate);
        added.map_err(|error| fail(format!("holds no authority: {error}")))?;
    }
    if roots.is_empty() {
        return Err(fail("holds no PEM certificate".to_owned()));
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.allow_unauthenticated().build();
    verifier.map_err(|error| fail(error.to_string()))
}

impl ClientCertVerifier for ClientAuthority {
    fn offer_client_auth(&self) -> bool {
        self.0.load().is_some()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None are hinted at: the list would be borrowed from an authority that may be replaced.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.now()?
            .verify_client_cert(certificate, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.now()?
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.now()?
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = ring::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
