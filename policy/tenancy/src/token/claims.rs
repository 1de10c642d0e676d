//! What a token claims, and whether that holds.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::error::TokenError;

/// Audiences of one token.
const AUDIENCES_MAX: usize = 64;

/// What the tokens of one issuer must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Who issues them: `iss`, letter by letter.
    pub issuer: String,
    /// For whom they are: `aud` must have one of these.
    pub audiences: Vec<String>,
    /// What they may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// The claim that names the tenant.
    pub claim: String,
    /// How far its clock and ours may be apart.
    pub leeway: Duration,
}

/// What a token claims. `exp` and `nbf` are seconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Who issued it.
    pub issuer: String,
    audiences: Vec<String>,
    expires: f64,
    not_before: Option<f64>,
    all: Map<String, Value>,
}

impl Claims {
    /// A claim of the wrong type is a mistake and not an absent one: who sent it may have meant to
    /// bound what the token is good for.
    pub(super) fn read(all: Map<String, Value>) -> Result<Self, TokenError> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let issuer = text(all.get("iss").ok_or(TokenError::Incomplete)?);
        let audiences = match all.get("aud").ok_or(TokenError::Incomplete)? {
            Value::String(one) => Some(vec![one.clone()]),
            Value::Array(many) if many.len() <= AUDIENCES_MAX => many.iter().map(text).collect(),
            _ => None,
        };
        let number = |value: &Value| value.as_f64().filter(|number| number.is_finite());
        let expires = number(all.get("exp").ok_or(TokenError::Incomplete)?);
        let not_before = all
            .get("nbf")
            .map(|it| number(it).ok_or(TokenError::Malformed));
        Ok(Self {
            issuer: issuer.ok_or(TokenError::Malformed)?,
            audiences: audiences.ok_or(TokenError::Malformed)?,
            expires: expires.ok_or(TokenError::Malformed)?,
            not_before: not_before.transpose()?,
            all,
        })
    }

    /// The name of the tenant that the bearer is by `rules`, and until when. To be asked of a token
    /// whose signature is verified.
    ///
    /// # Errors
    /// If what it claims does not hold at `now`, or names no tenant.
    pub fn bearer(&self, rules: &Rules, now: SystemTime) -> Result<(&str, SystemTime), TokenError> {
        if self.issuer != rules.issuer {
            return Err(TokenError::Issuer);
        }
        if !self.audiences.iter().any(|it| rules.audiences.contains(it)) {
            return Err(TokenError::Audience);
        }
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH);
        let secs = since_epoch.unwrap_or_default().as_secs_f64();
        let leeway = rules.leeway.as_secs_f64();
        if self.expires + leeway <= secs {
            return Err(TokenError::Expired);
        }
        if self.not_before.is_some_and(|it| it - leeway > secs) {
            return Err(TokenError::TooEarly);
        }
        let tenant = self.all.get(&rules.claim).and_then(Value::as_str);
        let tenant = tenant.ok_or(TokenError::NoTenant)?;
        let left = Duration::try_from_secs_f64(self.expires + leeway - secs);
        let until = left.ok().and_then(|left| now.checked_add(left));
        // One that is good for longer than there is time is verified again each time.
        Ok((tenant, until.unwrap_or(now)))
    }
}
