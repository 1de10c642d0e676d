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
mod error;
pub mod freshness;
pub mod keys;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

pub use self::algorithm::Algorithm;
pub use self::claims::{Bearer, Claims, Rules};
pub use self::error::{BYTES_MAX, TokenError};

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
