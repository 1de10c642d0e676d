//! `/healthz` and `/readyz`: whether the process is alive, and whether new requests are welcome.

use http::{Response, StatusCode};

use super::answer::text;
use crate::runtime::lifecycle::Lifecycle;
use crate::runtime::shared::Shared;

/// The process is alive: it answers.
pub(super) fn alive() -> Response<Vec<u8>> {
    text(StatusCode::OK, "ok\n")
}

/// Whether new requests are welcome, and if not, why, and what is being waited for.
pub(super) fn ready(lifecycle: &Lifecycle, shared: &Shared) -> Response<Vec<u8>> {
    let Some(span) = lifecycle.draining_for() else {
        return match shared.standing().complaint() {
            None => text(StatusCode::OK, "ready\n"),
            Some(complaint) => text(StatusCode::OK, format!("ready, but {complaint}\n")),
        };
    };
    let why = format!(
        "not ready: draining for {} s; requests running: {}, connections of clients: {}\n",
        span.as_secs(),
        lifecycle.requests_running(),
        lifecycle.connections_open()
    );
    text(StatusCode::SERVICE_UNAVAILABLE, why)
}
