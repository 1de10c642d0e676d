//! What operators ask the gateway, and have it do: is it alive, does it take work, what has it counted,
//! what does it know of its pool and why; holds on keys and accounts; the live page. One file per page.
//!
//! On an address of its own, so that it need not be open to whoever may send requests.

mod access;
mod answer;
mod assets;
mod budgets;
pub(crate) mod crowd;
mod evidence;
mod explain;
mod explained;
mod group_name;
mod health;
mod issuers;
mod limits;
mod live_events;
mod metrics;
mod moments;
mod operate;
mod query;
mod reload;
mod route;
mod state;
mod status;
mod unread;
mod usage;
mod why;

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response, StatusCode, Version, header};
use pingora_core::apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use pingora_http::ResponseHeader;

use self::answer::WRITE;
use self::crowd::Crowd;
use self::live_events::LiveEvents;
use self::query::Query;
use self::route::Route;
use crate::downstream::loopback::is_loopback;
use crate::runtime::gateway::Gateway;
use crate::runtime::reload::Reloader;

/// How long a connection may be idle between two questions, in seconds.
const KEEPALIVE_SECS: u64 = 60;

/// Answers operators.
pub(crate) struct Admin {
    gateway: Arc<Gateway>,
    reloader: Arc<Reloader>,
    events: LiveEvents,
    crowd: Crowd,
}

#[async_trait]
impl HttpServerApp for Admin {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let mut idle = self.crowd.enter();
        let asked = tokio::select! {
            asked = session.read_request() => asked,
            () = idle.gives_way() => return None,
        };
        drop(idle);
        match asked {
            Ok(true) => {}
            // The other side has gone.
            Ok(false) => return None,
            Err(error) => {
                unread::refuse(session, &error, self.crowd.enter()).await;
                return None;
            }
        }
        let goes_on = wants_more(&session) && !*shutdown.borrow();
        session.set_keepalive(goes_on.then_some(KEEPALIVE_SECS));
        session.set_write_timeout(Some(WRITE));
        match self.answer(&session).await {
            Some(answer) => write(session, answer).await,
            None => {
                self.events.serve(&self.gateway, session, shutdown).await;
                None
            }
        }
    }
}

impl Admin {
    pub(crate) fn new(gateway: Arc<Gateway>, reloader: Arc<Reloader>) -> Self {
        Self {
            gateway,
            reloader,
            events: LiveEvents::default(),
            crowd: Crowd::default(),
        }
    }

    /// The answer; `None`: it is a stream of events.
    async fn answer(&self, session: &ServerSession) -> Option<Response<Vec<u8>>> {
        let head = session.req_header();
        let gateway = &self.gateway;
        let route = match route::find(&head.method, head.uri.path()) {
            Ok(route) => route,
            Err(answer) => return Some(*answer),
        };
        let live = gateway.live();
        let settings = live.settings();
        let tls = settings.admin_tls.as_deref();
        let guard = access::Guard {
            token: live.admin_token.as_ref(),
            asks_for_certificate: tls.is_some_and(|tls| tls.client_ca_file.is_some()),
            has_certificate: has_certificate(session),
            is_local: settings.admin.is_some_and(|admin| is_loopback(admin.ip())),
        };
        let refused = access::check(&route, (head.raw_path(), &head.headers), guard);
        if refused.is_some() {
            return refused;
        }
        let query = head.uri.query().unwrap_or_default();
        if matches!(route, Route::Reload | Route::Operate(..))
            && let Err(why) = Query::read(query, &[])
        {
            return Some(answer::text(StatusCode::BAD_REQUEST, format!("{why}\n")));
        }
        Some(match route {
            Route::Healthz => health::alive(),
            Route::Readyz => health::ready(gateway),
            Route::Metrics => metrics::page(gateway),
            Route::Status => status::page(gateway),
            Route::Usage => usage::page(gateway, query),
            Route::Evidence => evidence::page(gateway, query),
            Route::Reload => reload::answer(gateway, &self.reloader).await,
            Route::Operate(kind, id, action) => operate::operate(gateway, kind, &id, action),
            Route::Explain => explain::page(gateway, query),
            Route::Explained(id) => explained::page(gateway, &id),
            Route::Asset(asset) => asset.page(),
            Route::Events if head.method == Method::HEAD => live_events::head_only(),
            Route::Events => return self.events.refusal(),
        })
    }
}

/// Whether another question may follow: as said, or as its version of HTTP has it (RFC 9112, section 9.3).
fn wants_more(session: &ServerSession) -> bool {
    let head = session.req_header();
    let said = head.headers.get_all(header::CONNECTION).iter();
    let said = said.filter_map(|it| it.to_str().ok());
    let mut said = said.flat_map(|it| it.split(',')).map(str::trim);
    if head.version == Version::HTTP_11 {
        !said.any(|it| it.eq_ignore_ascii_case("close"))
    } else {
        said.any(|it| it.eq_ignore_ascii_case("keep-alive"))
    }
}

/// Whether the other end has shown a certificate. One that is not right ends the handshake.
fn has_certificate(session: &ServerSession) -> bool {
    let digest = session
        .digest()
        .and_then(|digest| digest.ssl_digest.as_ref());
    digest.is_some_and(|digest| !digest.cert_digest.is_empty())
}

/// Writes an answer; the connection, if it is good for another question.
async fn write(mut session: ServerSession, answer: Response<Vec<u8>>) -> Option<ReusedHttpStream> {
    let (head, body) = answer.into_parts();
    let head = ResponseHeader::from(head);
    let is_head = session.req_header().method == Method::HEAD;
    session.write_response_header(Box::new(head)).await.ok()?;
    if !is_head && !body.is_empty() {
        session.write_response_body(body.into(), true).await.ok()?;
    }
    let settings = HttpPersistentSettings::for_session(&session);
    let stream = session.finish().await.ok()??;
    Some(ReusedHttpStream::from_reusable_stream(stream, settings))
}
