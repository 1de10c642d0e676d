//! TLS, on both sides.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use keyweir::server::serve::{self, Options, Running};
use keyweir::telemetry::access_log::Target;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use simulated_provider::{HttpVersions, Provider, RunningProvider, Tls, World};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::house::{MESSAGE, Plan, http1};

/// A provider over TLS that speaks `http`.
async fn provider(http: HttpVersions) -> RunningProvider {
    let world = World {
        tls: Some(Tls::default()),
        http,
        record_requests: 10,
        ..World::new(Plan::new().world.accounts)
    };
    Provider::start(world).await.expect("it starts")
}

/// A gateway before `provider` that trusts whatever `ca` holds, and has a certificate of its own.
async fn gateway(
    provider: &RunningProvider,
    ca: Option<&str>,
    http: &'static str,
) -> (Running, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    write("tls.crt", &own.cert.pem());
    write("tls.key", &own.signing_key.serialize_pem());
    let mut plan = Plan::new().upstream(http).set(
        "[gateway.tls]\nlisten = [\"127.0.0.1:0\"]\ncert_file = \"tls.crt\"\nkey_file = \"tls.key\"",
    );
    let mut policy = plan.policy(provider.base_url());
    if let Some(ca) = ca {
        write("ca.pem", ca);
        plan.more.clear();
        policy = policy.replacen("http = ", "ca_file = \"ca.pem\"\nhttp = ", 1);
    }
    let files = [("keys.toml", policy.as_str())];
    let (policy, _) = keyweir_policy::config::file::parse(&files, std::time::SystemTime::now())
        .unwrap_or_else(|report| panic!("{report}"));
    let options = Options {
        folder: folder.path().to_path_buf(),
        access_log: Target::Off,
        ..Options::default()
    };
    let running = serve::start(policy, &options).await;
    (
        running.unwrap_or_else(|error| panic!("{error}")),
        own.cert.pem(),
    )
}

/// Connects to the gateway over TLS, offering `alpn`; returns what was agreed on, too.
async fn connect(
    gateway: &Running,
    ca: &str,
    alpn: &[&[u8]],
) -> (tokio_rustls::client::TlsStream<TcpStream>, Option<Vec<u8>>) {
    let mut roots = RootCertStore::empty();
    let own = CertificateDer::from_pem_slice(ca.as_bytes()).expect("PEM");
    roots.add(own).expect("a certificate");
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let socket = TcpStream::connect(gateway.tls[0])
        .await
        .expect("it listens");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .expect("TLS");
    let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    (stream, agreed)
}

fn request() -> http::Request<Full<Bytes>> {
    http::Request::post("https://localhost/v1/messages")
        .header("host", "localhost")
        .header("anthropic-version", "2023-06-01")
        .body(Full::from(MESSAGE))
        .expect("valid")
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_speak_tls_and_agree_on_a_version() {
    for (spoken, http, expected) in [
        (HttpVersions::Both, "auto", "HTTP/2.0"),
        (HttpVersions::Http1, "auto", "HTTP/1.1"),
        (HttpVersions::Both, "1.1", "HTTP/1.1"),
        (HttpVersions::Both, "2", "HTTP/2.0"),
    ] {
        let provider = provider(spoken).await;
        let (gateway, own) = gateway(&provider, provider.ca_pem(), http).await;

        let (stream, agreed) = connect(&gateway, &own, &[b"h2", b"http/1.1"]).await;
        assert_eq!(agreed.as_deref(), Some(&b"h2"[..]));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("HTTP/2");
        tokio::spawn(connection);
        let answer = sender.send_request(request()).await.expect("answered");
        assert_eq!(answer.status(), 200);
        assert!(
            !answer
                .into_body()
                .collect()
                .await
                .expect("whole")
                .to_bytes()
                .is_empty()
        );

        let (stream, agreed) = connect(&gateway, &own, &[b"http/1.1"]).await;
        assert_eq!(agreed.as_deref(), Some(&b"http/1.1"[..]));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/1.1");
        tokio::spawn(connection);
        assert_eq!(
            sender
                .send_request(request())
                .await
                .expect("answered")
                .status(),
            200
        );

        let seen = provider.control().last_request().expect("it arrived");
        assert_eq!(seen.version, expected, "{spoken:?} {http}");
        assert_eq!(seen.header("x-api-key").map(|key| &key[..3]), Some("sk-"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_verify_gets_no_key_and_the_client_a_clear_answer() {
    let real = provider(HttpVersions::Both).await;
    let impostor = provider(HttpVersions::Both).await;
    // Trusts another authority than the provider's.
    let (gateway, _) = gateway(&impostor, real.ca_pem(), "auto").await;
    let request = http::Request::post(format!("http://{}/v1/messages", gateway.clear[0]))
        .header("anthropic-version", "2023-06-01")
        .body(crate::house::full(MESSAGE))
        .expect("valid");

    let answer = http1().request(request).await.expect("answered");

    assert_eq!(answer.status(), 503);
    let body = answer
        .into_body()
        .collect()
        .await
        .expect("whole")
        .to_bytes();
    let body = String::from_utf8_lossy(&body);
    assert!(body.contains("cannot be reached"), "{body}");
    assert!(body.contains("certificate"), "{body}");
    assert_eq!(impostor.control().counters().requests, 0);
}
