//! Certificates, and a client that trusts one.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::wire::Wire;

/// A certificate for `localhost` that is its own authority.
pub(crate) struct Own {
    pub(crate) cert: String,
    pub(crate) key: String,
}

pub(crate) fn certificate() -> Own {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    Own {
        cert: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    }
}

/// Who signs others' certificates.
pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn authority(name: &str) -> Authority {
    let mut told = CertificateParams::default();
    told.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    told.distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().expect("made");
    CertifiedIssuer::self_signed(told, key).expect("signed")
}

/// A certificate of `authority` for what `told` says, and to be shown by a client or a server.
pub(crate) fn signed(authority: &Authority, mut told: CertificateParams) -> Own {
    let key = KeyPair::generate().expect("made");
    told.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::ServerAuth,
    ];
    let signed = told.signed_by(&key, authority).expect("signed");
    Own {
        cert: signed.pem(),
        key: key.serialize_pem(),
    }
}

/// Connects over TLS, speaking `protocol`.
pub(crate) async fn connect(address: SocketAddr, own: &Own, protocol: &[u8]) -> Wire {
    let mut roots = RootCertStore::empty();
    let cert = rustls::pki_types::CertificateDer::from_pem_slice(own.cert.as_bytes());
    roots.add(cert.expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("known")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let socket = TcpStream::connect(address).await.expect("it listens");
    let name = ServerName::try_from("localhost").expect("a name");
    let secured = TlsConnector::from(Arc::new(config)).connect(name, socket);
    Wire::over(secured.await.expect("a handshake"))
}
