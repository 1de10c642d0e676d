//! The provider as a thing that runs: TLS, shutdown, control, recording, its program.

mod client;

use std::sync::Arc;

use client::{LONG, anthropic, collect, hello, messages, openai, send, start, with};
use http::Method;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use simulated_provider::{Account, HttpVersions, Limits, RunningProvider, Tls, World};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn secured(
    provider: &RunningProvider,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let ca = provider.ca_pem().expect("it serves TLS");
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).expect("PEM"))
        .expect("an authority");
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let socket = TcpStream::connect(provider.addr()).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

fn with_tls(tls: Tls, http: HttpVersions) -> World {
    World {
        tls: Some(tls),
        http,
        ..World::unlimited("k")
    }
}

#[tokio::test]
async fn tls_serves_both_versions_by_alpn() {
    let provider = start(with_tls(Tls::default(), HttpVersions::Both)).await;
    assert!(provider.base_url().starts_with("https://127.0.0.1:"));
    let socket = secured(&provider, &[b"h2", b"http/1.1"])
        .await
        .expect("a handshake");
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    let request = client::absolute(provider.addr(), messages("k", &hello(true)));
    let got = collect(sender.send_request(request).await.expect("a head")).await;
    assert!(got.complete && got.body.contains("message_stop"));

    let socket = secured(&provider, &[b"http/1.1"])
        .await
        .expect("a handshake");
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket))
        .await
        .expect("HTTP/1.1");
    tokio::spawn(connection);
    let head = sender
        .send_request(messages("k", &hello(true)))
        .await
        .expect("a head");
    assert!(collect(head).await.complete);
}

#[tokio::test]
async fn certificate_can_be_wrong_on_purpose() {
    let expired = Tls {
        expired: true,
        ..Tls::default()
    };
    let elsewhere = Tls {
        names: vec!["elsewhere.test".into()],
        ..Tls::default()
    };
    for tls in [expired, elsewhere] {
        let provider = start(with_tls(tls, HttpVersions::Http1)).await;
        assert!(secured(&provider, &[b"http/1.1"]).await.is_err());
    }
}

#[tokio::test]
async fn shutdown_closes_what_is_open() {
    let provider = start(World::unlimited("k")).await;
    let addr = provider.addr();
    let slow = with(
        messages("k", &hello(true)),
        "x-sim-chunk-interval-ms",
        "3600000",
    );
    let response = client::open(addr, slow).await.expect("a head");
    let control = provider.control().clone();
    provider.shutdown().await;
    assert!(!collect(response).await.complete);
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens");
    assert_eq!(control.counters().connections_open, 0);
}

