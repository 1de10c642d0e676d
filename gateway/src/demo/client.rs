//! A client as an application would be: it knows a base URL, sends a request over a socket, reads
//! the answer to its end, and takes what it gets. It does not retry: that is the gateway's part.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::tally::{Effort, Failure};
use crate::headers::{ATTEMPTS, WAITED_MS};

/// How the demonstration's own requests are told from a visitor's.
pub(super) const USER_AGENT: &str = "keyweir-demo";

/// How much of an answer's end is kept: an error event, or the event that ends a good stream.
const TAIL: usize = 1024;

/// A client of the gateway.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    url: String,
}

/// What a client sends.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The JSON body.
    pub(super) body: String,
    /// Whether the body asks for a stream.
    pub(super) is_stream: bool,
    /// How many tokens the simulated model is to answer with.
    pub(super) output_tokens: u64,
}

impl Client {
    /// A client of the gateway at `address`.
    pub(super) fn new(address: SocketAddr) -> Self {
        let mut sockets = HttpConnector::new();
        sockets.set_nodelay(true);
        Self {
            http: Http::builder(TokioExecutor::new()).build(sockets),
            url: format!("http://{address}/v1/messages"),
        }
    }

    /// Sends `message` and reads the answer.
    pub(super) async fn ask(&self, message: Message) -> (Effort, Option<Failure>) {
        let is_stream = message.is_stream;
        let Ok(answer) = self.http.request(self.request(message)).await else {
            return (Effort::default(), Some(Failure::NoAnswer));
        };
        let effort = effort(answer.headers());
        let status = answer.status();
        let tail = tail(answer.into_body()).await;
        let failure = match tail {
            _ if !status.is_success() => Some(Failure::Status(status.as_u16())),
            Some(tail) if !is_stream || is_complete(&tail) => None,
            _ => Some(Failure::Broken),
        };
        (effort, failure)
    }

    fn request(&self, message: Message) -> Request<Full<Bytes>> {
        Request::post(&self.url)
            .header("content-type", "application/json")
            .header("anthropic-version", "2023-06-01")
            .header("user-agent", USER_AGENT)
            .header("x-sim-output-tokens", message.output_tokens)
            .body(Full::new(Bytes::from(message.body)))
            .expect("all parts are valid")
    }
}

fn effort(headers: &HeaderMap) -> Effort {
    let number = |name| -> Option<u64> { headers.get(name)?.to_str().ok()?.parse().ok() };
    Effort {
        attempts: number(ATTEMPTS).map_or(0, |attempts| attempts as u32),
        waited: Duration::from_millis(number(WAITED_MS).unwrap_or(0)),
    }
}

/// The end of a body; `None` if it broke off.
async fn tail(mut body: Incoming) -> Option<Vec<u8>> {
    let mut tail = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame.ok()?.into_data() {
            tail.extend_from_slice(&piece);
            tail.drain(..tail.len().saturating_sub(TAIL));
        }
    }
    Some(tail)
}

/// Whether a stream says of itself that it is complete.
fn is_complete(tail: &[u8]) -> bool {
    String::from_utf8_lossy(tail).contains("event: message_stop")
}
