//! Table `gateway.jwt`: whose tokens are believed.

use std::time::Duration;

use crate::file::base_url::{BaseUrl, Scheme};
use crate::file::fields::Fields;
use crate::file::problems::Spot;
use crate::file::read::paths::path;
use crate::file::report::Severity;
use crate::file::settings::{JwtKeys, JwtSettings};
use crate::file::value::Value;
use keyweir_tenancy::token::{Algorithm, Rules};

/// Issuers: a company has one or two.
pub(super) const ISSUERS_MAX: usize = 16;
const AUDIENCES_MAX: usize = 64;

/// An element of `gateway.jwt`, as written.
#[derive(Debug)]
pub(in crate::file) struct RawJwt {
    pub(in crate::file) spot: Spot,
    pub(in crate::file) issuer: Option<String>,
    pub(in crate::file) settings: Option<JwtSettings>,
}

pub(super) fn jwt(fields: &mut Fields<'_>) -> Option<RawJwt> {
    let spot = fields.spot().clone();
    let issuer = fields.required("issuer", |value| filled(&value));
    let audiences = fields.required("audiences", |value| {
        let listed = value.list(AUDIENCES_MAX, |value| Some(filled(&value)))?;
        if listed.is_empty() {
            return value.refuse_with_hint(
                "needs at least one audience",
                "name what the issuer writes into aud for this gateway: without one, tokens for \
                 any other service would open it",
            );
        }
        Some(listed.into_iter().flatten().collect())
    });
    let keys = keys(fields);
    let usual = Algorithm::USUAL.to_vec();
    let algorithms = fields.or("algorithms", usual, |value| algorithms(&value));
    let claim = fields.required("claim", |value| filled(&value));
    let leeway = fields.or("leeway", Duration::from_secs(30), |value| {
        value.duration(Duration::ZERO..=Duration::from_secs(300))
    });
    let refresh = fields.or("refresh", Duration::from_secs(300), |value| {
        value.duration(Duration::from_secs(30)..=Duration::from_secs(24 * 3600))
    });
    let keys_kept = fields.or("keys_kept", Duration::from_secs(3600), |value| {
        value.duration(Duration::ZERO..=Duration::from_secs(7 * 24 * 3600))
    });
    let ca_file = fields.optional("ca_file", |value| path(&value));
    let settings = || {
        let rules = Rules {
            issuer: issuer.clone()?,
            audiences: audiences?,
            algorithms,
            claim: claim?,
            leeway,
        };
        Some(JwtSettings {
            rules,
            keys: keys?,
            refresh,
            keys_kept,
            ca_file,
        })
    };
    Some(RawJwt {
        spot,
        settings: settings(),
        issuer,
    })
}

/// Where the keys are: a file or an address, and one of them.
fn keys(fields: &mut Fields<'_>) -> Option<JwtKeys> {
    let both = fields.has("jwks_file") && fields.has("jwks_url");
    let neither = !fields.has("jwks_file") && !fields.has("jwks_url");
    let file = fields.optional("jwks_file", |value| path(&value));
    let url = fields.optional("jwks_url", |value| url(&value));
    if both || neither {
        let says = if both {
            "has two places for its keys"
        } else {
            "has no keys"
        };
        fields.problems().note_with_hint(
            Severity::Error,
            fields.spot().clone(),
            says,
            "set jwks_file or jwks_url",
        );
        return None;
    }
    file.map(JwtKeys::File).or(url.map(JwtKeys::Url))
}

fn filled(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if text.is_empty() || text.trim() != text {
        return value.refuse("must not be empty, nor begin or end with a space");
    }
    Some(text.to_owned())
}

/// Whoever writes on the way could be every tenant: so in clear only on this machine.
fn url(value: &Value<'_>) -> Option<BaseUrl> {
    const HINT: &str = "write the issuer's jwks_uri, as \"https://id.example.com/jwks.json\"";
    match value.text()?.parse::<BaseUrl>() {
        Ok(url) if url.scheme == Scheme::Https || url.host.is_loopback() => Some(url),
        Ok(_) => value.refuse_with_hint("must begin with https://", HINT),
        Err(error) => value.refuse_with_hint(error.to_string(), HINT),
    }
}

fn algorithms(value: &Value<'_>) -> Option<Vec<Algorithm>> {
    let listed = value.list(Algorithm::NAMES.len(), |value| {
        Some(value.one_of(&Algorithm::NAMES))
    })?;
    if listed.is_empty() {
        return value.refuse("needs at least one algorithm");
    }
    Some(listed.into_iter().flatten().collect())
}
