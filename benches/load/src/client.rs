//! A client's connection: one request after another, each answer checked.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::canned::Exchange;
use crate::wire::{Side, Wire};

/// Why a measurement is worthless.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The connection failed.
    Io(io::Error),
    /// It was not over within this time.
    TooLate(Duration),
    /// Something else than the right answer came.
    WrongAnswer {
        /// Its status.
        status: u16,
        /// How its content begins.
        content: String,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::TooLate(bound) => write!(f, "not over within {} s", bound.as_secs()),
            Self::WrongAnswer { status, content } => {
                write!(f, "not the right answer: status {status}, {content:?}")
            }
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A kept-alive connection.
#[derive(Debug)]
pub(crate) struct Client {
    wire: Wire,
    content: Vec<u8>,
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(to: SocketAddr) -> Result<Self, ClientError> {
        let wire = Wire::new(TcpStream::connect(to).await?)?;
        Ok(Self {
            wire,
            content: Vec::new(),
        })
    }

    /// Sends the request, and accepts exactly the answer that belongs to it. Returns how long
    /// that took.
    pub(crate) async fn exchange(&mut self, exchange: &Exchange) -> Result<Duration, ClientError> {
        let sent = Instant::now();
        let mut content = std::mem::take(&mut self.content);
        content.clear();
        let status = self
            .watch(&exchange.request, |piece| content.extend_from_slice(piece))
            .await?;
        let took = sent.elapsed();
        if status != 200 || content != exchange.answer {
            return Err(wrong(status, &content));
        }
        self.content = content;
        Ok(took)
    }

    /// Sends a request and gives the answer's content away as it comes. Returns the status.
    pub(crate) async fn watch(
        &mut self,
        request: &[u8],
        content: impl FnMut(&[u8]),
    ) -> Result<u16, ClientError> {
        self.wire.stream.write_all(request).await?;
        let head = self
            .wire
            .read_head(Side::Answer, &[])
            .await?
            .ok_or(io::Error::from(io::ErrorKind::ConnectionReset))?;
        self.wire.read_body(&head, content).await?;
        Ok(head.status)
    }
}

fn wrong(status: u16, content: &[u8]) -> ClientError {
    let beginning = &content[..content.len().min(300)];
    let content = String::from_utf8_lossy(beginning).into_owned();
    ClientError::WrongAnswer { status, content }
}

/// Bounds anything a client does: what takes longer is stuck, and the measurement void.
pub(crate) async fn within<T>(
    bound: Duration,
    work: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    match tokio::time::timeout(bound, work).await {
        Ok(done) => done,
        Err(_) => Err(ClientError::TooLate(bound)),
    }
}
