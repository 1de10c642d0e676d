//! What goes over the wire: the paths, credentials, bodies, streams, rate-limit headers and errors
//! of each dialect, and whose fault an answer is.
//!
//! A request keeps its dialect from end to end: this floor reads what the gateway must know and
//! writes what the gateway itself says. All of it are pure functions of bytes: unknown fields,
//! headers and events are ignored, so that a provider's next feature passes through without a
//! release of ours.
//!
//! | Room | What is found there |
//! |---|---|
//! | [`route`] | which paths are served, and what each asks for |
//! | `credential` | which headers are credentials, and who presents which key where |
//! | [`forwarded_for`] | whose request it is, where load balancers stand in between |
//! | `body` | what a request's body says: model, size, conversation, references |
//! | `answer` | what a good answer says: its form, its cost, what it made |
//! | [`stream`] | the same of a stream, as it goes by |
//! | [`list`] | a page of what lies on one account |
//! | `ratelimit` | the rate-limit headers of each dialect |
//! | `wait` | durations and moments in every form they are written in |
//! | `provider_error` | what a provider's error says, in whatever shape |
//! | [`classify`] | whose fault an answer is, and how long it says to stay away |
//! | [`refusal`] | our own errors, in the client's dialect |
//! | [`mod@reference`] | ids that only one account understands |
//! | [`mention`] | what may be one, wherever it stands |
//! | `json` | looking into JSON without copying it |
//!
//! Translation between dialects, when it comes, is a room of its own (`translate`): a request or an
//! answer of one dialect in, the same of another out. It stands above `body`, `answer` and
//! `stream`, whose readers it uses, and nothing here knows of it.
#![warn(clippy::iter_over_hash_type)]

mod answer;
mod body;
pub mod classify;
mod credential;
pub mod forwarded_for;
mod json;
pub mod list;
pub mod mention;
mod provider_error;
mod ratelimit;
pub mod reference;
pub mod refusal;
pub mod route;
pub mod stream;
mod wait;
mod word_list;

pub use self::answer::organization::Organization;
pub use self::answer::{beginning, large, opening};
pub use self::body::{describe, understood};
pub use self::credential::suspect_secret::SuspectSecret;
pub use self::credential::trace;
pub use self::provider_error::message as error_message;
pub use self::refusal::kind as refusal_kind;

use keyweir_terms::dialect::{CredentialStyle, Dialect};
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::request::Description;
use keyweir_terms::snapshot::Snapshot;

use self::answer::{answer_headers, created_ids, organization, results_url};
use self::body::describe::DescribeError;
use self::body::stream_usage;
use self::body::{model_name, rename_models};
use self::credential::{client_key, names, provider_key, query};
use self::provider_error::ProviderError;
use self::ratelimit::by_dialect as headers;
use self::ratelimit::refusal_words;
use self::refusal::error_event::StreamForm;
use self::refusal::kind::RefusalKind;
use self::refusal::{ErrorAnswer, error_answer, error_event};
use self::route::{Route, RouteError, by_dialect as routes};

/// The status of a refusal for want of budget (RFC 6585).
const TOO_MANY_REQUESTS: u16 = 429;

/// What a dialect looks like on the wire. Implemented for [`Dialect`] alone, so that its words can
/// stand below everything that is said in them.
pub trait Wire: Copy {
    /// What a request for `path` (without its query) is, or why it is not served.
    ///
    /// # Errors
    /// If it is not served.
    fn route<'a>(self, method: &str, path: &'a str) -> Result<Route<'a>, RouteError>;

    /// Whether a client puts a credential into the header `name` (lower case), or chooses an account
    /// with it. All of them are stripped before the pool key's own is set. The same for every
    /// dialect: a key must not leak because it was sent in another dialect's header.
    fn is_credential_header(self, name: &str) -> bool;

    /// Whether a client gets the header `name` (lower case) of an answer.
    fn passes_to_client(self, name: &str) -> bool;

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

    /// What the response's headers say of the account's budgets; `header` looks up by lower-case
    /// name.
    fn snapshot<'a>(self, header: impl Fn(&str) -> Option<&'a str>) -> Snapshot;

    /// The same of an error answer with this status, whose body, or the beginning of it, may say more.
    fn snapshot_of_error<'a>(
        self,
        status: u16,
        header: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
    ) -> Snapshot;
}

