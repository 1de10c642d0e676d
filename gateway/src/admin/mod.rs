//! What operators ask the gateway: is it alive, does it take work, what has it counted, what does
//! it know of its pool. One file per page.
//!
//! On an address of its own, so that it need not be open to whoever may send requests.

mod answer;
mod budgets;
mod health;
mod metrics;
mod reload;
mod state;
mod status;
mod usage;

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response, StatusCode, header};
use pingora_core::apps::http_app::ServeHttp;
use pingora_core::protocols::http::ServerSession;

use self::answer::text;
use crate::runtime::gateway::Gateway;
use crate::runtime::reload::Reloader;

/// Answers operators.
pub(crate) struct Admin {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) reloader: Arc<Reloader>,
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let head = session.req_header();
        let is_get = matches!(head.method, Method::GET | Method::HEAD);
        match head.uri.path() {
            "/reload" if head.method == Method::POST => {
                if head.headers.contains_key(header::ORIGIN) {
                    return text(StatusCode::FORBIDDEN, "web pages may not reload\n");
                }
                reload::answer(&self.reloader).await
            }
            "/reload" => text(StatusCode::METHOD_NOT_ALLOWED, "only POST\n"),
            _ if !is_get => text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n"),
            "/healthz" => health::alive(),
            "/readyz" => health::ready(&self.gateway.lifecycle),
            "/metrics" => metrics::page(&self.gateway),
            "/status" => status::page(&self.gateway),
            "/usage" => usage::page(&self.gateway, head.uri.query()),
            _ => text(
                StatusCode::NOT_FOUND,
                "/healthz /readyz /metrics /status /usage, POST /reload\n",
            ),
        }
    }
}
