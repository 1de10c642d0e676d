//! One request after the other on a connection, whichever version of HTTP it speaks.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::apps::{HttpPersistentSettings, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::HttpSession as Http2;

use crate::downstream::client::Client;
use crate::request;
use crate::runtime::gateway::Gateway;

/// Resolves when the gateway stops taking work.
pub(crate) type Closing<'a> = Pin<&'a mut (dyn Future<Output = ()> + Send)>;

/// How long the next request of a connection may take to arrive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For its head, once it has begun.
    pub(crate) head: Duration,
    /// For its beginning; `None`: it is the connection's first, and expected at once.
    pub(crate) idle: Option<Duration>,
}

/// Serves the next request of an HTTP/1.1 connection. Returns the connection if another may follow.
pub(crate) async fn serve_http1(
    gateway: &Arc<Gateway>,
    mut session: Box<ServerSession>,
    address: Option<IpAddr>,
    patience: Patience,
    closing: Closing<'_>,
) -> Option<ReusedHttpStream> {
    session.set_pipelining_enabled(true);
    let whole = patience.head + patience.idle.unwrap_or_default();
    let read = tokio::select! {
        biased;
        read = tokio::time::timeout(whole, session.read_request()) => read,
        () = closing => return None,
    };
    let mut client = Client::new(session, address, gateway.settings.timeouts.client_write);
    let refuse = match read {
        Ok(Ok(true)) => None,
        Ok(Ok(false)) => return None,
        Ok(Err(error)) => Some(request::unreadable(&error)),
        Err(_) if patience.idle.is_none() => Some(request::too_slow()),
        Err(_) => return None,
    };
    if let Some(refuse) = refuse {
        Box::pin(request::refuse_unread(gateway, &mut client, &refuse)).await;
        return None;
    }
    keep_alive(gateway, client.session());
    if !request::serve(gateway, &mut client).await {
        return None;
    }
    finish_http1(client.into_session()).await
}

/// Ends an answer, and keeps the connection if that is wanted.
async fn finish_http1(mut session: Box<ServerSession>) -> Option<ReusedHttpStream> {
    let settings = HttpPersistentSettings::for_session(&session);
    if let ServerSession::H1(http1) = &mut *session {
        http1.finish_body().await.ok()?;
    }
    let ServerSession::H1(http1) = *session else {
        return None;
    };
    let reusable = Box::pin(http1.reuse()).await.ok()??;
    Some(ReusedHttpStream::from_reusable_stream(reusable, settings))
}

/// Serves a request that came over HTTP/2.
pub(crate) async fn serve_http2(gateway: &Arc<Gateway>, session: Http2, address: Option<IpAddr>) {
    let session = Box::new(ServerSession::new_http2(session));
    let mut client = Client::new(session, address, gateway.settings.timeouts.client_write);
    if request::serve(gateway, &mut client).await {
        let _ = client.into_session().finish().await;
    }
}

/// Keeps the connection for another request, if the client wants that and the gateway goes on.
fn keep_alive(gateway: &Gateway, session: &mut ServerSession) {
    let wanted = session.get_keepalive().is_some();
    let idle = gateway.settings.timeouts.client_idle.as_secs().max(1);
    session.set_keepalive((wanted && gateway.lifecycle.ready()).then_some(idle));
}
