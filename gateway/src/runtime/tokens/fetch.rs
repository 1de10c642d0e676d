//! Asks an address for a key set: one request on a connection of its own, within bounds.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keyweir_policy::config::file::{BaseUrl, Scheme};
use keyweir_policy::tenancy::token::keys::BYTES_MAX;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(10);

/// What is at `url`; over TLS, from whom `ca_file`, or else the system, trusts.
///
/// # Errors
/// In words, if it cannot be had.
pub(super) async fn fetch(url: &BaseUrl, ca_file: Option<&Path>) -> Result<Vec<u8>, String> {
    let fetched = tokio::time::timeout(WITHIN, connect_and_ask(url, ca_file));
    let late = |_| format!("no answer within {} s", WITHIN.as_secs());
    fetched.await.map_err(late)?
}

async fn connect_and_ask(url: &BaseUrl, ca_file: Option<&Path>) -> Result<Vec<u8>, String> {
    let host = url.host.to_string();
    let name = host.trim_matches(['[', ']']);
    let socket = TcpStream::connect((name, url.port)).await;
    let socket = socket.map_err(|error| format!("it cannot be reached: {error}"))?;
    if url.scheme == Scheme::Http {
        return ask(url, socket).await;
    }
    let failed = |error: &dyn std::fmt::Display| format!("TLS failed: {error}");
    let name = ServerName::try_from(name.to_owned()).map_err(|error| failed(&error))?;
    let config = Arc::new(tls(ca_file)?);
    let secured = TlsConnector::from(config).connect(name, socket).await;
    ask(url, secured.map_err(|error| failed(&error))?).await
}

async fn ask<S>(url: &BaseUrl, socket: S) -> Result<Vec<u8>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: &dyn std::fmt::Display| format!("it does not answer: {error}");
    let connected = http1::handshake(TokioIo::new(socket)).await;
    let (mut sender, connection) = connected.map_err(|error| failed(&error))?;
    // It ends with the answer, since the sender is dropped then.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let path = match url.path_prefix.as_str() {
        "" => "/",
        path => path,
    };
    let request = Request::get(path)
        .header(header::HOST, url.authority())
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, "keyweir")
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|error| failed(&error))?;
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|error| failed(&error))?;
    match answer.status() {
        StatusCode::OK => {}
        status if status.is_redirection() => {
            return Err("it answers with a redirect; write where that leads".to_owned());
        }
        status => return Err(format!("it answers with status {}", status.as_u16())),
    }
    let body = Limited::new(answer.into_body(), BYTES_MAX);
    let body = body.collect().await.map_err(|error| failed(&error))?;
    Ok(body.to_bytes().to_vec())
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let failed = |error: &dyn std::fmt::Display| format!("ca_file: {error}");
            let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
            for certificate in found {
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
