//! Who a token says its bearer is: a JSON Web Token (RFC 7519), signed (RFC 7515) by an issuer that the
//! policy trusts.
//!
//! A token is [read](Token::read), its issuer is looked up by its name, the key is [found](keys::Keys)
//! among the issuer's, the driver verifies the signature with it, and only then counts what the token
//! [claims](Claims::bearer). Algorithms are those of public keys: there is none called `none`, and none
//! with a shared secret, so that a public key is never taken for a secret.
//!
//! Own code instead of a library: what is wanted of the format is little, and the core decides without
//! cryptography, which is the driver's.

mod algorithm;
mod claims;
pub mod keys;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

pub use self::algorithm::Algorithm;
pub use self::claims::{Claims, Rules};

/// The longest token: identity providers' have 1 to 2 KiB.
pub const BYTES_MAX: usize = 8 * 1024;

/// A token whose signature is still to be verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// What it says it is signed with.
    pub algorithm: Algorithm,
    /// Which of the issuer's keys, where it says so.
    pub key_id: Option<String>,
    /// What it claims.
    pub claims: Claims,
    /// The signature.
    pub signature: Vec<u8>,
    signed: usize,
}

/// Why a token is not believed. The message tells the client, and shows nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too long.
    #[error("it is longer than 8 KiB")]
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

/// Whether a credential looks like a token: three parts, of which the first is JSON's. No client key
/// does.
pub fn is_token(credential: &str) -> bool {
    // `{"` in base64.
    credential.starts_with("ey") && credential.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl Token {
    /// Reads a token. Nothing of it is to be believed before its signature is verified.
    ///
    /// # Errors
    /// If it is none, or one that could not be verified by anybody.
    pub fn read(text: &str) -> Result<Self, TokenError> {
        if text.len() > BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header = object(header)?;
        let algorithm = header.get("alg").and_then(Value::as_str);
        let algorithm = algorithm.and_then(Algorithm::named);
        if header.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(TokenError::Malformed),
        };
        Ok(Self {
            algorithm: algorithm.ok_or(TokenError::Algorithm)?,
            key_id,
            claims: Claims::read(object(claims)?)?,
            signature: decode(signature)?,
            signed: signed.len(),
        })
    }

    /// Of the text that it was read from, what is signed.
    pub fn signed<'t>(&self, text: &'t str) -> &'t [u8] {
        &text.as_bytes()[..self.signed]
    }
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    serde_json::from_slice(&decode(part)?).map_err(|_| TokenError::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    let decoded = URL_SAFE_NO_PAD.decode(part);
    decoded.map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests;
