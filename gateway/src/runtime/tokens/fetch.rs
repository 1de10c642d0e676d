//! Asks an address for a key set: one request on a connection of its own, within bounds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::ext::on_informational;
use hyper_util::rt::TokioIo;
use keyweir_policy::config::file::{BaseUrl, Scheme};
use keyweir_policy::tenancy::token::keys::BYTES_MAX;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::runtime::dial::{self, Tls};

/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Informational answers (1xx) before the one that counts. Fewer than a provider may send
/// (`upstream/informational.rs`): no hint belongs to a key set, and nobody waits for this answer.
const INFORMATIONAL_MAX: usize = 16;

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
    let tls = (url.scheme == Scheme::Https).then(|| Tls {
        ca_file: ca_file.map(Path::to_path_buf),
        certificate: None,
    });
    let socket = dial::connect(host.trim_matches(['[', ']']), url.port, tls.as_ref()).await?;
    ask(url, socket).await
}

async fn ask<S>(url: &BaseUrl, socket: S) -> Result<Vec<u8>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: &dyn std::fmt::Display| format!("it does not answer: {error}");
    let connected = http1::handshake(TokioIo::new(socket)).await;
    let (mut sender, connection) = connected.map_err(|error| failed(&error))?;
    // It ends with this, whatever the other side goes on to say.
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
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
    let mut request = request.map_err(|error| failed(&error))?;
    let endless = bound_informational(&mut request);
    let answer = tokio::select! {
        // Before what became of the connection afterwards.
        biased;
        () = endless.notified() => {
            return Err("it sends one informational answer after the other".to_owned());
        }
        answer = sender.send_request(request) => answer.map_err(|error| failed(&error))?,
    };
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

/// Tells when there have been more informational answers to `request` than anybody sends.
fn bound_informational(request: &mut Request<Empty<Bytes>>) -> Arc<Notify> {
    let (endless, count) = (Arc::new(Notify::new()), AtomicUsize::new(0));
    let told = Arc::clone(&endless);
    on_informational(request, move |_| {
        if count.fetch_add(1, Ordering::Relaxed) >= INFORMATIONAL_MAX {
            told.notify_one();
        }
    });
    endless
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use rustls::ServerConfig;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A server whose every answer is `said`, at an address that begins with `scheme`; and the file
    /// with its certificate.
    async fn server(scheme: &str, said: Vec<u8>) -> (BaseUrl, tempfile::TempDir, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, made.cert.pem()).expect("written");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let is_tls = scheme == "https";
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let mut head = [0; 1024];
                if !is_tls {
                    let mut socket = socket;
                    let _ = socket.read(&mut head).await;
                    let _ = socket.write_all(&said).await;
                } else if let Ok(mut socket) = acceptor.accept(socket).await {
                    let _ = socket.read(&mut head).await;
                    let _ = socket.write_all(&said).await;
                    let _ = socket.shutdown().await;
                }
            }
        });
        let url = format!("{scheme}://localhost:{port}/keys.json");
        (url.parse().expect("an address"), folder, file)
    }

    fn answer(head: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    }

    #[tokio::test]
    async fn keys_come_over_tls_from_whom_the_policy_trusts() {
        let (url, _folder, ca_file) = server("https", answer("200 OK", "{}")).await;
        let fetched = fetch(&url, Some(&ca_file)).await;
        assert_eq!(fetched.as_deref(), Ok(&b"{}"[..]));
        let untrusted = fetch(&url, None).await.expect_err("nobody knows it");
        let has_roots = !untrusted.contains("set ca_file");
        assert!(
            untrusted.starts_with("TLS failed") || !has_roots,
            "{untrusted}"
        );
        let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(3);
        let (url, ..) = server("http", [hints, answer("200 OK", "{}")].concat()).await;
        assert_eq!(fetch(&url, None).await.as_deref(), Ok(&b"{}"[..]));
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        let (url, ..) = server("http", chunked.to_vec()).await;
        assert_eq!(fetch(&url, None).await.as_deref(), Ok(&b"{}"[..]));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told() {
        let large = "x".repeat(BYTES_MAX + 1);
        for (said, expected) in [
            (
                answer("302 Found\r\nlocation: /", ""),
                "it answers with a redirect",
            ),
            (answer("404 Not Found", ""), "it answers with status 404"),
            (
                answer("200 OK", &large),
                "it does not answer: length limit exceeded",
            ),
            (
                b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100),
                "it sends one informational answer after the other",
            ),
            (b"what\r\n\r\n".to_vec(), "it does not answer"),
            (Vec::new(), "it does not answer"),
        ] {
            let (url, ..) = server("http", said).await;
            let told = fetch(&url, None).await.expect_err("no keys");
            assert!(told.starts_with(expected), "{told}");
        }
        let nowhere = "http://127.0.0.1:1/keys.json".parse().expect("an address");
        let told = fetch(&nowhere, None).await.expect_err("nobody");
        assert!(told.starts_with("it cannot be reached"), "{told}");
    }
}
