//! The answer to what is no request, as clients get one.

use http::{Response, StatusCode};
use pingora_core::protocols::http::ServerSession;
use pingora_core::{Error, ErrorType};
use pingora_http::ResponseHeader;

use super::answer::{WRITE, text};
use super::crowd::Idle;
use crate::downstream::linger;

/// Says what is wrong with what was sent, if its sender is still there, and ends the connection. Until then
/// it is one of the `idle`.
pub(super) async fn refuse(mut session: ServerSession, error: &Error, mut idle: Idle) {
    let Some(answer) = answer(error) else { return };
    let told = async {
        session.set_keepalive(None);
        session.set_write_timeout(Some(WRITE));
        let (head, body) = answer.into_parts();
        let head = Box::new(ResponseHeader::from(head));
        session.write_response_header(head).await.ok()?;
        session.write_response_body(body.into(), true).await.ok()?;
        if let ServerSession::H1(http1) = session {
            linger::ended(&mut http1.into_inner()).await;
        }
        Some(())
    };
    tokio::select! {
        _told = told => {}
        () = idle.gives_way() => {}
    }
}

/// `None`: there is nobody to tell.
fn answer(error: &Error) -> Option<Response<Vec<u8>>> {
    let (status, why) = match error.etype() {
        ErrorType::ConnectionClosed | ErrorType::ReadError => return None,
        ErrorType::ReadTimedout => (
            StatusCode::REQUEST_TIMEOUT,
            "the request's head did not arrive in time\n",
        ),
        _ if is_too_large(&error.to_string()) => (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "the headers are too large, or too many\n",
        ),
        _ => (
            StatusCode::BAD_REQUEST,
            "this is not a well-formed HTTP/1.1 request; for TLS see gateway.admin_tls\n",
        ),
    };
    Some(text(status, why))
}

fn is_too_large(error: &str) -> bool {
    ["TooManyHeaders", "too many headers", "header larger than"]
        .iter()
        .any(|it| error.contains(it))
}
