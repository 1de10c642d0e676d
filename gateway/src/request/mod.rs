//! A request's way through the gateway, top to bottom.
//!
//! ```text
//! head → route → authenticate → body → describe → admit ⇄ attempt → opening → deliver → record
//! ```
//!
//! Each step is a file of that name. Whatever stops a request on the way is a [`Stop`]; whatever
//! ends it, [`record`] counts and logs it once.

mod admit;
mod attempt;
mod authenticate;
mod body;
mod deliver;
mod describe;
mod exchange;
mod fallback;
mod head;
mod opening;
mod probe;
mod record;
mod refuse;
mod route;
mod settle;
mod stream;
mod unanswered;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use keyweir_policy::dialect::{Endpoint, RefusalKind, query_without_credentials};
use pingora_core::apps::{HttpPersistentSettings, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::HttpSession as Http2;

use crate::downstream::client::Client;
use crate::headers::ANTHROPIC_VERSION;
use crate::runtime::gateway::{Gateway, Live};
pub(crate) use crate::telemetry::outcome::Outcome;
use record::Record;
use refuse::Refuse;

/// Why a request goes no further.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It gets this answer.
    Refuse(Refuse),
    /// There is nobody left to answer.
    ClientLeft,
}

impl From<Refuse> for Stop {
    fn from(refuse: Refuse) -> Self {
        Self::Refuse(refuse)
    }
}

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
        Ok(Err(error)) => Some(head::unreadable(&error)),
        Err(_) if patience.idle.is_none() => Some(head::too_slow()),
        Err(_) => return None,
    };
    if let Some(refuse) = refuse {
        Box::pin(refuse_unread(gateway, &mut client, &refuse)).await;
        return None;
    }
    keep_alive(gateway, client.session());
    if !serve(gateway, &mut client).await {
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
    if serve(gateway, &mut client).await {
        let _ = client.into_session().finish().await;
    }
}

/// Keeps the connection for another request, if the client wants that and the gateway goes on.
fn keep_alive(gateway: &Gateway, session: &mut ServerSession) {
    let wanted = session.get_keepalive().is_some();
    let idle = gateway.settings.timeouts.client_idle.as_secs().max(1);
    session.set_keepalive((wanted && gateway.lifecycle.ready()).then_some(idle));
}

/// Answers what could not be read as a request.
async fn refuse_unread(gateway: &Gateway, client: &mut Client, refuse: &Refuse) {
    let live = gateway.live();
    client.has_head = false;
    let mut record = Record::new(route::likely_dialect(&live, false));
    let answered = refuse.answer(client, record.dialect, record.id).await;
    record.refused(refuse.reason, answered.unwrap_or(0));
    record.finish_unread(gateway, client);
    client.session().shutdown().await;
}

/// Serves one request. `true`: its answer is complete, and the connection as good as before.
async fn serve(gateway: &Arc<Gateway>, client: &mut Client) -> bool {
    let live = gateway.live();
    let is_anthropic = client.headers().contains_key(ANTHROPIC_VERSION);
    let mut record = Record::new(route::likely_dialect(&live, is_anthropic));
    let running = gateway
        .lifecycle
        .enter(gateway.settings.limits.requests_in_flight_max);
    let served = match running {
        Some(_) => handle(gateway, &live, client, &mut record).await,
        None => Err(too_many().into()),
    };
    let complete = match served {
        Ok(complete) => complete,
        Err(Stop::ClientLeft) => {
            record.client_left();
            false
        }
        Err(Stop::Refuse(refuse)) => match refuse.answer(client, record.dialect, record.id).await {
            Ok(status) => {
                record.refused(refuse.reason, status);
                true
            }
            Err(_) => {
                record.client_left();
                false
            }
        },
    };
    record.finish(gateway, &live, client);
    complete
}

fn too_many() -> Refuse {
    let message = "the gateway serves as many requests as it may; try again in 1 s";
    Refuse::new(RefusalKind::Overloaded, "too_many_requests", message).after(Duration::from_secs(1))
}

async fn handle(
    gateway: &Arc<Gateway>,
    live: &Arc<Live>,
    client: &mut Client,
    record: &mut Record,
) -> Result<bool, Stop> {
    record.see(client.head());
    if let Err(refuse) = head::check(client.session(), &gateway.settings.limits) {
        // Whoever gets a head wrong may disagree with us about where the request ends.
        client.session().set_keepalive(None);
        return Err(refuse.into());
    }
    let target = client.head().uri.path_and_query().cloned();
    let path = target.as_ref().map_or("/", http::uri::PathAndQuery::path);
    let is_anthropic = client.headers().contains_key(ANTHROPIC_VERSION);
    let method = client.head().method.clone();
    let routed = route::find(live, method.as_str(), path, is_anthropic)?;
    record.routed(&routed);
    if routed.route.endpoint == Endpoint::Probe {
        return probe::answer(client, record).await;
    }
    record.tenant = Some(authenticate::authenticate(live, client, routed.dialect)?);
    let body = body::read(gateway, client).await?;
    record.bytes_in = body.bytes.len() as u64;
    let description = describe::describe(live, &routed, record, &body)?;
    let provider = route::provider(live, &routed, description.model.as_deref())?;
    record.provider = Some(provider);
    record.model.clone_from(&description.model);
    record.stream = description.stream;
    let query = target.as_ref().and_then(|target| target.query());
    let query = query.map(query_without_credentials);
    let parts = exchange::Parts {
        gateway,
        live,
        provider,
        routed: &routed,
        query,
        description,
        body,
    };
    let job = Box::new(exchange::Job::new(parts, client, record));
    Box::pin(exchange::run(job, client, record)).await
}
