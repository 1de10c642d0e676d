//! Reads HTTP/1.1 messages off a socket, for the client's side and for the upstream's.
//!
//! Written by hand because the generator shares two cores with what it measures: a general client
//! (hyper) takes about as many cycles per request as the proxy under test, and would be half of
//! every figure. This knows exactly the messages that occur here: a head of at most 64 headers, a
//! body by length or chunked.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::chunked::{Decoder, NotChunked};

const HEADERS_MAX: usize = 64;
/// Larger than any head; small, because a measurement holds thousands of these.
const READ_BYTES: usize = 4 * 1024;
/// For bodies of megabytes.
const READ_BYTES_LARGE: usize = 256 * 1024;

/// The parts of a head that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Of an answer; 0 in a request.
    pub(crate) status: u16,
    body: Body,
    /// Values of the headers that were asked for, in that order.
    pub(crate) wanted: Vec<Option<String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Body {
    #[default]
    Empty,
    Length(u64),
    Chunked,
}

/// Which kind of message is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The upstream reads requests.
    Request,
    /// The client reads answers.
    Answer,
}

/// A connection and what was read ahead from it.
#[derive(Debug)]
pub(crate) struct Wire {
    /// The socket, for writing.
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Wire {
    /// Takes over a connected socket and switches off Nagle's algorithm on it.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; READ_BYTES],
            start: 0,
            end: 0,
        })
    }

    /// Reads a head. `None`: the peer closed between two messages.
    pub(crate) async fn read_head(
        &mut self,
        side: Side,
        wanted: &[&str],
    ) -> io::Result<Option<Head>> {
        loop {
            if self.start < self.end
                && let Some((head, used)) = parse(self.unread(), side, wanted)?
            {
                self.start += used;
                return Ok(Some(head));
            }
            let empty = self.start == self.end;
            if self.fill().await? == 0 {
                return if empty { Ok(None) } else { Err(cut()) };
            }
        }
    }

    /// Reads the body that belongs to `head`, giving each piece to `content` as it comes.
    pub(crate) async fn read_body(
        &mut self,
        head: &Head,
        mut content: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        match head.body {
            Body::Empty => Ok(()),
            Body::Length(length) => self.read_length(length, &mut content).await,
            Body::Chunked => self.read_chunked(&mut content).await,
        }
    }

    async fn read_length(
        &mut self,
        mut left: u64,
        content: &mut impl FnMut(&[u8]),
    ) -> io::Result<()> {
        if left > READ_BYTES_LARGE as u64 {
            self.buffer.resize(READ_BYTES_LARGE, 0);
        }
        while left > 0 {
            if self.start == self.end && self.fill().await? == 0 {
                return Err(cut());
            }
            let unread = self.unread();
            let take = usize::try_from(left).map_or(unread.len(), |left| left.min(unread.len()));
            content(&unread[..take]);
            self.start += take;
            left -= take as u64;
        }
        Ok(())
    }

    async fn read_chunked(&mut self, content: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let mut decoder = Decoder::default();
        loop {
            let used = decoder
                .feed(self.unread(), &mut *content)
                .map_err(|NotChunked| invalid("not chunked coding"))?;
            self.start += used;
            if decoder.is_done() {
                return Ok(());
            }
            if self.fill().await? == 0 {
                return Err(cut());
            }
        }
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.make_room()?;
        let read = self.stream.read(&mut self.buffer[self.end..]).await?;
        self.end += read;
        Ok(read)
    }

    fn make_room(&mut self) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            return Err(invalid("a head larger than any that occurs here"));
        }
        Ok(())
    }
}

fn parse(bytes: &[u8], side: Side, wanted: &[&str]) -> io::Result<Option<(Head, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let (status, parsed) = match side {
        Side::Request => {
            let mut request = httparse::Request::new(&mut headers);
            let parsed = request.parse(bytes);
            (0, parsed)
        }
        Side::Answer => {
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response.parse(bytes);
            (response.code.unwrap_or(0), parsed)
        }
    };
    match parsed.map_err(|error| invalid(&format!("not HTTP/1.1: {error}")))? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(used) => {
            let mut head = Head {
                status,
                wanted: vec![None; wanted.len()],
                ..Head::default()
            };
            for header in headers.iter().take_while(|header| !header.name.is_empty()) {
                note(&mut head, header, wanted)?;
            }
            Ok(Some((head, used)))
        }
    }
}

fn note(head: &mut Head, header: &httparse::Header<'_>, wanted: &[&str]) -> io::Result<()> {
    let text = || std::str::from_utf8(header.value).unwrap_or_default().trim();
    if header.name.eq_ignore_ascii_case("content-length") {
        let length = text()
            .parse()
            .map_err(|_| invalid("content-length is no number"))?;
        head.body = Body::Length(length);
    } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
        head.body = Body::Chunked;
    }
    let slot = wanted
        .iter()
        .position(|name| header.name.eq_ignore_ascii_case(name));
    if let Some(slot) = slot {
        head.wanted[slot] = Some(text().to_owned());
    }
    Ok(())
}

fn cut() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the connection was cut inside a message",
    )
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
