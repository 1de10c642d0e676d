//! Why a token is not believed.

/// The longest token: identity providers' have 1 to 2 KiB.
pub const BYTES_MAX: usize = 8 * 1024;

/// Why a token is not believed. The message tells the client, and shows nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too long.
    #[error("it is longer than {} KiB", BYTES_MAX / 1024)]
    TooLong,
    /// It is not three parts of JSON, JSON and a signature, or a claim has the wrong type.
    #[error("it is no JSON Web Token")]
    Malformed,
    /// Its algorithm is not one of public keys, or not one that the issuer may use.
    #[error("it is signed with an algorithm that this gateway does not accept")]
    Algorithm,
    /// Its header says that something must be understood which is not.
    #[error("its header has critical extensions")]
    Critical,
    /// It says nothing of who issued it, for whom, or until when.
    #[error("it lacks one of the claims iss, aud and exp")]
    Incomplete,
    /// Nobody that the policy trusts has issued it.
    #[error("its issuer is not one that this gateway trusts")]
    Issuer,
    /// It is meant for somebody else.
    #[error("it is meant for another audience")]
    Audience,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    TooEarly,
    /// None of the issuer's keys has signed it.
    #[error("its signature is wrong")]
    Signature,
    /// The issuer's keys, as they are known, have none that it names.
    #[error("it is signed with a key that its issuer does not publish")]
    UnknownKey,
    /// It does not name a tenant.
    #[error("it does not say which tenant its bearer is")]
    NoTenant,
    /// It names a tenant that is none of the policy.
    #[error("the tenant that it names is none of this gateway's")]
    UnknownTenant,
}

impl TokenError {
    /// The name used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::Malformed => "token_malformed",
            Self::Algorithm => "token_algorithm",
            Self::Critical => "token_critical",
            Self::Incomplete => "token_incomplete",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::TooEarly => "token_too_early",
            Self::Signature => "token_signature",
            Self::UnknownKey => "token_unknown_key",
            Self::NoTenant => "token_no_tenant",
            Self::UnknownTenant => "token_unknown_tenant",
        }
    }
}
