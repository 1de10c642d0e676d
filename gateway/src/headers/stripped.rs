//! Which headers are stripped, in either direction; all others pass.
//!
//! A request keeps all its headers but these: what concerns the client's connection only
//! (hop-by-hop), what proxies told of the way to it, what the client presents as its credential or to choose an account, cookies (those
//! of the provider's edge would tie one account's requests to another's), our own, and
//! `accept-encoding`: an answer that the gateway cannot read can neither be failed over nor settled
//! by what it cost, so it asks for plain text wherever it has to read.
//!
//! Of an answer only what the dialect's list names passes ([`Wire::passes_to_client`]), and of that
//! nothing that was set by or for one connection. `retry-after` of an answer that is passed through
//! stays: it came with the very answer the client is given. `docs/HEADERS.md` is the operator's page.

use http::HeaderMap;
use http::header::{self, HeaderName};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::wire::Wire;

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

/// Set anew for every request that is sent, or the gateway's affair; or it would make the request
/// another one than the gateway took it for.
fn is_replaced(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "content-length"
            | "expect"
            | "x-keyweir-patience"
            | "x-keyweir-session"
            | "x-keyweir-whole"
            | "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
            | "x-original-url"
            | "x-original-uri"
            | "x-rewrite-url"
            | "x-envoy-original-path"
    )
}

/// Tells of the way that a request took to the gateway: addresses and names of the inside, which are
/// none of the provider's business.
fn is_of_the_way(name: &str) -> bool {
    matches!(
        name,
        "forwarded" | "via" | "x-real-ip" | "x-client-ip" | "true-client-ip"
    ) || name.starts_with("x-forwarded-")
}

/// Takes out of a request's `headers` what does not pass. Those that are `replaced` anyway may stay.
pub(super) fn strip(
    headers: &mut HeaderMap,
    replaced: &[HeaderName],
    is_credential: impl Fn(&str) -> bool,
) {
    remove_nominated(headers);
    // One look at each header there is, rather than one for each that might be.
    let stripped = |name: &str| {
        is_hop_by_hop(name) || is_replaced(name) || is_of_the_way(name) || is_credential(name)
    };
    let doomed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| stripped(name.as_str()) && !replaced.contains(name))
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

/// Whether a client of `dialect` gets an answer's header.
pub(super) fn passes(dialect: Dialect, name: &HeaderName) -> bool {
    dialect.passes_to_client(name.as_str()) && !is_hop_by_hop(name.as_str())
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
            ("x-secret", "1"),
            ("x-http-method-override", "PUT"),
            ("x-original-url", "/v1/models/another"),
            ("x-forwarded-for", "10.0.0.7"),
            ("via", "1.1 proxy"),
            ("x-end", "2"),
        ]);
        strip(&mut headers, &[], |name| name == "x-secret");

        assert_eq!(headers, map(&[("x-end", "2")]));
    }

    #[test]
    fn the_page_about_headers_lists_what_is_stripped_whatever_its_name_says() {
        let page = include_str!("../../../docs/HEADERS.md");
        let section = page.split("\n## ").nth(1).expect("what is stripped");
        let (_, list) = section.split_once("\n- ").expect("a list");
        let (list, _) = list.split_once("\n\n").expect("its end");
        let told: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        for name in &told {
            // It passes where the answer is not read: `outgoing` says so.
            if *name == "accept-encoding" {
                continue;
            }
            let name = name.replace('*', "any");
            let mut headers = HeaderMap::new();
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.insert(&name, HeaderValue::from_static("1"));
            strip(&mut headers, &[], |name| {
                Dialect::OpenAi.is_credential_header(name)
            });
            assert!(headers.is_empty(), "{name} is told and passes");
        }
        let code = include_str!("stripped.rs");
        let (code, _) = code.split_once("/// Takes out of").expect("the lists");
        for name in code.split('"').skip(1).step_by(2) {
            let told_of = |it: &&str| **it == *name || it.strip_suffix('*') == Some(name);
            assert!(told.iter().any(told_of), "{name} is stripped and not told");
        }
    }
}
