//! Which headers are stripped, in either direction; all others pass.
//!
//! A request keeps all its headers but these: what concerns the client's connection only
//! (hop-by-hop), what the client presents as its credential or to choose an account, cookies (those
//! of the provider's edge would tie one account's requests to another's), our own, and
//! `accept-encoding`: an answer that the gateway cannot read can neither be failed over nor settled
//! by what it cost, so it asks for plain text wherever it has to read.
//!
//! An answer keeps all its headers but these: hop-by-hop; what one key has left, which a client
//! would take for what the pool has left; the account's identity (`anthropic-organization-id` and
//! its like), which is the pool's affair and changes from one answer to the next; cookies; and what
//! the provider says of its own address (`alt-svc`, `strict-transport-security`), which would send
//! clients around the gateway or bind its name. `retry-after` of an answer that is passed through
//! stays: it came with the very answer the client is given.

use http::HeaderMap;
use http::header::{self, HeaderName};

/// Concerns one connection only. A `match`, which the compiler turns into a comparison of lengths
/// first: this and the like below run for every header of every request and answer.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "http2-settings"
    )
}

/// Set anew for every request that is sent, or the gateway's affair.
fn is_replaced(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "content-length"
            | "expect"
            | "cookie"
            | "x-keyweir-patience"
            | "x-keyweir-session"
    )
}

/// Takes out of a request's `headers` what does not pass; `credentials` are names, too.
pub(super) fn strip(headers: &mut HeaderMap, credentials: &[&str]) {
    remove_nominated(headers);
    // One look at each header there is, rather than one for each that might be.
    let stripped =
        |name: &str| is_hop_by_hop(name) || is_replaced(name) || credentials.contains(&name);
    let doomed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| stripped(name.as_str()))
        .cloned()
        .collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// Takes out what the `connection` header names as concerning this connection only.
fn remove_nominated(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONNECTION) {
        return;
    }
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|token| HeaderName::from_bytes(token.trim().as_bytes()).ok())
        .collect();
    for name in nominated {
        headers.remove(name);
    }
}

/// Dropped from answers by name, beside what is hop-by-hop.
fn is_dropped(name: &str) -> bool {
    matches!(
        name,
        "set-cookie"
            | "alt-svc"
            | "strict-transport-security"
            | "anthropic-organization-id"
            | "anthropic-workspace-id"
            | "openai-organization"
            | "openai-project"
            | "ratelimit"
            | "x-keyweir-request-id"
            | "x-keyweir-waited-ms"
            | "x-keyweir-attempts"
            | "x-keyweir-served-by"
    )
}

/// Families of headers that say what one key has left.
const BUDGETS: [&str; 7] = [
    "anthropic-ratelimit-",
    "anthropic-priority-",
    "anthropic-fast-",
    "x-ratelimit-",
    "x-ratelimitbysize-",
    "ratelimit-",
    "x-ms-ratelimit-",
];

/// Whether the client gets an answer's header.
pub(super) fn passes(name: &HeaderName) -> bool {
    let name = name.as_str();
    !is_hop_by_hop(name)
        && !is_dropped(name)
        && !BUDGETS.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn what_the_connection_header_names_is_stripped_with_it() {
        let mut headers = map(&[
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("x-end", "2"),
        ]);
        strip(&mut headers, &["x-secret"]);

        assert_eq!(headers, map(&[("x-end", "2")]));
    }
}
