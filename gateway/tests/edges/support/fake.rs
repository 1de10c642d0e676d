//! A provider that answers every request with the same bytes, when it is told to, and keeps what it
//! was sent, byte for byte.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::wire::find;

/// One such provider.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    go_on: watch::Sender<bool>,
}

impl Fake {
    /// Answers with `answer`, and closes.
    pub(crate) async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let (go_on, paused) = watch::channel(true);
        Self::serve(answer.into(), Vec::new(), go_on, paused).await
    }

    async fn serve(
        beginning: Vec<u8>,
        rest: Vec<u8>,
        go_on: watch::Sender<bool>,
        paused: watch::Receiver<bool>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let fake = Self {
            address: listener.local_addr().expect("bound"),
            seen: Arc::default(),
            go_on,
        };
        let seen = Arc::clone(&fake.seen);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (beginning, rest) = (beginning.clone(), rest.clone());
                let (seen, mut paused) = (Arc::clone(&seen), paused.clone());
                tokio::spawn(async move {
                    let mut socket = socket;
                    let Some(request) = read(&mut socket).await else {
                        return;
                    };
                    seen.lock().push(request);
                    let _ = socket.write_all(&beginning).await;
                    let _ = paused.wait_for(|go_on| *go_on).await;
                    let _ = socket.write_all(&rest).await;
                    close(socket).await;
                });
            }
        });
        fake
    }

    /// Answers with `beginning`, with `rest` once [`Self::go_on`] was called, and closes.
    pub(crate) async fn paused(beginning: &str, rest: &str) -> Self {
        let (go_on, paused) = watch::channel(false);
        Self::serve(beginning.into(), rest.into(), go_on, paused).await
    }

    /// Lets answers come to their end.
    pub(crate) fn go_on(&self) {
        self.go_on.send_replace(true);
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

/// A whole request.
async fn read(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while !is_whole(&request) {
        match socket.read(&mut buffer).await {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
    Some(request)
}

/// Closes after the other side has; with something unread it would be a reset.
async fn close(mut socket: TcpStream) {
    let _ = socket.shutdown().await;
    let mut buffer = [0; 1024];
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
