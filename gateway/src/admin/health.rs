//! `/healthz` and `/readyz`: whether the process is alive, and whether new requests are welcome.

use http::{Response, StatusCode};

use super::answer::text;
use super::issuers;
use crate::runtime::gateway::Gateway;

/// The process is alive: it answers.
pub(super) fn alive() -> Response<Vec<u8>> {
    text(StatusCode::OK, "ok\n")
}

/// Whether new requests are welcome, and if not, why, and what is being waited for. What is amiss and
/// keeps nobody with a client key from being served makes it no less ready, and is told.
pub(super) fn ready(gateway: &Gateway) -> Response<Vec<u8>> {
    let lifecycle = &gateway.lifecycle;
    let Some(span) = lifecycle.draining_for() else {
        let mut amiss = issuers::troubles(gateway);
        amiss.extend(gateway.shared.standing().complaint());
        let said = match amiss.as_slice() {
            [] => "ready\n".to_owned(),
            amiss => format!("ready, but {}\n", amiss.join("\nand ")),
        };
        return text(StatusCode::OK, said);
    };
    let why = format!(
        "not ready: draining for {} s; requests running: {}, connections of clients: {}\n",
        span.as_secs(),
        lifecycle.requests_running(),
        lifecycle.connections_open()
    );
    text(StatusCode::SERVICE_UNAVAILABLE, why)
}
