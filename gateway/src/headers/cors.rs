//! What browsers are told, so that web pages of origins that the policy names may call.
//!
//! Everything else is left to what browsers do without: they send simple requests, and let no page
//! read the answers. <https://fetch.spec.whatwg.org/#http-cors-protocol>

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method};

/// What pages may call with.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE");
/// How long a browser remembers the leave, in seconds: what Firefox and Chrome allow at most lies
/// above it, and a policy that takes an origin out is to hold soon.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const REQUEST_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The request's origin, if it is one of `named`.
pub(crate) fn named_origin(headers: &HeaderMap, named: &[String]) -> Option<HeaderValue> {
    if named.is_empty() {
        return None;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next().filter(|_| origins.next().is_none())?;
    let text = origin.to_str().ok()?;
    let is_named = named.iter().any(|named| named.eq_ignore_ascii_case(text));
    is_named.then(|| origin.clone())
}

/// Whether a browser asks for leave before it sends a request.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Lets pages of `origin` read an answer.
pub(crate) fn allow(answer: &mut HeaderMap, origin: HeaderValue) {
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("*"),
    );
    answer.append(header::VARY, HeaderValue::from_static("origin"));
}

/// The headers of the answer to a preflight request with the headers `asked`.
pub(crate) fn preflight(asked: &HeaderMap, origin: HeaderValue) -> HeaderMap {
    let mut answer = HeaderMap::new();
    allow(&mut answer, origin);
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if let Some(headers) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
    }
    if asked.contains_key(REQUEST_NETWORK) {
        answer.insert(ALLOW_NETWORK, HeaderValue::from_static("true"));
    }
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_origin_that_is_named_and_is_one_gets_leave() {
        let named = ["https://app.example".to_owned()];
        let of = |origins: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(header::ORIGIN, HeaderValue::from_static(origin));
            }
            named_origin(&headers, &named).is_some()
        };
        assert!(of(&["https://app.example"]));
        for origins in [
            &[][..],
            &["null"],
            &["http://app.example"],
            &["https://app.example:8443"],
            &["https://app.example.evil"],
            &["https://app.example", "https://evil.example"],
        ] {
            assert!(!of(origins), "{origins:?}");
        }
    }
}
