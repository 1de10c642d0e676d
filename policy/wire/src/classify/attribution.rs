//! The attribution table's door: what came over the wire → whose fault it is.
//!
//! Status first, then the error's type, then its code, and the message's words last: providers
//! change wording without notice, but some states (no money, a closed account) have nothing else.
//! A wait that is stated outranks words. When in doubt an outcome is charged to the party that
//! loses least by it: an unknown 4xx to the request (passed through, nobody cools down), an unknown
//! 5xx to key or provider. The rows, with their sources, stand in `families`; on one page for
//! operators, in `docs/CLASSIFICATION.md`.
//!
//! A redirect is charged like a broken answer: none of these APIs redirects, so it comes from a
//! wrong base URL or a portal in between, and passing it on would send the client, with its
//! credential, to wherever it points. So is a page of HTML where an API's answer belongs.

use std::time::Duration;

use crate::classify::heard::{Heard, is_html};
use crate::classify::rules::{self, Rule};
use crate::provider_error::ProviderError;
use crate::wait::moment::Moment;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;

/// The most of an error body that [`classify`] looks at.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long that is waited for before an error is judged by what has come.
pub const BODY_WITHIN: Duration = Duration::from_secs(1);

/// What was asked, and with which status it was answered.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The provider's dialect.
    pub dialect: Dialect,
    /// What was asked for.
    pub endpoint: Endpoint,
    /// The answer's status.
    pub status: u16,
}

/// Whose fault an answer is: by the operator's `rules` for the provider, or else by the table.
/// `header` looks up by lower-case name; `body_prefix` is the beginning of the body where
/// [`needs_body`] asked for it, else empty.
pub fn classify<'a>(
    rules: &[Rule],
    asked: Asked,
    header: impl Fn(&str) -> Option<&'a str>,
    body_prefix: &[u8],
) -> Fault {
    let Asked {
        dialect,
        endpoint,
        status,
    } = asked;
    // What other APIs do with 2xx, 3xx and HTML is their business.
    let is_strict = dialect != Dialect::Generic || endpoint != Endpoint::Other;
    match status {
        200..=299 if is_strict && is_page(endpoint, &header) => Fault::Broken { wait: None },
        200..=299 | 304 => Fault::None,
        400.. => {
            let body = &body_prefix[..body_prefix.len().min(BODY_BYTES_MAX)];
            rules::fault(rules, &Heard::answer(endpoint, status, &header, body))
        }
        _ => Fault::Broken { wait: None },
    }
}

/// Whether [`classify`] wants to see the body (at most [`BODY_BYTES_MAX`]) of this status.
pub const fn needs_body(dialect: Dialect, status: u16) -> bool {
    // The same for all: every dialect has states that only a body tells apart.
    let _ = dialect;
    status >= 400
}

/// An error that came as an event of a stream: classified as the status it would have had.
pub(crate) fn in_stream(rules: &[Rule], said: ProviderError) -> Fault {
    inside(rules, Endpoint::Inference, said, None)
}

/// An error that came where an answer belongs: classified as the status it would have had.
/// `date`: of the answer.
pub(crate) fn inside(
    rules: &[Rule],
    endpoint: Endpoint,
    said: ProviderError,
    date: Option<Moment>,
) -> Fault {
    rules::fault(rules, &Heard::inside(endpoint, said, date))
}

/// A page for people in the place of an answer.
fn is_page<'a>(endpoint: Endpoint, header: &impl Fn(&str) -> Option<&'a str>) -> bool {
    // Files may be pages.
    !matches!(endpoint, Endpoint::Files | Endpoint::Other) && is_html(header)
}

#[cfg(test)]
mod tests;
