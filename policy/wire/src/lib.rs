//! What goes over the wire: the paths, credentials, bodies, streams, rate-limit headers and errors
//! of each dialect, and whose fault an answer is.
//!
//! A request keeps its dialect from end to end, so nothing here translates yet; it reads what the
//! gateway must know and writes what the gateway itself says. All of it are pure functions of
//! bytes: unknown fields, headers and events are ignored, so that a provider's next feature passes
//! through without a release of ours.

mod anthropic;
mod block;
pub mod classify;
mod content;
mod credential;
pub mod describe;
mod error_body;
mod event;
mod generic;
mod json;
mod media;
mod model_name;
mod openai;
pub mod opening;
mod path;
mod ratelimit;
pub mod refusal;
pub mod refusal_kind;
mod resource;
mod results_url;
pub mod route;
mod router;
pub mod stream;
mod usage;

use keyweir_terms::dialect::{CredentialStyle, Dialect};
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::request::{Description, Usage};
use keyweir_terms::snapshot::Snapshot;

use self::describe::DescribeError;
use self::refusal::{ErrorAnswer, StreamForm};
use self::refusal_kind::RefusalKind;
use self::route::{Route, RouteError};

/// What a dialect looks like on the wire. Implemented for [`Dialect`] alone, so that its words can
/// stand below everything that is said in them.
pub trait Wire: Copy {
    /// What a request for `path` (without its query) is, or why it is not served.
    ///
    /// # Errors
    /// If it is not served.
    fn route<'a>(self, method: &str, path: &'a str) -> Result<Route<'a>, RouteError>;

    /// Every header (lower case) in which a client may put a credential or choose an account.
    /// All of them are stripped before the pool key's own is set.
    fn credential_headers(self) -> &'static [&'static str];

    /// What the client presents as its key; `header` looks up by lower-case name.
    fn client_credential<'a>(self, header: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str>;

    /// The header that presents the pool's `secret` to the provider.
    fn provider_credential(self, style: CredentialStyle, secret: &str) -> (&'static str, String);

    /// Reads what admission must know from a request's JSON body; the model is required.
    ///
    /// # Errors
    /// If the body is no such thing.
    fn describe(self, endpoint: Endpoint, body: &[u8]) -> Result<Description, DescribeError>;

    /// [`Self::describe`] as the route asks for it: nothing is read of a body that is not JSON,
    /// and the model may stand in the path or be absent where the API allows that.
    ///
    /// # Errors
    /// If the body is no such thing.
    fn describe_routed(self, route: &Route<'_>, body: &[u8]) -> Result<Description, DescribeError>;

    /// Our own refusal, as the client's SDK expects errors.
    fn refusal(self, kind: RefusalKind, message: &str, request_id: &str) -> ErrorAnswer;

    /// A complete server-sent event that ends a stream in an error. For a stream that a
    /// [`StreamReader`](stream::StreamReader) watches, use its
    /// [`error_event`](stream::StreamReader::error_event): it knows the stream's form.
    fn error_event(self, kind: RefusalKind, message: &str, request_id: &str) -> String;

    /// The tokens that a JSON answer says were charged.
    fn read_usage(self, endpoint: Endpoint, body: &[u8]) -> Usage;

    /// What the response's headers say of the account's budgets; `header` looks up by lower-case
    /// name.
    fn snapshot<'a>(self, header: impl Fn(&str) -> Option<&'a str>) -> Snapshot;
}

impl Wire for Dialect {
    fn route<'a>(self, method: &str, path: &'a str) -> Result<Route<'a>, RouteError> {
        router::route(self, method, path)
    }

    fn credential_headers(self) -> &'static [&'static str] {
        credential::HEADERS
    }

    fn client_credential<'a>(self, header: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
        credential::of_client(self, header)
    }

    fn provider_credential(self, style: CredentialStyle, secret: &str) -> (&'static str, String) {
        credential::of_provider(style, secret)
    }

    fn describe(self, endpoint: Endpoint, body: &[u8]) -> Result<Description, DescribeError> {
        describe::describe(self, endpoint, body)
    }

    fn describe_routed(self, route: &Route<'_>, body: &[u8]) -> Result<Description, DescribeError> {
        describe::describe_routed(self, route, body)
    }

    fn refusal(self, kind: RefusalKind, message: &str, request_id: &str) -> ErrorAnswer {
        refusal::answer(self, kind, message, request_id)
    }

    fn error_event(self, kind: RefusalKind, message: &str, request_id: &str) -> String {
        refusal::event(StreamForm::of(self), kind, message, request_id)
    }

    fn read_usage(self, endpoint: Endpoint, body: &[u8]) -> Usage {
        if usage::is_charged(self, endpoint) {
            usage::read(body)
        } else {
            Usage::default()
        }
    }

    fn snapshot<'a>(self, header: impl Fn(&str) -> Option<&'a str>) -> Snapshot {
        ratelimit::snapshot(self, &header)
    }
}

/// A credential of a consumer subscription, which providers do not allow to be pooled.
pub fn subscription_token(credential: &str) -> bool {
    credential::is_subscription_token(credential)
}

/// `query` without the parameters in which some APIs' clients put their credentials.
pub fn query_without_credentials(query: &str) -> std::borrow::Cow<'_, str> {
    credential::strip_query(query)
}

/// The ids of everything a JSON answer says was created, or is listed, at the provider: of a
/// model's answer, its containers, and the answer itself where the request asked to have it
/// `stored` ([`Description::stored`]).
pub fn resource_ids(endpoint: Endpoint, stored: bool, body: &[u8]) -> Vec<String> {
    resource::ids(endpoint, stored, body)
}

/// Makes every `results_url` of a batch answer that points to `upstream_base` point to
/// `public_base`; all other bytes stay. `None`: there is nothing to change.
pub fn rewrite_results_url(body: &[u8], upstream_base: &str, public_base: &str) -> Option<Vec<u8>> {
    results_url::rewrite(body, upstream_base, public_base)
}

/// The request with `model` in place of the model it names; all other bytes stay. `None` where it
/// names none.
pub fn with_model(body: &[u8], model: &str) -> Option<Vec<u8>> {
    model_name::replace(body, model)
}
