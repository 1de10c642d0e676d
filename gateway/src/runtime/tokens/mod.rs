//! Whom signed tokens name: the issuers of the policy in force, and what was verified already.
//!
//! What a token must say [`keyweir_policy::tenancy::token`] knows; here are the keys, the cryptography
//! and the cache. A token is verified once and known by its hash until it expires, an issuer's keys
//! change or the policy does, so that a request with a known one costs a hash and a look-up.

mod fetch;
mod issuer;
mod verify;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyweir_policy::config::file::{JwtKeys, JwtSettings, Policy};
use keyweir_policy::tenancy::token::freshness::Unknown;
use keyweir_policy::tenancy::token::keys::Keys;
use keyweir_policy::tenancy::token::{Bearer, Token, TokenError};
use keyweir_policy::terms::ids::TenantId;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use self::issuer::{Issuer, Published};

pub(crate) use self::issuer::IssuerView;

/// Tokens that are known at a time: a client has one, and a new one every hour or so.
const VERIFIED_MAX: usize = 10_000;

/// The issuers, and what was verified.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issuers: Vec<Arc<Issuer>>,
    tenants: HashMap<String, TenantId>,
    verified: Mutex<HashMap<[u8; 32], Verified>>,
}

/// A token that was verified.
#[derive(Clone, Copy, Debug)]
struct Verified {
    tenant: TenantId,
    until: SystemTime,
    /// Its issuer's place, and which of its key sets verified it.
    issuer: usize,
    edition: u64,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It is wrong.
    Wrong(TokenError),
    /// Its issuer's keys are not there, or count no more; they may be after this long.
    NoKeys(Duration),
    /// Its key is not known, and its issuer may publish it by now: that shows after this long.
    NotYetKnown(Duration),
}

/// What is wrong with the keys of the issuers of `policy`, as far as they are in files, or, if addresses
/// are `asked`, there: a line for each.
pub(crate) fn check(policy: &Policy, folder: &Path, asked: bool) -> Vec<String> {
    let one = |settings: &JwtSettings| {
        let keys = match &settings.keys {
            JwtKeys::File(path) => issuer::read_file(&folder.join(path)),
            JwtKeys::Url(_) if asked => asked_now(settings, folder),
            JwtKeys::Url(_) => return None,
        };
        let why = match keys {
            Ok(keys) if keys.is_empty() => "it publishes no key for signatures".to_owned(),
            Ok(_) => return None,
            Err(why) => why,
        };
        Some(format!("issuer \"{}\": {why}", settings.rules.issuer))
    };
    policy.gateway.jwt.iter().filter_map(one).collect()
}

fn asked_now(settings: &JwtSettings, folder: &Path) -> Result<Keys, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(issuer::ask(settings, folder))
}

impl Tokens {
    /// Those of `policy`, whose relative paths start at `folder`, after `before`: issuers that stay as
    /// they are keep their keys. Must be called on a runtime if one has to be asked.
    pub(crate) fn after(before: &Self, policy: &Policy, folder: &Path) -> Self {
        let issuers = policy.gateway.jwt.iter().map(|settings| {
            let mut known = before.issuers.iter();
            match known.find(|issuer| issuer.is(settings, folder)) {
                Some(known) => Arc::clone(known),
                None => Issuer::start(settings.clone(), folder),
            }
        });
        let issuers: Vec<Arc<Issuer>> = issuers.collect();
        let tenants = policy.tenants.iter().filter(|_| !issuers.is_empty());
        Self {
            tenants: tenants
                .map(|(id, tenant)| (tenant.id.clone(), id))
                .collect(),
            issuers,
            verified: Mutex::default(),
        }
    }

    /// Whether any issuer is trusted.
    pub(crate) const fn is_any(&self) -> bool {
        !self.issuers.is_empty()
    }

    /// What operators are told of each issuer.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = IssuerView> {
        self.issuers.iter().map(|issuer| issuer.view())
    }

    /// Has the issuers asked that are at an address.
    pub(crate) fn ask_anew(&self) {
        self.issuers.iter().for_each(|issuer| issuer.ask_anew());
    }

    /// Reads the files with keys anew. Blocks.
    pub(crate) fn reread(&self) {
        self.issuers.iter().for_each(|issuer| issuer.reread());
    }

    /// The tenant that the bearer of `text` is.
    ///
    /// # Errors
    /// If it is none, or nobody knows.
    pub(crate) fn bearer(&self, text: &str, now: SystemTime) -> Result<TenantId, Denied> {
        let hash: [u8; 32] = Sha256::digest(text).into();
        let known = self.verified.lock().get(&hash).copied();
        let is_good = |known: &Verified| {
            let published = self.issuers[known.issuer].published();
            known.until > now && published.is_ok_and(|it| it.edition == known.edition)
        };
        if let Some(known) = known.filter(is_good) {
            return Ok(known.tenant);
        }
        let known = self.verify(text, now)?;
        self.learn(hash, known, now);
        Ok(known.tenant)
    }

    fn verify(&self, text: &str, now: SystemTime) -> Result<Verified, Denied> {
        let token = Token::read(text).map_err(Denied::Wrong)?;
        let mut issuers = self.issuers.iter().enumerate();
        let is_its = |issuer: &Issuer| issuer.rules().issuer == token.claims.issuer;
        let found = issuers.find(|(_, issuer)| is_its(issuer));
        let (place, issuer) = found.ok_or(Denied::Wrong(TokenError::Issuer))?;
        let rules = issuer.rules();
        if !rules.algorithms.contains(&token.algorithm) {
            return Err(Denied::Wrong(TokenError::Algorithm));
        }
        let published = issuer.published().map_err(Denied::NoKeys)?;
        let Published { keys, edition } = &*published;
        let mut fitting = keys.of(&token).map_err(|error| {
            if error != TokenError::UnknownKey {
                return Denied::Wrong(error);
            }
            match issuer.unknown(token.key_id.as_deref().unwrap_or_default()) {
                Unknown::NotPublished => Denied::Wrong(error),
                Unknown::Later(wait) => Denied::NotYetKnown(wait),
            }
        })?;
        let signed = token.signed(text);
        let has_signed = |key| verify::has_signed(key, token.algorithm, signed, &token.signature);
        if !fitting.any(has_signed) {
            return Err(Denied::Wrong(TokenError::Signature));
        }
        let bearer = token.claims.bearer(rules, now);
        let Bearer { names, until } = bearer.map_err(Denied::Wrong)?;
        let tenant = names.iter().find_map(|name| self.tenants.get(*name));
        Ok(Verified {
            tenant: *tenant.ok_or(Denied::Wrong(TokenError::UnknownTenant))?,
            until,
            issuer: place,
            edition: *edition,
        })
    }

    fn learn(&self, hash: [u8; 32], known: Verified, now: SystemTime) {
        let mut all = self.verified.lock();
        if all.len() >= VERIFIED_MAX {
            all.retain(|_, other| other.until > now);
        }
        if all.len() >= VERIFIED_MAX {
            // All are good still: they are verified again as they come.
            all.clear();
        }
        all.insert(hash, known);
    }
}

#[cfg(test)]
mod tests;
