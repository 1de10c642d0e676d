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

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHORIZATION,
    HTTP2_SETTINGS,
];

/// Set anew for every request that is sent.
const REPLACED: [HeaderName; 3] = [header::HOST, header::CONTENT_LENGTH, header::EXPECT];

/// What is taken out of requests in one dialect.
#[derive(Debug)]
pub(crate) struct RequestFilter {
    stripped: Vec<HeaderName>,
}

impl RequestFilter {
    /// The filter for `dialect`.
    pub(crate) fn new(dialect: Dialect) -> Self {
        let credentials = dialect
            .credential_headers()
            .iter()
            .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        let fixed = HOP_BY_HOP
            .into_iter()
            .chain(REPLACED)
            .chain([header::COOKIE, PATIENCE]);
        Self {
            stripped: fixed.chain(credentials).collect(),
        }
    }

    /// Takes out of `headers` what does not pass.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        remove_nominated(headers);
        for name in &self.stripped {
            headers.remove(name);
        }
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
    /// From the client's method and `headers`, for `uri` at `authority`. `body`: the length of the
    /// request's body, if it has one. `readable`: the answer must be plain text.
    pub(crate) fn new(
        method: Method,
        uri: Uri,
        mut headers: HeaderMap,
        filter: &RequestFilter,
        authority: &HeaderValue,
        body: Option<usize>,
        readable: bool,
    ) -> Self {
        filter.apply(&mut headers);
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

/// An answer's head as the client gets it, without the headers that the gateway adds.
pub(crate) fn incoming(response: &ResponseHeader) -> ResponseHeader {
    let mut kept = HeaderMap::with_capacity(response.headers.len() + 4);
    for (name, value) in &response.headers {
        if passes(name) {
            kept.append(name, value.clone());
        }
    }
    let mut answer = http::Response::new(());
    *answer.status_mut() = response.status;
    *answer.headers_mut() = kept;
    ResponseHeader::from(answer.into_parts().0)
}

/// Dropped by name. A `match`, which the compiler turns into a comparison of lengths first: this
/// runs for every header of every answer.
fn is_dropped(name: &str) -> bool {
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
            | "set-cookie"
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
    !is_dropped(name) && !BUDGETS.iter().any(|family| name.starts_with(family))
}

/// Looks up text headers by lower-case name, as the policy core wants them.
pub(crate) fn lookup<'a>(headers: &'a HeaderMap) -> impl Fn(&str) -> Option<&'a str> + Copy {
    move |name| headers.get(name).and_then(|value| value.to_str().ok())
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
        let filter = RequestFilter {
            stripped: HOP_BY_HOP.to_vec(),
        };

        filter.apply(&mut headers);

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
