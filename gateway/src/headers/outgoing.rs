//! The head of a request to a provider.

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Uri, Version};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::wire::Wire;
use pingora_http::RequestHeader;

use super::names::TRACEPARENT;
use super::stripped::strip;

/// The request that goes to a provider, but for its credential.
#[derive(Debug)]
pub(crate) struct OutgoingHead {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl OutgoingHead {
    /// From the client's method, the URI to ask for and the client's headers, without those of
    /// `dialect`'s credentials; for `authority`. `body`: the length of the request's body, if it has
    /// one. `readable`: the answer must be plain text.
    pub(crate) fn new(
        (method, uri, mut headers): (Method, Uri, HeaderMap),
        dialect: Dialect,
        authority: &HeaderValue,
        body: Option<usize>,
        readable: bool,
    ) -> Self {
        let replaced = [header::HOST, header::CONTENT_LENGTH];
        strip(&mut headers, &replaced, |name| {
            dialect.is_credential_header(name)
        });
        headers.insert(header::HOST, authority.clone());
        match body {
            Some(length) => headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length)),
            None => headers.remove(header::CONTENT_LENGTH),
        };
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

    /// Aims at another provider.
    pub(crate) fn aim(&mut self, uri: Uri, authority: &HeaderValue) {
        self.uri = uri;
        self.headers.insert(header::HOST, authority.clone());
    }

    /// The body, if there is one, has this length.
    pub(crate) fn has_body(&mut self, length: usize) {
        if self.headers.contains_key(header::CONTENT_LENGTH) {
            self.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
    }

    /// The body is in no coding any more.
    pub(crate) fn drop_content_encoding(&mut self) {
        self.headers.remove(header::CONTENT_ENCODING);
    }

    /// Lets go of the headers: nothing is sent any more.
    pub(crate) fn forget(&mut self) {
        self.headers = HeaderMap::new();
    }

    /// The head of one attempt, with that attempt's credential, and its place in a trace if it has one
    /// of its own.
    pub(crate) fn with_credential(
        &self,
        (name, value): (&HeaderName, &HeaderValue),
        traceparent: Option<HeaderValue>,
    ) -> Box<RequestHeader> {
        let mut request = http::Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = Version::HTTP_11;
        let mut headers = self.headers.clone();
        headers.insert(name, value.clone());
        if let Some(traceparent) = traceparent {
            headers.insert(TRACEPARENT, traceparent);
        }
        *request.headers_mut() = headers;
        Box::new(RequestHeader::from(request.into_parts().0))
    }
}
