//! A provider that does what a test's script says, request by request, and a gateway before it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::api::Request;
use super::program::{Files, Program};
use super::wire::{Answer, Wire, find};

/// A request as the provider sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// How many came before.
    pub(crate) number: usize,
    /// Its request line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The number of the account whose key it came with.
    pub(crate) fn account(&self) -> usize {
        let (_, key) = self.head.split_once("sk-scripted-").expect("a key");
        let digits = key.split('-').next().expect("it has parts");
        digits.parse().expect("a number")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.unwrap_or_default().trim()
    }

    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).expect("a request line")
    }
}

/// What the provider does next.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Send(Vec<u8>),
    Pause(Duration),
    /// Nothing more, on a connection that stays open.
    Hold,
    Close,
}

/// An answer of JSON.
pub(crate) fn json(status: u16, headers: &str, body: &str) -> Vec<Act> {
    answer(
        status,
        &format!("content-type: application/json\r\n{headers}"),
        body,
    )
}

/// An answer with these headers, each with its line's end.
pub(crate) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<Act> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Said\r\n{headers}content-length: {length}\r\n\r\n");
    vec![Act::Send([head.as_bytes(), body].concat())]
}

/// The head of a stream with these headers.
pub(crate) fn stream_head(headers: &str) -> Act {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}transfer-encoding: chunked\r\n\r\n");
    Act::Send(head.into_bytes())
}

/// One chunk.
pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Act {
    let bytes = bytes.as_ref();
    let size = format!("{:x}\r\n", bytes.len());
    Act::Send([size.as_bytes(), bytes, b"\r\n"].concat())
}

/// The end of all chunks.
pub(crate) fn last_chunk() -> Act {
    Act::Send(b"0\r\n\r\n".to_vec())
}

/// A whole stream of events.
pub(crate) fn events(text: &str) -> Vec<Act> {
    vec![
        stream_head("content-type: text/event-stream\r\n"),
        chunk(text),
        last_chunk(),
    ]
}

type Script = dyn Fn(&Seen) -> Vec<Act> + Send + Sync;

/// The provider.
pub(crate) struct Scripted {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Scripted {
    pub(crate) async fn start(script: impl Fn(&Seen) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let script: Arc<Script> = Arc::new(script);
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&script), Arc::clone(&all)));
            }
        });
        Self { address, seen }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A policy's tables for it: provider `id`, with `more` lines, and its accounts.
    pub(crate) fn tables(&self, id: &str, more: &str, accounts: usize) -> String {
        let url = self.url();
        let mut tables = format!("\n[[provider]]\nid = \"{id}\"\nbase_url = \"{url}\"\n{more}\n");
        for number in 0..accounts {
            let _ = write!(
                tables,
                "\n[[account]]\nid = \"{id}-{number}\"\nprovider = \"{id}\"\n\
                 [[account.key]]\nid = \"{id}-{number}-key\"\n\
                 secret = \"sk-scripted-{number}-{id}-Wd5nRb8kQp2mZs7yTc3vLf6x\"\n",
            );
        }
        tables
    }

    /// A gateway before it that everybody on this machine may use; `settings` begin its policy.
    pub(crate) async fn gateway(&self, dialect: &str, accounts: usize, settings: &str) -> Program {
        let dialect = format!("dialect = \"{dialect}\"");
        open_gateway(settings, &self.tables("p", &dialect, accounts)).await
    }
}

/// A gateway without tenants.
pub(crate) async fn open_gateway(settings: &str, tables: &str) -> Program {
    let policy = format!(
        "{settings}\n[gateway]\nlisten = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n{tables}"
    );
    Program::start(Files::new(&policy), None, None).await
}

/// Sends a request on a connection of its own, and reads its answer.
pub(crate) async fn ask(gateway: &Program, request: &Request) -> Answer {
    let mut wire = Wire::connect(gateway.address).await;
    wire.send(request.bytes()).await;
    wire.answer().await
}

async fn serve(mut socket: TcpStream, script: Arc<Script>, all: Arc<Mutex<Vec<Seen>>>) {
    let _ = socket.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Some((head, body)) = read(&mut socket, &mut buffer).await {
        let seen = {
            let mut all = all.lock();
            let number = all.len();
            all.push(Seen { number, head, body });
            all[number].clone()
        };
        for act in script(&seen) {
            match act {
                Act::Send(bytes) => {
                    if socket.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Act::Pause(span) => tokio::time::sleep(span).await,
                Act::Hold => std::future::pending().await,
                Act::Close => return,
            }
        }
    }
}

/// The next request's head and body.
async fn read(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            let mut lines = head.lines();
            let length = lines.find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse().expect("a number"));
            let start = end + 4;
            if buffer.len() >= start + length {
                let body = buffer[start..start + length].to_vec();
                buffer.drain(..start + length);
                return Some((head, body));
            }
        }
        match socket.read(&mut piece).await {
            Ok(count @ 1..) => buffer.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
}
