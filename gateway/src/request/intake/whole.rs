//! Whether a client wants its streamed answer when it is complete, so that one that dies in its middle
//! is asked for again unseen.

use http::HeaderValue;
use keyweir_policy::wire::refusal_kind::RefusalKind;

use crate::headers::ForUs;
use crate::request::respond::refuse::Refuse;

/// What the client says; `None`: nothing.
///
/// # Errors
/// If it says neither yes nor no: whoever misspells it would take a risk that it thinks is covered.
pub(super) fn wished(for_us: &ForUs) -> Result<Option<bool>, Refuse> {
    match for_us.whole.as_ref().map(HeaderValue::as_bytes) {
        None => Ok(None),
        Some(b"true") => Ok(Some(true)),
        Some(b"false") => Ok(Some(false)),
        Some(_) => {
            let message = "x-keyweir-whole: must be true or false";
            Err(Refuse::new(RefusalKind::InvalidRequest, "bad_whole", message).non_retryable())
        }
    }
}
