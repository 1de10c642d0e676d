//! A connection to which a test writes what it likes, and from which it reads HTTP/1.1 answers.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{PATIENCE, in_time};

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// One connection.
pub(crate) struct Wire {
    socket: Box<dyn Socket>,
    buffer: Vec<u8>,
    ended: bool,
}

/// An answer, as far as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// It came to the end that its head announces.
    pub(crate) whole: bool,
}

impl Answer {
    /// The first value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| std::str::from_utf8(value).expect("text"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// How many requests were sent for it.
    pub(crate) fn attempts(&self) -> u32 {
        self.header("x-keyweir-attempts").parse().unwrap_or(0)
    }

    fn announces(&self, name: &str, value: &str) -> bool {
        self.header(name).eq_ignore_ascii_case(value)
    }
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("it listens");
        socket.set_nodelay(true).expect("possible");
        Self::over(socket)
    }

    /// On a socket that is connected already.
    pub(crate) fn over(socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self {
            socket: Box::new(socket),
            buffer: Vec::new(),
            ended: false,
        }
    }

    /// Writes; `false` if the other side takes no more, which is what some tests are about.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = async {
            self.socket.write_all(bytes.as_ref()).await?;
            self.socket.flush().await
        };
        in_time("writing", sent).await.is_ok()
    }

    /// Ends our side only.
    pub(crate) async fn half_close(&mut self) {
        let _ = self.socket.shutdown().await;
    }

    /// Reads an answer to its end; informational ones are skipped.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        while answer.status / 100 == 1 {
            answer = self.head().await;
        }
        self.body(&mut answer, |_| false).await;
        answer
    }

    /// Reads an answer's head. Status 0: the connection ended before it.
    pub(crate) async fn head(&mut self) -> Answer {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return parse_head(&head);
            }
            if !self.fill().await {
                return Answer::default();
            }
        }
    }

    /// Reads more of the body, until its end or until `enough` says so of what has come.
    pub(crate) async fn body(&mut self, answer: &mut Answer, enough: impl Fn(&str) -> bool) {
        loop {
            self.take_body(answer);
            if answer.whole || enough(&answer.text()) || !self.fill().await {
                break;
            }
        }
        self.take_body(answer);
        let until_end = answer.status != 0
            && answer.header("content-length").is_empty()
            && !answer.announces("transfer-encoding", "chunked");
        answer.whole |= until_end && self.ended;
    }

    fn take_body(&mut self, answer: &mut Answer) {
        if answer.whole {
            return;
        }
        let no_body = matches!(answer.status, 204 | 304);
        if answer.announces("transfer-encoding", "chunked") {
            while let Some((chunk, used)) = first_chunk(&self.buffer) {
                answer.body.extend_from_slice(&self.buffer[chunk.clone()]);
                self.buffer.drain(..used);
                if chunk.is_empty() {
                    answer.whole = true;
                    return;
                }
            }
        } else if let Ok(length) = answer.header("content-length").parse::<usize>() {
            let missing = length - answer.body.len();
            let come = missing.min(self.buffer.len());
            answer.body.extend(self.buffer.drain(..come));
            answer.whole = come == missing;
        } else {
            answer.body.append(&mut self.buffer);
        }
        answer.whole |= no_body;
    }

    /// Whether the other side closes, or has closed, without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill().await
    }

    /// All that comes until the other side closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.buffer)
    }

    async fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let mut more = [0; 16 * 1024];
        let read = tokio::time::timeout(PATIENCE, self.socket.read(&mut more)).await;
        match read.expect("an answer or an end") {
            Ok(count @ 1..) => self.buffer.extend_from_slice(&more[..count]),
            Ok(0) | Err(_) => self.ended = true,
        }
        !self.ended
    }
}

fn parse_head(head: &[u8]) -> Answer {
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    assert!(first.starts_with("HTTP/1."), "no HTTP: {first}");
    let status = first.split(' ').nth(1).unwrap_or_default();
    let headers = lines.filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).to_lowercase();
        Some((name, line[colon + 1..].trim_ascii().to_vec()))
    });
    Answer {
        status: status.parse().expect("a status"),
        headers: headers.collect(),
        ..Answer::default()
    }
}

/// Where the first chunk's bytes are, and how much of `bytes` it takes with its frame.
fn first_chunk(bytes: &[u8]) -> Option<(std::ops::Range<usize>, usize)> {
    let line = find(bytes, b"\r\n")?;
    let size = std::str::from_utf8(&bytes[..line]).expect("a chunk's size");
    let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
    let start = line + 2;
    let end = start + size + 2;
    (bytes.len() >= end).then_some((start..start + size, end))
}

pub(crate) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