impl Wire for Dialect {
    fn route<'a>(self, method: &str, path: &'a str) -> Result<Route<'a>, RouteError> {
        routes::route(self, method, path)
    }

    fn is_credential_header(self, name: &str) -> bool {
        names::is_credential_header(name)
    }

    fn passes_to_client(self, name: &str) -> bool {
        answer_headers::passes(self, name)
    }

    fn client_credential<'a>(self, header: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
        client_key::of_client(self, header)
    }

    fn provider_credential(self, style: CredentialStyle, secret: &str) -> (&'static str, String) {
        provider_key::of_provider(style, secret)
    }

    fn describe(self, endpoint: Endpoint, body: &[u8]) -> Result<Description, DescribeError> {
        describe::describe(self, endpoint, body)
    }

    fn describe_routed(self, route: &Route<'_>, body: &[u8]) -> Result<Description, DescribeError> {
        describe::describe_routed(self, route, body)
    }

    fn refusal(self, kind: RefusalKind, message: &str, request_id: &str) -> ErrorAnswer {
        error_answer::answer(self, kind, message, request_id)
    }

    fn error_event(self, kind: RefusalKind, message: &str, request_id: &str) -> String {
        error_event::event(StreamForm::of(self), kind, message, request_id)
    }

    fn snapshot<'a>(self, header: impl Fn(&str) -> Option<&'a str>) -> Snapshot {
        headers::snapshot(self, &header)
    }

    fn snapshot_of_error<'a>(
        self,
        status: u16,
        header: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
    ) -> Snapshot {
        let mut snapshot = headers::snapshot(self, &header);
        if status == TOO_MANY_REQUESTS {
            refusal_words::add(&mut snapshot, &ProviderError::read(body).message);
        }
        snapshot
    }
}

/// A credential of a consumer subscription, which providers do not allow to be pooled.
pub fn subscription_token(credential: &str) -> bool {
    client_key::is_subscription_token(credential)
}

/// Why a provider key is most likely not what its owner meant (in quotes, several in one, …); its
/// message says what to do and repeats nothing of the secret.
pub fn suspect_secret(secret: &str) -> Option<SuspectSecret> {
    credential::suspect_secret::suspect(secret)
}

/// `query` without the parameters in which some APIs' clients put their credentials.
pub fn query_without_credentials(query: &str) -> std::borrow::Cow<'_, str> {
    query::strip_query(query)
}

/// Which organization an answer's headers say was asked; `header` looks up by lower-case name.
pub fn organization<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Organization> {
    organization::of(header)
}

/// The ids of everything a JSON answer says was created, or is listed, at the provider: of a
/// model's answer, its containers, and the answer itself where the request asked to have it
/// `stored` ([`Description::stored`]).
pub fn resource_ids(endpoint: Endpoint, stored: bool, body: &[u8]) -> Vec<String> {
    created_ids::ids(endpoint, stored, body)
}

/// Makes every `results_url` of a batch answer that points to `upstream_base` point to
/// `public_base`; all other bytes stay. `None`: there is nothing to change.
pub fn rewrite_results_url(body: &[u8], upstream_base: &str, public_base: &str) -> Option<Vec<u8>> {
    results_url::rewrite(body, upstream_base, public_base)
}

/// Whether a stream from `path` tells its usage only if it is asked to ([`with_usage_asked`]).
pub fn tells_usage_if_asked(dialect: Dialect, endpoint: Endpoint, path: &str) -> bool {
    body::stream_usage::tells_if_asked(dialect, endpoint, path)
}

/// A request for a stream of chat completions with its usage asked for; `None` where the client asks
/// for it, or it cannot be asked for. What the client did not ask for,
/// [`usage_hidden`](stream::usage_hidden) takes out again.
pub fn with_usage_asked(body: &[u8]) -> Option<Vec<u8>> {
    stream_usage::asked(body)
}

/// The request with `model` in place of the model it names; all other bytes stay. `None` where it
/// names none.
pub fn with_model(body: &[u8], model: &str) -> Option<Vec<u8>> {
    model_name::replace(body, model)
}

/// The request with `rename` of every model it names in their places; all other bytes stay. `None`
/// where nothing changes.
pub fn with_models_renamed<'m>(
    body: &[u8],
    rename: impl Fn(&str) -> Option<&'m str>,
) -> Option<Vec<u8>> {
    rename_models::rename(body, rename)
}

/// What a path's segment names, which [`Route::model`] is: its escapes undone, once.
pub fn model_of_segment(segment: &str) -> std::borrow::Cow<'_, str> {
    query::of_segment(segment)
}

/// `path` with `model` in place of the one that it names, which [`Route::model`] is a part of.
pub fn with_model_in_path(path: &str, named: &str, model: &str) -> Option<String> {
    let start = (named.as_ptr() as usize).checked_sub(path.as_ptr() as usize)?;
    let after = path.get(start + named.len()..)?;
    let before = path.get(..start)?;
    Some(format!("{before}{}{after}", query::escaped(model)))
}
