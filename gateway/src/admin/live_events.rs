//! `/events`: what `/status` says, once a second and soon after a notable event, as server-sent events (HTML standard, 9.2), for the
//! live page and `keyweir top`.
//!
//! Nothing is kept for who reads slowly: each event is made when the one before it was taken, and who
//! takes nothing for ten seconds is dropped. The document is made once for all who watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use parking_lot::Mutex;
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use pingora_http::ResponseHeader;
use tokio::time::Instant;

use super::answer::{answer, text};
use super::status::status;
use crate::runtime::gateway::Gateway;

/// How often the document is sent.
const EVERY: Duration = Duration::from_secs(1);

/// A document that is younger than this is sent again rather than made anew, and nobody is sent two
/// within this.
const FRESH: Duration = Duration::from_millis(200);

const MEDIA: &str = "text/event-stream";

/// How many may watch: operators are few, and each costs a document a second.
const WATCHERS_MAX: usize = 32;

/// Who watches, and what is sent.
#[derive(Debug, Default)]
pub(super) struct LiveEvents {
    watchers: AtomicUsize,
    latest: Mutex<Option<(Instant, Bytes)>>,
}

impl LiveEvents {
    /// Why one more may not watch; `None`: it may.
    pub(super) fn refusal(&self) -> Option<Response<Vec<u8>>> {
        let is_full = self.watchers.load(Ordering::Relaxed) >= WATCHERS_MAX;
        is_full.then(|| {
            let why = format!("{WATCHERS_MAX} readers of /events already; close one\n");
            text(StatusCode::SERVICE_UNAVAILABLE, why)
        })
    }

    /// Sends events until the other side leaves or the gateway stops.
    pub(super) async fn serve(
        &self,
        gateway: &Arc<Gateway>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) {
        let _watching = Watching::begin(&self.watchers);
        let mut shutdown = shutdown.clone();
        session.set_keepalive(None);
        let Ok(head) = head() else { return };
        if session.write_response_header(Box::new(head)).await.is_err() {
            return;
        }
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = gateway.events.next() => tokio::time::sleep(FRESH).await,
                _ = shutdown.changed() => return,
            }
            let event = self.event(gateway);
            if session.write_response_body(event, false).await.is_err() {
                return;
            }
        }
    }

    fn event(&self, gateway: &Gateway) -> Bytes {
        let mut latest = self.latest.lock();
        match &*latest {
            Some((made, event)) if made.elapsed() < FRESH => event.clone(),
            _ => {
                let event = Bytes::from(format!("event: status\ndata: {}\n\n", status(gateway)));
                *latest = Some((Instant::now(), event.clone()));
                event
            }
        }
    }
}

/// What is told of the stream without it.
pub(super) fn head_only() -> Response<Vec<u8>> {
    let mut answer = answer(StatusCode::OK, MEDIA, Vec::new());
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    answer
}

fn head() -> Result<ResponseHeader, Box<pingora_core::Error>> {
    let mut head = ResponseHeader::build(200, Some(4))?;
    head.insert_header("content-type", MEDIA)?;
    head.insert_header("cache-control", "no-store")?;
    head.insert_header("transfer-encoding", "chunked")?;
    head.insert_header("x-accel-buffering", "no")?;
    Ok(head)
}

/// One who watches, until dropped.
struct Watching<'a>(&'a AtomicUsize);

impl<'a> Watching<'a> {
    fn begin(watchers: &'a AtomicUsize) -> Self {
        watchers.fetch_add(1, Ordering::Relaxed);
        Self(watchers)
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
