//! Why an exchange with a provider failed.

use pingora_core::{BError, ErrorType};

/// Why an exchange failed, by what the provider can have seen of the request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// Not all of it, so that it cannot have acted: no connection, or it broke while sending.
    #[error("{0}")]
    NotSent(String),
    /// Nothing: who answers does not prove to be the provider, or speaks no TLS.
    #[error("{0}")]
    Unverified(String),
    /// Nothing, in all likelihood: the idle connection was closed already, or the provider says
    /// that it did not look at the request.
    #[error("{0}")]
    Stale(String),
    /// All of it; then the connection died.
    #[error("{0}")]
    Lost(String),
    /// All of it; what came back is no HTTP.
    #[error("{0}")]
    Malformed(String),
}

/// Whether the connection is gone.
pub(super) fn is_disconnect(error: &ErrorType) -> bool {
    matches!(
        error,
        ErrorType::ConnectionClosed
            | ErrorType::ReadError
            | ErrorType::WriteError
            | ErrorType::H2Error
    )
}

/// Why no connection could be made.
pub(super) fn not_connected(error: &BError) -> LinkError {
    let text = describe(error);
    match error.etype() {
        ErrorType::InvalidCert => LinkError::Unverified(text),
        ErrorType::TLSHandshakeFailure if is_for_good(&text) => LinkError::Unverified(text),
        _ => LinkError::NotSent(text),
    }
}

/// Whether a handshake that failed so fails as long as nobody mends anything.
fn is_for_good(text: &str) -> bool {
    ["invalid peer certificate", "InvalidContentType"]
        .iter()
        .any(|it| text.contains(it))
}

/// What happened, for the log. Upstream errors hold addresses and system errors, no request data.
pub(super) fn describe(error: &BError) -> String {
    let kind = kind(error.etype());
    let cause = error.root_cause();
    let detail = match error.etype() {
        // Why is in the context; the cause is our own address.
        ErrorType::TLSHandshakeFailure => error.context.as_ref().map(|it| tls_failure(it.as_str())),
        // What the system says is what was said already.
        ErrorType::ConnectRefused | ErrorType::ConnectTimedout => None,
        _ if cause.is::<pingora_core::Error>() => None,
        _ => Some(cause.to_string()),
    };
    match detail {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind.to_owned(),
    }
}

/// The cause in what is told of a failed handshake, and what may be wrong.
fn tls_failure(context: &str) -> String {
    let cause = context.rsplit_once("cause: ").map_or(context, |it| it.1);
    let cause = cause.split_once(", SNI: ").map_or(cause, |it| it.0);
    let advice = if cause.contains("InvalidContentType") {
        "; it does not speak TLS there: does base_url mean http://?"
    } else if cause.contains("CaUsedAsEndEntity") {
        "; it is signed by itself: have an authority sign it that ca_file names"
    } else if cause.contains("UnknownIssuer") {
        "; who signed its certificate is not trusted: if it is your own authority, name it in ca_file"
    } else {
        ""
    };
    format!("{cause}{advice}")
}

/// What kind of error it is, in words.
fn kind(kind: &ErrorType) -> &str {
    match kind {
        ErrorType::ConnectRefused => "the connection was refused",
        ErrorType::ConnectTimedout => "connecting took too long",
        ErrorType::ConnectNoRoute => "there is no route to it",
        ErrorType::ConnectError | ErrorType::SocketError => "connecting failed",
        ErrorType::TLSHandshakeTimedout => "the TLS handshake took too long",
        ErrorType::TLSHandshakeFailure => "the TLS handshake failed",
        ErrorType::InvalidCert => "its certificate is not valid",
        ErrorType::ConnectionClosed => "the connection was closed",
        ErrorType::ReadTimedout => "reading took too long",
        ErrorType::WriteTimedout => "writing took too long",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_handshake_is_told_by_its_cause_and_what_to_do() {
        let told = |cause: &str| {
            tls_failure(&format!(
                "TLS connect() failed:  TLSHandshakeFailure context: tls connect error cause: {cause}, SNI: h"
            ))
        };
        let plain = told("received corrupt message of type InvalidContentType");
        assert!(plain.starts_with("received corrupt message"), "{plain}");
        assert!(plain.ends_with("does base_url mean http://?"), "{plain}");
        let unknown = told("invalid peer certificate: UnknownIssuer");
        assert!(unknown.ends_with("name it in ca_file"), "{unknown}");
        assert_eq!(told("peer is incompatible"), "peer is incompatible");
        assert_eq!(tls_failure("something else"), "something else");
    }
}
