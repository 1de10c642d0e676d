//! A provider that answers every request with the same bytes, and keeps what it was sent, byte for
//! byte.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::wire::find;

/// One such provider.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Fake {
    /// Answers with `answer`, and closes.
    pub(crate) async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let fake = Self {
            address: listener.local_addr().expect("bound"),
            seen: Arc::default(),
        };
        let (seen, answer) = (Arc::clone(&fake.seen), answer.into());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, answer.clone(), Arc::clone(&seen)));
            }
        });
        fake
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Vec<u8>> {
        self.seen.lock().clone()
    }

    /// A policy's tables for it: provider `id`, speaking `dialect`.
    pub(crate) fn tables(&self, id: &str, dialect: &str) -> String {
        format!(
            "\n[[provider]]\nid = \"{id}\"\ndialect = \"{dialect}\"\nbase_url = \"http://{}\"\n\
             [[account]]\nid = \"{id}\"\nprovider = \"{id}\"\n\
             [[account.key]]\nid = \"{id}-key\"\nsecret = \"sk-fake-{id}-Wd5nRb8kQp2mZs7yTc3vLf6x\"\n",
            self.address
        )
    }
}

async fn converse(mut socket: TcpStream, answer: Vec<u8>, seen: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut request = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while !is_whole(&request) {
        match socket.read(&mut buffer).await {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
    seen.lock().push(request);
    let _ = socket.write_all(&answer).await;
    let _ = socket.shutdown().await;
    // Closing with something unread would be a reset.
    while matches!(socket.read(&mut buffer).await, Ok(1..)) {}
}

/// Whether a request has come with as much of a body as it announces.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = find(request, b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse().expect("a number"));
    request.len() - (end + 4) >= length
}
