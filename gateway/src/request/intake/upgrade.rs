//! Clients that would rather talk over a web socket.
//!
//! None is served. 426 says so in a way that they understand (RFC 9110, 15.5.22): Codex goes on over
//! HTTP at once, where any other status has it try five times.

use http::{HeaderMap, header};
use keyweir_policy::wire::refusal_kind::RefusalKind;

use crate::request::respond::refuse::Refuse;

/// Whether `headers` ask for a web socket (RFC 6455, 4.1).
pub(super) fn asks_for_web_socket(headers: &HeaderMap) -> bool {
    let protocols = headers.get_all(header::UPGRADE).iter();
    let protocols = protocols.filter_map(|value| value.to_str().ok());
    protocols
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// The answer to one that does.
pub(super) fn refuse() -> Refuse {
    let message = "this gateway serves requests over HTTP only, no web sockets";
    Refuse::new(RefusalKind::InvalidRequest, "web_socket", message)
        .status(426)
        .non_retryable()
}
