//! What the gateway refuses requests for, in no dialect yet.

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
    /// The body refers to something that is not there for this client key.
    UnknownReference,
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
    /// The provider rejects the gateway's own key.
    ProviderKey,
    /// The gateway's account at the provider has no money, or is disabled.
    ProviderAccount,
    /// A mistake of ours.
    Internal,
}

impl RefusalKind {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::InvalidRequest,
        Self::Authentication,
        Self::Permission,
        Self::NotFound,
        Self::UnknownReference,
        Self::MethodNotAllowed,
        Self::RequestTooLarge,
        Self::Timeout,
        Self::RateLimited,
        Self::Overloaded,
        Self::Unavailable,
        Self::ProviderKey,
        Self::ProviderAccount,
        Self::Internal,
    ];
}
