//! Connections of operators, secured where the policy says so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::ServerApp;
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::Stream;
use pingora_core::protocols::l4::stream::Stream as Socket;
use pingora_core::server::ShutdownWatch;
use tokio::sync::Semaphore;

use crate::admin::Admin;

/// How long an operator's end may take to shake hands, its turn included.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at a time: each costs a millisecond of the processor, which requests need.
const HANDSHAKES_MAX: usize = 64;

/// Serves connections of operators.
pub(crate) struct Operators {
    admin: Arc<Admin>,
    tls: Option<Acceptor>,
    turns: Semaphore,
}

impl Operators {
    /// In clear, unless there is an acceptor.
    pub(crate) fn new(admin: Admin, tls: Option<Acceptor>) -> Self {
        Self {
            admin: Arc::new(admin),
            tls,
            turns: Semaphore::new(HANDSHAKES_MAX),
        }
    }

    /// `None`: the other end does not shake hands, or not in time.
    async fn secure(&self, acceptor: &Acceptor, stream: Stream) -> Option<Stream> {
        let socket = stream.into_any().downcast::<Socket>().ok()?;
        let shake = async {
            let _turn = self.turns.acquire().await.ok()?;
            match acceptor.tls_handshake(*socket).await {
                Ok(secured) => Some(Box::new(secured) as Stream),
                Err(error) => {
                    tracing::debug!(%error, "an operator's TLS handshake failed");
                    None
                }
            }
        };
        tokio::time::timeout(HANDSHAKE, shake).await.ok()?
    }
}

#[async_trait]
impl ServerApp for Operators {
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let is_new = stream.get_ssl_digest().is_none();
        let stream = match &self.tls {
            // A connection that goes on comes here again.
            Some(acceptor) if is_new => Box::pin(self.secure(acceptor, stream)).await?,
            _ => stream,
        };
        self.admin.process_new(stream, shutdown).await
    }
}
