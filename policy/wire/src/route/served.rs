//! What a path and a method ask for, or why it is not served.

use keyweir_terms::endpoint::Endpoint;

/// A request that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// Its kind.
    pub endpoint: Endpoint,
    /// The id of a stateful resource that the path names: the request must go to the account that
    /// made it.
    pub resource: Option<&'a str>,
    /// It lists what lies on the account, whoever made it ([`list`](crate::list)).
    pub is_list: bool,
    /// A success makes something that only its account knows: remember the answer's ids
    /// ([`resource_ids`](crate::resource_ids)).
    pub creates_resource: bool,
    /// The body is JSON and must name a model.
    pub has_model_body: bool,
    /// The body is JSON worth describing, whether or not it must name a model.
    pub has_json_body: bool,
    /// The model or deployment that the path itself names.
    pub model: Option<&'a str>,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Not a path of this API, or one that tries to leave it (`..`, `//`).
    #[error("this path is not served")]
    NotServed,
    /// Administration of accounts, which no client of a pool may reach.
    #[error("administration of the provider's account is not served through the gateway")]
    Forbidden,
    /// The path exists, with other methods.
    #[error("this path is served with {allow} only")]
    MethodNotAllowed {
        /// The value for the `allow` header.
        allow: &'static str,
    },
}
