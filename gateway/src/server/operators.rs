//! Connections of operators, secured where the policy says so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::ServerApp;
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::Stream;
use pingora_core::protocols::l4::stream::Stream as Socket;
use pingora_core::server::ShutdownWatch;

use crate::admin::Admin;
use crate::admin::crowd::Crowd;

/// How long an operator's end may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves connections of operators.
pub(crate) struct Operators {
    admin: Arc<Admin>,
    tls: Option<Acceptor>,
    /// Those who have not shaken hands yet.
    shaking: Crowd,
}

impl Operators {
    /// In clear, unless there is an acceptor.
    pub(crate) fn new(admin: Admin, tls: Option<Acceptor>) -> Self {
        Self {
            admin: Arc::new(admin),
            tls,
            shaking: Crowd::default(),
        }
    }

    /// `None`: the other end does not shake hands, not in time, or gives way to others.
    async fn secure(&self, acceptor: &Acceptor, stream: Stream) -> Option<Stream> {
        let socket = stream.into_any().downcast::<Socket>().ok()?;
        let mut shaking = self.shaking.enter();
        let shake = tokio::time::timeout(HANDSHAKE, acceptor.tls_handshake(*socket));
        let shaken = tokio::select! {
            shaken = shake => shaken.ok()?,
            () = shaking.gives_way() => return None,
        };
        match shaken {
            Ok(secured) => Some(Box::new(secured)),
            Err(error) => {
                tracing::debug!(%error, "an operator's TLS handshake failed");
                None
            }
        }
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
