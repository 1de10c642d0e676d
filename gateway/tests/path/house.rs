//! A simulated provider with a gateway before it, and clients for both versions of HTTP.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use keyweir::server::serve::{self, Options, Running};
use keyweir::telemetry::access_log::Target;
use simulated_provider::{Account, Control, HttpVersions, Provider, RunningProvider, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything here takes, on the slowest of machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type Body = BoxBody<Bytes, std::convert::Infallible>;
pub(crate) type Http = Client<HttpConnector, Body>;

/// A provider and a gateway.
pub(crate) struct House {
    pub(crate) provider: RunningProvider,
    pub(crate) gateway: Running,
}

/// How a [`House`] is built.
pub(crate) struct Plan {
    pub(crate) world: World,
    /// Goes to the top of the policy file.
    pub(crate) settings: String,
    /// Goes to its end.
    pub(crate) more: String,
    pub(crate) dialect: &'static str,
    pub(crate) upstream: &'static str,
}

impl Plan {
    /// Two accounts without limits, one key each.
    pub(crate) fn new() -> Self {
        Self::with(vec![
            Account::new("one", ["sk-one"]),
            Account::new("two", ["sk-two"]),
        ])
    }

    pub(crate) fn with(accounts: Vec<Account>) -> Self {
        let world = World {
            record_requests: 1000,
            record_body_bytes: 1 << 16,
            ..World::new(accounts)
        };
        Self {
            world,
            settings: String::new(),
            more: String::new(),
            dialect: "anthropic",
            upstream: "1.1",
        }
    }

    /// Adds lines to the policy file's beginning.
    pub(crate) fn set(mut self, lines: &str) -> Self {
        self.settings.push_str(lines);
        self.settings.push('\n');
        self
    }

    /// The HTTP spoken to the provider: `"1.1"` or `"2"`.
    pub(crate) fn upstream(mut self, version: &'static str) -> Self {
        self.upstream = version;
        self
    }

    pub(crate) async fn build(self) -> House {
        let mut world = self.world.clone();
        world.http = HttpVersions::Both;
        let provider = Provider::start(world).await.expect("the provider starts");
        let gateway = serve_before(provider.base_url(), &self).await;
        House { provider, gateway }
    }

    /// The policy file for a provider at `base_url`.
    pub(crate) fn policy(&self, base_url: &str) -> String {
        let mut text = format!(
            "{}\n[gateway]\nlisten = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n\n[[provider]]\n\
             id = \"sim\"\ndialect = \"{}\"\nbase_url = \"{base_url}\"\nhttp = \"{}\"\n",
            self.settings, self.dialect, self.upstream
        );
        for account in &self.world.accounts {
            let _ = write!(
                text,
                "\n[[account]]\nid = \"{}\"\nprovider = \"sim\"\n",
                account.name
            );
            for key in &account.keys {
                let _ = write!(
                    text,
                    "[[account.key]]\nid = \"{key}-label\"\nsecret = \"{key}\"\n"
                );
            }
        }
        text.push_str(&self.more);
        text
    }
}

/// A gateway, as `plan` says, before whatever listens at `base_url`.
pub(crate) async fn serve_before(base_url: &str, plan: &Plan) -> Running {
    let text = plan.policy(base_url);
    let files = [("keys.toml", text.as_str())];
    let (policy, _) = keyweir_policy::config::file::parse(&files, std::time::SystemTime::now())
        .unwrap_or_else(|report| panic!("{report}\n{text}"));
    let options = Options {
        access_log: Target::Off,
        ..Options::default()
    };
    serve::start(policy, &options)
        .await
        .unwrap_or_else(|error| panic!("the gateway starts: {error}"))
}

impl House {
    pub(crate) fn control(&self) -> &Control {
        self.provider.control()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.clear[0]
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Asks the gateway's operators' side.
    pub(crate) async fn admin(&self, path: &str) -> (StatusCode, String) {
        let address = self.gateway.admin.expect("it has one");
        let request = Request::get(format!("http://{address}{path}"))
            .body(empty())
            .expect("valid");
        let answer = http1().request(request).await.expect("answered");
        let status = answer.status();
        let body = answer
            .into_body()
            .collect()
            .await
            .expect("whole")
            .to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Sends a request, and reads its answer whole.
    pub(crate) async fn ask(&self, client: &Http, request: Request<Body>) -> Answer {
        let answer = client.request(request).await.expect("answered");
        Answer::read(answer).await
    }

    /// A request for a model's answer.
    pub(crate) fn message(&self, extra: &[(&str, &str)]) -> Request<Body> {
        self.post("/v1/messages", MESSAGE, extra)
    }

    /// A request for a model's answer as a stream.
    pub(crate) fn stream(&self, extra: &[(&str, &str)]) -> Request<Body> {
        self.post("/v1/messages", STREAM, extra)
    }

    pub(crate) fn post(&self, path: &str, body: &str, extra: &[(&str, &str)]) -> Request<Body> {
        let mut request = Request::post(self.url(path))
            .header("content-type", "application/json")
            .header("anthropic-version", "2023-06-01");
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        request.body(full(body.to_owned())).expect("valid")
    }

    pub(crate) fn get(&self, path: &str) -> Request<Body> {
        Request::get(self.url(path))
            .header("anthropic-version", "2023-06-01")
            .body(empty())
            .expect("valid")
    }

    /// Waits until the metrics hold this line.
    pub(crate) async fn until_metric(&self, line: &str) {
        let wait = async {
            while !self.admin("/metrics").await.1.lines().any(|it| it == line) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("it never came: {line}"));
    }

    /// Waits until nothing runs at the provider any more.
    pub(crate) async fn quiet(&self) {
        until("nothing runs", || {
            self.control().counters().requests_open == 0
        })
        .await;
    }
}

pub(crate) const MESSAGE: &str =
    r#"{"model":"claude-a","max_tokens":16,"messages":[{"role":"user","content":"hello"}]}"#;
pub(crate) const STREAM: &str = r#"{"model":"claude-a","max_tokens":400,"stream":true,"messages":[{"role":"user","content":"hello"}]}"#;

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// It broke off.
    pub(crate) broken: bool,
}

impl Answer {
    pub(crate) async fn read(answer: Response<Incoming>) -> Self {
        let (head, mut body) = answer.into_parts();
        let mut bytes = Vec::new();
        let mut broken = false;
        let read = async {
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |it| it)),
                    Err(_) => {
                        broken = true;
                        break;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("an answer ends");
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            broken,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// How many requests were sent for it.
    pub(crate) fn attempts(&self) -> u32 {
        self.header("x-keyweir-attempts").parse().unwrap_or(0)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The type that an error in Anthropic's dialect has.
    pub(crate) fn error_type(&self) -> String {
        let json = self.json();
        assert_eq!(json["type"], "error", "{}", self.body);
        json["error"]["type"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The names of the events of a stream.
    pub(crate) fn events(&self) -> Vec<&str> {
        let names = self
            .body
            .lines()
            .filter_map(|line| line.strip_prefix("event: "));
        names.collect()
    }
}

pub(crate) fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).boxed()
}

pub(crate) fn empty() -> Body {
    full(Bytes::new())
}

/// A body without a length, in pieces.
pub(crate) fn pieces(body: &Bytes, size: usize) -> Body {
    let pieces: Vec<_> = body
        .chunks(size)
        .map(|piece| Ok(Frame::data(body.slice_ref(piece))))
        .collect();
    BodyExt::boxed(StreamBody::new(futures::stream::iter(pieces)))
}

pub(crate) fn http1() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

pub(crate) fn http2() -> Http {
    Client::builder(TokioExecutor::new())
        .http2_only(true)
        .http2_initial_stream_window_size(1 << 20)
        .http2_initial_connection_window_size(1 << 21)
        .build_http()
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("it never came: {what}"));
}

/// A connection without a client's manners.
pub(crate) struct Raw {
    pub(crate) socket: TcpStream,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("it listens");
        socket.set_nodelay(true).expect("possible");
        Self { socket }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The other side may have closed already, which is what some tests are about.
        let _ = self.socket.write_all(bytes.as_ref()).await;
    }

    /// Reads one answer's head and as much of its body as `content-length` says.
    pub(crate) async fn answer(&mut self) -> String {
        let read = async {
            let mut bytes = Vec::new();
            loop {
                let text = String::from_utf8_lossy(&bytes);
                if let Some((head, body)) = text.split_once("\r\n\r\n")
                    && body.len() >= content_length(head)
                {
                    return text.into_owned();
                }
                let mut more = [0; 4096];
                match self.socket.read(&mut more).await {
                    Ok(0) | Err(_) => return String::from_utf8_lossy(&bytes).into_owned(),
                    Ok(count) => bytes.extend_from_slice(&more[..count]),
                }
            }
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("an answer or an end")
    }

    /// Everything until the other side closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self.socket.read_to_end(&mut bytes);
        let read = tokio::time::timeout(PATIENCE, read).await.expect("an end");
        // A reset is an end, too.
        drop(read);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the other side closes now, without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut byte = [0; 1];
        let read = tokio::time::timeout(PATIENCE, self.socket.read(&mut byte)).await;
        !matches!(read.expect("an end"), Ok(1..))
    }
}

fn content_length(head: &str) -> usize {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().expect("a number"))
}

/// The status of a raw answer.
pub(crate) fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1).unwrap_or_default();
    code.parse().unwrap_or(0)
}
