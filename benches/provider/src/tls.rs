//! The server's certificate, given or made.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::start_error::StartError;
use crate::world::{HttpVersions, Tls};

/// What a listener needs, and what its clients have to trust.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) ca_pem: String,
}

impl Identity {
    /// The certificate of the world's file, or one made now with an authority of its own.
    pub(crate) fn new(tls: &Tls, http: HttpVersions) -> Result<Self, StartError> {
        let (chain, key, ca_pem) = match (&tls.cert_pem, &tls.key_pem) {
            (Some(cert), Some(key)) => (cert.clone(), key.clone(), cert.clone()),
            (None, None) => make(tls).map_err(StartError::Certificate)?,
            _ => return Err(StartError::HalfACertificate),
        };
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(StartError::Pem)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(StartError::Pem)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(StartError::Tls)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(StartError::Tls)?;
        config.alpn_protocols = match http {
            HttpVersions::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            HttpVersions::Http1 => vec![b"http/1.1".to_vec()],
            HttpVersions::Http2 => vec![b"h2".to_vec()],
        };
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_pem,
        })
    }
}

/// A chain, its key and its authority, in PEM.
fn make(tls: &Tls) -> Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority
        .distinguished_name
        .push(DnType::CommonName, "simulated provider's authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let names = if tls.names.is_empty() {
        vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
    } else {
        tls.names.clone()
    };
    let mut server = CertificateParams::new(names)?;
    if tls.expired {
        server.not_before = date_time_ymd(2020, 1, 1);
        server.not_after = date_time_ymd(2021, 1, 1);
    }
    let key = KeyPair::generate()?;
    let server = server.signed_by(&key, &authority)?;
    Ok((server.pem(), key.serialize_pem(), authority.pem()))
}
