//! `/healthz` and `/readyz`: whether the process is alive, and whether new requests are welcome.

use http::{Response, StatusCode};

use super::answer::text;
use crate::runtime::lifecycle::Lifecycle;

/// The process is alive: it answers.
pub(super) fn alive() -> Response<Vec<u8>> {
    text(StatusCode::OK, "ok\n")
}

/// Whether new requests are welcome.
pub(super) fn ready(lifecycle: &Lifecycle) -> Response<Vec<u8>> {
    if lifecycle.ready() {
        text(StatusCode::OK, "ready\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    }
}
