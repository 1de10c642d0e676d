//! Which headers pass, in either direction.
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

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Uri, Version};
use keyweir_policy::dialect::Dialect;
use pingora_http::{RequestHeader, ResponseHeader};

/// Our own request header: how long the client would wait, in seconds.
pub(crate) const PATIENCE: HeaderName = HeaderName::from_static("x-keyweir-patience");
/// The name of the request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-keyweir-request-id");
/// How long the request waited for a key.
pub(crate) const WAITED_MS: HeaderName = HeaderName::from_static("x-keyweir-waited-ms");
/// Provider and model that served the request, where it was not its first choice.
pub(crate) const SERVED_BY: HeaderName = HeaderName::from_static("x-keyweir-served-by");
/// How many requests were sent for this one.
pub(crate) const ATTEMPTS: HeaderName = HeaderName::from_static("x-keyweir-attempts");
/// Tells SDKs whether sending the same again can help.
pub(crate) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Tells Anthropic's dialect from others.
pub(crate) const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// When the client's SDK gives up, in seconds.
pub(crate) const CLIENT_TIMEOUT: HeaderName = HeaderName::from_static("x-stainless-timeout");

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
fn strip(headers: &mut HeaderMap, credentials: &[&str]) {
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

/// The request that goes to a provider, but for its credential.
#[derive(Debug)]
pub(crate) struct OutgoingHead {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl OutgoingHead {
    /// From the client's method and `headers`, without those of `dialect`'s credentials, for `uri`
    /// at `authority`. `body`: the length of the request's body, if it has one. `readable`: the
    /// answer must be plain text.
    pub(crate) fn new(
        method: Method,
        uri: Uri,
        mut headers: HeaderMap,
        dialect: Dialect,
        authority: &HeaderValue,
        body: Option<usize>,
        readable: bool,
    ) -> Self {
        strip(&mut headers, dialect.credential_headers());
        headers.insert(header::HOST, authority.clone());
        if let Some(length) = body {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        if readable && headers.contains_key(header::ACCEPT_ENCODING) {
            headers.insert(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            );
        }
        Self {
            method,
            uri,
            headers,
        }
    }

    /// Aims at another provider, with a body of `length`.
    pub(crate) fn aim(&mut self, uri: Uri, authority: &HeaderValue, length: Option<usize>) {
        self.uri = uri;
        self.headers.insert(header::HOST, authority.clone());
        if let Some(length) = length
            && self.headers.contains_key(header::CONTENT_LENGTH)
        {
            self.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
    }

    /// Lets go of the headers: nothing is sent any more.
    pub(crate) fn forget(&mut self) {
        self.headers = HeaderMap::new();
    }

    /// The head of one attempt, with that attempt's credential.
    pub(crate) fn with_credential(
        &self,
        name: &HeaderName,
        value: &HeaderValue,
    ) -> Box<RequestHeader> {
        let mut request = http::Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = Version::HTTP_11;
        let mut headers = self.headers.clone();
        headers.insert(name, value.clone());
        *request.headers_mut() = headers;
        Box::new(RequestHeader::from(request.into_parts().0))
    }
}

/// Headers that an answer has beside the provider's: the request's name, attempts, framing, date.
const ADDED: usize = 4;

/// An answer's head as the client gets it, without the headers that the gateway adds.
pub(crate) fn incoming(response: &ResponseHeader) -> ResponseHeader {
    // Counted first: a map with room for those that do not pass, which are many, would be twice as
    // large for as long as the answer streams.
    let passing = response.headers.iter().filter(|(name, _)| passes(name));
    let passing: Vec<_> = passing.collect();
    let mut kept = HeaderMap::with_capacity(passing.len() + ADDED);
    for (name, value) in passing {
        kept.append(name, value.clone());
    }
    let mut answer = http::Response::new(());
    *answer.status_mut() = response.status;
    *answer.headers_mut() = kept;
    ResponseHeader::from(answer.into_parts().0)
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

fn passes(name: &HeaderName) -> bool {
    let name = name.as_str();
    !is_hop_by_hop(name)
        && !is_dropped(name)
        && !BUDGETS.iter().any(|family| name.starts_with(family))
}

/// Looks up text headers by lower-case name, as the policy core wants them.
pub(crate) fn lookup<'a>(headers: &'a HeaderMap) -> impl Fn(&str) -> Option<&'a str> + Copy {
    move |name| headers.get(name).and_then(|value| value.to_str().ok())
}

/// An answer's headers, for the many look-ups by name that reading its budgets takes. Scanning two
/// dozen names is cheaper than hashing one.
pub(crate) struct Fields<'a>(Vec<(&'a str, &'a HeaderValue)>);

impl<'a> Fields<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        Self(
            headers
                .iter()
                .map(|(name, value)| (name.as_str(), value))
                .collect(),
        )
    }

    /// The first text value of a header, by its lower-case name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(other, _)| *other == name);
        found.and_then(|(_, value)| value.to_str().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn an_answer_keeps_what_is_the_clients_and_loses_what_is_the_keys() {
        let mut response = ResponseHeader::build(200, None).expect("valid");
        for (name, value) in [
            ("content-type", "application/json"),
            ("request-id", "req_1"),
            ("retry-after", "3"),
            ("anthropic-ratelimit-requests-remaining", "7"),
            ("x-ratelimit-reset-tokens", "6m0s"),
            ("anthropic-organization-id", "org"),
            ("set-cookie", "a=b"),
            ("transfer-encoding", "chunked"),
        ] {
            response.append_header(name, value).expect("valid");
        }

        let answer = incoming(&response);

        let names: Vec<_> = answer.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "request-id", "retry-after"]);
    }
}
