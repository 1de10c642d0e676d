//! What an API looks like: its paths, credentials, bodies, streams and errors.
//!
//! A request keeps its dialect from end to end (same-dialect pass-through), so nothing here
//! translates; it only reads what the gateway must know and writes what the gateway itself says.
//! All of it are pure functions of bytes: unknown fields, headers and events are ignored, so that
//! a provider's next feature passes through without a release of ours.

mod anthropic;
mod block;
mod content;
mod credential;
mod describe;
mod error_body;
mod event;
mod fingerprint;
mod generic;
mod json;
mod media;
mod model_name;
mod openai;
mod path;
mod refusal;
mod resource;
mod results_url;
mod route;
mod stream;
mod usage;

use crate::pool::{RequestSize, Usage};
use crate::ratelimit;
use crate::snapshot::Snapshot;

pub(crate) use self::error_body::ErrorBody;
pub(crate) use self::fingerprint::Fingerprint;
use self::refusal::StreamForm;
pub use self::route::{Route, RouteError};
pub use self::stream::StreamReader;

/// A longer id is no provider's.
const ID_BYTES_MAX: usize = 256;

/// The language a provider and its clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// The Anthropic API.
    Anthropic,
    /// The OpenAI API and what is compatible with it, Azure's deployments included.
    OpenAi,
    /// Any other HTTP API: everything is passed, and read as far as it is understood.
    Generic,
}

impl Dialect {
    /// The name in the policy file, in metrics and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Generic => "generic",
        }
    }

    /// What a request for `path` (without its query) is, or why it is not served.
    pub fn route<'a>(self, method: &str, path: &'a str) -> Result<Route<'a>, RouteError> {
        route::route(self, method, path)
    }

    /// Every header (lower case) in which a client may put a credential or choose an account.
    /// All of them are stripped before the pool key's own is set.
    pub fn credential_headers(self) -> &'static [&'static str] {
        credential::HEADERS
    }

    /// What the client presents as its key; `header` looks up by lower-case name.
    pub fn client_credential<'a>(
        self,
        header: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<&'a str> {
        credential::of_client(self, header)
    }

    /// How this dialect's providers take their key unless the policy file says otherwise.
    pub const fn credential_style(self) -> CredentialStyle {
        match self {
            Self::Anthropic => CredentialStyle::XApiKey,
            Self::OpenAi | Self::Generic => CredentialStyle::Bearer,
        }
    }

    /// The header that presents the pool's `secret` to the provider.
    pub fn provider_credential(
        self,
        style: CredentialStyle,
        secret: &str,
    ) -> (&'static str, String) {
        credential::of_provider(style, secret)
    }

    /// Reads what admission must know from a request's JSON body; the model is required.
    pub fn describe(self, endpoint: Endpoint, body: &[u8]) -> Result<Description, DescribeError> {
        describe::describe(self, endpoint, body)
    }

    /// [`Self::describe`] as the route asks for it: nothing is read of a body that is not JSON,
    /// and the model may stand in the path or be absent where the API allows that.
    pub fn describe_routed(
        self,
        route: &Route<'_>,
        body: &[u8],
    ) -> Result<Description, DescribeError> {
        describe::describe_routed(self, route, body)
    }

    /// Our own refusal, as the client's SDK expects errors.
    pub fn refusal(self, kind: RefusalKind, message: &str, request_id: &str) -> ErrorAnswer {
        refusal::answer(self, kind, message, request_id)
    }

    /// A complete server-sent event that ends a stream in an error. For a stream that a
    /// [`StreamReader`] watches, use its [`StreamReader::error_event`]: it knows the stream's form.
    pub fn error_event(self, kind: RefusalKind, message: &str, request_id: &str) -> String {
        refusal::event(StreamForm::of(self), kind, message, request_id)
    }

    /// The tokens that a JSON answer says were charged.
    pub fn read_usage(self, endpoint: Endpoint, body: &[u8]) -> Usage {
        if usage::is_charged(self, endpoint) {
            usage::read(body)
        } else {
            Usage::default()
        }
    }

    /// What the response's headers say of the account's budgets; `header` looks up by lower-case
    /// name.
    pub fn snapshot<'a>(self, header: impl Fn(&str) -> Option<&'a str>) -> Snapshot {
        ratelimit::snapshot(self, &header)
    }
}

/// What kind of thing is asked for. Providers keep budgets of their own for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A model produces something.
    Inference,
    /// Counting tokens without a model's answer.
    CountTokens,
    /// Batches: creating, watching, cancelling, fetching results.
    Batches,
    /// Uploaded files.
    Files,
    /// The list of models.
    Models,
    /// A client that asks whether anybody is there; the gateway answers by itself.
    Probe,
    /// Everything else that is served.
    Other,
}

impl Endpoint {
    /// The name used in metrics and logs; a bounded set.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inference => "inference",
            Self::CountTokens => "count_tokens",
            Self::Batches => "batches",
            Self::Files => "files",
            Self::Models => "models",
            Self::Probe => "probe",
            Self::Other => "other",
        }
    }
}

/// The header that carries a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialStyle {
    /// `x-api-key: SECRET`.
    XApiKey,
    /// `authorization: Bearer SECRET`.
    Bearer,
    /// `api-key: SECRET` (Azure).
    ApiKey,
    /// `x-goog-api-key: SECRET` (Gemini).
    XGoogApiKey,
}

/// What admission must know of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The model, where the body names one. A batch is known by the first of its requests.
    pub model: Option<String>,
    /// Every other model that the body names (of a batch, or as a fallback): a client must be
    /// allowed them too.
    pub other_models: Vec<String>,
    /// The answer is asked for as a stream.
    pub stream: bool,
    /// How big it is.
    pub size: RequestSize,
    /// Fingerprint of the conversation: system prompt, tools and first message.
    pub affinity: Option<u64>,
    /// Fingerprint of the name that the client gives its conversation (`prompt_cache_key`).
    pub session: Option<u64>,
    /// Ids of files, containers, earlier responses and the like that only the account that made
    /// them knows.
    pub references: Vec<String>,
    /// The provider will keep the answer, to be asked for by its id.
    pub stored: bool,
}

/// Why a request's body cannot be described. The message tells the client what to send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    /// Not a JSON object.
    #[error("the request body is not a valid JSON object: {reason}")]
    InvalidJson {
        /// What is wrong, and where.
        reason: String,
    },
    /// A field that must be there is not, or is not what it must be.
    #[error("{field}: {problem}")]
    InvalidField {
        /// The field's name.
        field: &'static str,
        /// What is wrong and what to send instead.
        problem: &'static str,
    },
}

/// What the gateway refuses a request for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// The request is malformed.
    InvalidRequest,
    /// No client key, or an unknown one.
    Authentication,
    /// The client key may not do this.
    Permission,
    /// No such path or model.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The body or the headers are larger than allowed.
    RequestTooLarge,
    /// Something did not happen in time.
    Timeout,
    /// Every budget is spent.
    RateLimited,
    /// The provider, or the gateway itself, is overloaded.
    Overloaded,
    /// No key can serve now, or the provider cannot be reached.
    Unavailable,
    /// A mistake of ours.
    Internal,
}

/// A whole error answer in the client's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: String,
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
