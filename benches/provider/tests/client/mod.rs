//! A client for the tests: plain hyper, so that nothing is retried or hidden.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use simulated_provider::{Control, Counters, Provider, RunningProvider, World};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing in these tests takes longer.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Starts a provider for a test.
pub(crate) async fn start(world: World) -> RunningProvider {
    Provider::start(world).await.expect("a free port")
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// Whether the body ended as it should.
    pub(crate) complete: bool,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("text"))
    }

    /// The names and the data of the events of a stream.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        events(&self.body)
    }
}

pub(crate) fn events(text: &str) -> Vec<(String, Value)> {
    let parse = |event: &str| {
        let mut name = String::new();
        let mut data = Value::Null;
        for line in event.lines() {
            if let Some(rest) = line.strip_prefix("event: ") {
                name = rest.to_owned();
            } else if let Some(rest) = line.strip_prefix("data: ") {
                data = serde_json::from_str(rest).unwrap_or_else(|_| json!(rest));
            }
        }
        (name, data)
    };
    text.split("\n\n")
        .filter(|event| !event.is_empty())
        .map(parse)
        .collect()
}

/// An Anthropic request.
pub(crate) fn messages(key: &str, body: &Value) -> Request<Full<Bytes>> {
    anthropic(key, Method::POST, "/v1/messages", body.to_string())
}

pub(crate) fn anthropic(
    key: &str,
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("x-api-key", key)
        .header("anthropic-version", "2023-06-01")
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .expect("a request")
}

/// An OpenAI request.
pub(crate) fn openai(
    key: &str,
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .expect("a request")
}

/// The smallest message.
pub(crate) fn hello(stream: bool) -> Value {
    json!({
        "model": "claude-test-1",
        "max_tokens": 100,
        "stream": stream,
        "messages": [{ "role": "user", "content": "Hello there" }],
    })
}

/// Adds a header to a request.
pub(crate) fn with(
    mut request: Request<Full<Bytes>>,
    name: &'static str,
    value: &str,
) -> Request<Full<Bytes>> {
    request
        .headers_mut()
        .insert(name, value.parse().expect("a value"));
    request
}

/// Sends one request on a connection of its own; an error if the head never comes.
pub(crate) async fn send(
    addr: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Got, hyper::Error> {
    let response = open(addr, request).await?;
    Ok(collect(response).await)
}

/// Sends one request and returns at the head.
pub(crate) async fn open(
    addr: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, hyper::Error> {
    let mut sender = connect_h1(addr).await;
    let sent = timeout(LONG, sender.send_request(request));
    sent.await.expect("a head in time")
}

pub(crate) async fn connect_h1(addr: SocketAddr) -> http1::SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(addr).await.expect("it listens");
    let (sender, connection) = http1::handshake(TokioIo::new(socket))
        .await
        .expect("HTTP/1.1");
    tokio::spawn(connection);
    sender
}

/// The same over HTTP/2 in the clear.
pub(crate) async fn send_h2(
    addr: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Got, hyper::Error> {
    let mut sender = connect_h2(addr).await;
    let response = timeout(LONG, sender.send_request(absolute(addr, request)));
    Ok(collect(response.await.expect("a head in time")?).await)
}

pub(crate) async fn connect_h2(addr: SocketAddr) -> http2::SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(addr).await.expect("it listens");
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

/// HTTP/2 needs the authority in the URI, and no `host`.
pub(crate) fn absolute(
    addr: SocketAddr,
    mut request: Request<Full<Bytes>>,
) -> Request<Full<Bytes>> {
    let uri = format!("http://{addr}{}", request.uri());
    *request.uri_mut() = uri.parse().expect("a URI");
    request.headers_mut().remove("host");
    request
}

/// Reads a body to its end, whichever end that is.
pub(crate) async fn collect(response: Response<Incoming>) -> Got {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut complete = true;
    while let Some(frame) = timeout(LONG, body.frame()).await.expect("a frame in time") {
        match frame {
            Ok(frame) => bytes.extend_from_slice(frame.data_ref().expect("data")),
            Err(_) => {
                complete = false;
                break;
            }
        }
    }
    Got {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(bytes).expect("text"),
        complete,
    }
}

/// Waits until the counters are as they should be.
pub(crate) async fn until(control: &Control, what: &str, is: impl Fn(&Counters) -> bool) {
    let watch = async {
        while !is(&control.counters()) {
            tokio::task::yield_now().await;
        }
    };
    if timeout(LONG, watch).await.is_err() {
        panic!("never: {what}; {:?}", control.counters());
    }
}
