//! What a token claims, and whether that holds.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::error::TokenError;

/// Audiences of one token.
const AUDIENCES_MAX: usize = 64;

/// Names of one claim that are looked at: groups of one person.
const NAMES_MAX: usize = 256;

/// Who the bearer of a token may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer<'c> {
    /// Names, of which the first that is a tenant's counts.
    pub names: Vec<&'c str>,
    /// Until when that holds.
    pub until: SystemTime,
}

/// What the tokens of one issuer must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Who issues them: `iss`, letter by letter.
    pub issuer: String,
    /// For whom they are: `aud` must have one of these.
    pub audiences: Vec<String>,
    /// What they may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// The claim that names the tenant, or the path to it, with dots.
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

    /// The names of which the first that is a tenant's is that of the bearer by `rules`, never none; and
    /// until when. To be asked of a token whose signature is verified.
    ///
    /// # Errors
    /// If what it claims does not hold at `now`, or names nobody.
    pub fn bearer(&self, rules: &Rules, now: SystemTime) -> Result<Bearer<'_>, TokenError> {
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
        let names = names(self.claim(&rules.claim));
        if names.is_empty() {
            return Err(TokenError::NoTenant);
        }
        let left = Duration::try_from_secs_f64(self.expires + leeway - secs);
        let until = left.ok().and_then(|left| now.checked_add(left));
        Ok(Bearer {
            names,
            // One that is good for longer than there is time is verified again each time.
            until: until.unwrap_or(now),
        })
    }

    /// The claim of that name, which may have dots in it (`https://example.com/team`), or else the one
    /// that the path leads to (`resource.team`).
    fn claim(&self, name: &str) -> Option<&Value> {
        self.all.get(name).or_else(|| {
            let mut path = name.split('.');
            let first = self.all.get(path.next()?)?;
            path.try_fold(first, |value, name| value.get(name))
        })
    }
}

/// The names that a claim has: it is text, or a list of texts.
fn names(claim: Option<&Value>) -> Vec<&str> {
    match claim {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => {
            let names = many.iter().filter_map(Value::as_str);
            names.take(NAMES_MAX).collect()
        }
        _ => Vec::new(),
    }
}