#[tokio::test]
async fn requests_are_recorded_as_they_arrived() {
    let world = World {
        record_requests: 2,
        record_body_bytes: 10,
        ..World::unlimited("k")
    };
    let provider = start(world).await;
    for index in 0..3 {
        let mut request = messages("k", &hello(false));
        *request.uri_mut() = format!("/v1/messages?n={index}").parse().expect("a URI");
        send(provider.addr(), with(request, "x-unknown", "kept"))
            .await
            .expect("an answer");
    }
    let requests = provider.control().requests();
    let uris: Vec<&str> = requests
        .iter()
        .map(|request| request.uri.as_str())
        .collect();
    assert_eq!(uris, ["/v1/messages?n=1", "/v1/messages?n=2"]);
    let last = provider.control().last_request().expect("a request");
    assert_eq!(last.header("x-unknown"), Some("kept"));
    assert_eq!(last.header("x-api-key"), Some("k"));
    assert_eq!(last.body_len as usize, hello(false).to_string().len());
    assert_eq!((last.body.len(), last.body_sha256.len()), (10, 64));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn control_is_served_over_http_where_it_is_wanted() {
    let account = Account::new("a", ["k"]).with(Limits::three(60, 60_000, 60_000));
    let world = World {
        control: true,
        ..World::new(vec![account])
    };
    let provider = start(world).await;
    let call = |method: Method, path: &str, body: Value| {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = openai("", method, &format!("/_control/{path}"), body);
        let addr = provider.addr();
        async move { send(addr, request).await.expect("an answer") }
    };
    let rule = json!({ "fault": { "kind": "overloaded" }, "key": "k" });
    let id = call(Method::POST, "faults", rule).await.json()["id"].clone();
    let message = || send(provider.addr(), messages("k", &hello(false)));
    assert_eq!(message().await.expect("an answer").status, 529);
    let faults = call(Method::GET, "faults", Value::Null).await.json();
    assert_eq!((&faults[0]["id"], &faults[0]["struck"]), (&id, &json!(1)));
    let gone = call(Method::DELETE, &format!("faults/{id}"), Value::Null).await;
    assert_eq!(gone.json()["struck"], 1);
    assert_eq!(message().await.expect("an answer").status, 200);

    let counters = call(Method::GET, "counters", Value::Null).await.json();
    assert_eq!(counters["by_status"], json!({ "200": 1, "529": 1 }));
    let levels = call(Method::GET, "accounts/a/levels", Value::Null)
        .await
        .json();
    assert_eq!(levels[0]["group"], "claude-test-1");
    let limits = json!({ "requests_per_minute": 0 });
    assert_eq!(
        call(Method::PUT, "accounts/a/limits", limits).await.status,
        200
    );
    assert_eq!(message().await.expect("an answer").status, 429);
    assert_eq!(
        call(Method::DELETE, "keys/k", Value::Null).await.status,
        200
    );
    assert_eq!(message().await.expect("an answer").status, 401);
    assert_eq!(
        call(Method::POST, "accounts/a/keys", json!("new"))
            .await
            .status,
        200
    );
    assert_eq!(
        call(Method::POST, "accounts/b/keys", json!("new"))
            .await
            .status,
        404
    );
    assert_eq!(
        call(Method::PUT, "accounts/a/lies", json!(["truth"]))
            .await
            .status,
        400
    );
    assert_eq!(
        call(Method::DELETE, "counters", Value::Null).await.status,
        200
    );
    assert_eq!(provider.control().counters().requests, 0);

    let closed = start(World::unlimited("k")).await;
    let request = anthropic("k", Method::GET, "/_control/counters", "");
    assert_eq!(
        send(closed.addr(), request)
            .await
            .expect("an answer")
            .status,
        404
    );
}

#[tokio::test]
async fn program_prints_its_base_url_and_stops_when_told() {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_simulated-provider"))
        .args(["--demo", "--port", "0", "--control"])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = tokio::time::timeout(LONG, lines.next_line())
        .await
        .expect("in time");
    let url = line.expect("text").expect("a line");
    let addr = url
        .strip_prefix("http://")
        .expect("a URL")
        .parse()
        .expect("an address");
    let quick = with(
        messages("sk-ember-1", &hello(false)),
        "x-sim-first-token-ms",
        "0",
    );
    let quick = with(
        with(quick, "x-sim-chunk-interval-ms", "0"),
        "x-sim-head-ms",
        "0",
    );
    assert_eq!(send(addr, quick).await.expect("an answer").status, 200);
    let pid = child.id().expect("it runs").to_string();
    let told = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status();
    assert!(told.expect("kill runs").success());
    let ended = tokio::time::timeout(LONG, child.wait())
        .await
        .expect("in time");
    assert!(ended.expect("a status").success());
}

#[test]
fn world_is_read_from_toml_and_mistakes_are_told() {
    let world = World::from_toml(
        r#"
        seed = 7
        models = ["claude-*"]
        [latency]
        tokens_per_sec = 50
        [[model_group]]
        id = "opus-4"
        models = ["claude-opus-4*"]
        [[account]]
        name = "a"
        keys = ["k1", "k2"]
        lies = ["reset_past"]
        [[account.limit]]
        group = "opus-4"
        requests_per_minute = 60
        burst_secs = 1.5
        [[fault]]
        key = "k2"
        probability = 0.5
        fault = { kind = "stall", at = { after_chunks = 2 }, secs = 1.0 }
        "#,
    )
    .expect("a world");
    assert_eq!(world.accounts[0].limits[0].burst_secs, Some(1.5));
    let text = toml::to_string(&World::demo()).expect("TOML");
    assert_eq!(World::from_toml(&text).expect("a world").accounts.len(), 5);
    let example = include_str!("../world.example.toml");
    let example = World::from_toml(example).expect("a world");
    assert_eq!(example.accounts[0].limits.len(), 2);
    let error = World::from_toml("sed = 7")
        .expect_err("a mistake")
        .to_string();
    assert!(error.contains("unknown field `sed`"), "{error}");
}
