//! Why an exchange with a provider failed.

use pingora_core::{BError, ErrorType};

/// Why an exchange failed, by what the provider can have seen of the request.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// Not all of it, so that it cannot have acted: no connection, or it broke while sending.
    NotSent(String),
    /// Nothing, in all likelihood: the idle connection was closed already, or the provider says
    /// that it did not look at the request.
    Stale(String),
    /// All of it; then the connection died.
    Lost(String),
    /// All of it; what came back is no HTTP.
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

/// What happened, for the log. Upstream errors hold addresses and system errors, no request data.
pub(super) fn describe(error: &BError) -> String {
    let kind = error.etype().as_str();
    let cause = error.root_cause();
    let detail = match error.etype() {
        // Why is in the context; the cause is our own address.
        ErrorType::TLSHandshakeFailure => error.context.as_ref().map(|it| it.as_str().to_owned()),
        _ if cause.is::<pingora_core::Error>() => None,
        _ => Some(cause.to_string()),
    };
    match detail {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind.to_owned(),
    }
}
