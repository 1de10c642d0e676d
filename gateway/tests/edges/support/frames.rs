//! HTTP/2, frame by frame: what no client library would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{PATIENCE, in_time};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A connection.
pub(crate) struct Frames {
    socket: TcpStream,
}

/// A frame that came.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frames {
    /// Connects, and begins as clients do.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut frames = Self::silent(address).await;
        frames.write(PREFACE).await;
        frames.send(SETTINGS, 0, 0, &[]).await;
        frames
    }

    /// Connects, and says nothing.
    pub(crate) async fn silent(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("it listens");
        socket.set_nodelay(true).expect("possible");
        Self { socket }
    }

    /// The provider's side of a connection.
    pub(crate) const fn of(socket: TcpStream) -> Self {
        Self { socket }
    }

    /// Reads what clients begin with.
    pub(crate) async fn read_preface(&mut self) -> Option<()> {
        let mut preface = [0; PREFACE.len()];
        let read = in_time("a preface", self.socket.read_exact(&mut preface)).await;
        read.ok().filter(|_| preface == *PREFACE).map(drop)
    }

    /// Writes bytes; `false` if the other side takes no more.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        in_time("writing", self.socket.write_all(bytes))
            .await
            .is_ok()
    }

    /// Writes a frame.
    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&frame(kind, flags, stream, payload)).await
    }

    /// The next frame, or the end.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let read = async {
            let mut head = [0; 9];
            self.socket.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.socket.read_exact(&mut payload).await.ok()?;
            Some(Frame {
                kind: head[3],
                flags: head[4],
                stream: u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]),
                payload,
            })
        };
        let read = tokio::time::timeout(PATIENCE, read).await;
        read.expect("a frame or an end")
    }

    /// Reads on until a frame of this kind on this stream; `None` if the connection ends before.
    pub(crate) async fn wait_for(&mut self, kind: u8, stream: u32) -> Option<Frame> {
        while let Some(frame) = self.next().await {
            if frame.kind == kind && frame.stream == stream {
                return Some(frame);
            }
        }
        None
    }

    /// Reads on to the end of the connection; the error code of the last `GOAWAY`, if there was one.
    pub(crate) async fn end(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.next().await {
            if frame.kind == GOAWAY {
                code = frame
                    .payload
                    .get(4..8)
                    .map(|code| u32::from_be_bytes(code.try_into().expect("four bytes")));
            }
        }
        code
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A header block, without any compression.
pub(crate) fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.push(0);
        push_text(&mut bytes, name);
        push_text(&mut bytes, value);
    }
    bytes
}

/// The header block of a request that is right; the method and path first.
pub(crate) fn request(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut headers = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", path),
        ("x-api-key", super::api::CLIENT_KEY),
        ("anthropic-version", "2023-06-01"),
        ("content-type", "application/json"),
    ];
    headers.extend_from_slice(more);
    block(&headers)
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        bytes.push(length as u8);
    } else {
        bytes.push(127);
        length -= 127;
        while length >= 128 {
            bytes.push((length % 128) as u8 | 128);
            length /= 128;
        }
        bytes.push(length as u8);
    }
    bytes.extend_from_slice(text.as_bytes());
}

/// Whether a header block says 200, which every encoder takes from the static table.
pub(crate) fn is_ok(frame: &Frame) -> bool {
    // Changes of the table's size may stand before it.
    let first = frame.payload.iter().find(|byte| **byte >> 5 != 1);
    first == Some(&0x88)
}
