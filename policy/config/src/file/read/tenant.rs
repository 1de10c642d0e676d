//! Tables `tenant` and `fallback`.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::file::fields::Fields;
use crate::file::problems::{At, Spot};
use crate::file::read::alias::{RawAlias, aliases};
use crate::file::read::allowance::{RawAllowance, allowance};
use crate::file::read::bounds::LIST_MAX;
use crate::file::read::names::{id, patterns, reference};
use crate::file::read::secret_ref::by_reference;
use crate::file::read::waiting::patience;
use crate::file::report::Severity;
use crate::file::secret_ref::SecretRef;
use crate::file::value::Value;
use crate::secret::{ClientKey, ClientKeyHash};
use keyweir_exchange::fallback::Occasions;
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::request::Priority;

/// Steps of one list of fallbacks: each costs a client patience.
const STEPS_MAX: usize = 16;

/// The largest weight. Beyond a ratio of a thousand a share means nothing.
const WEIGHT_MAX: u64 = 1_000;

const PRIORITIES: [(&str, Priority); 3] = [
    (Priority::High.as_str(), Priority::High),
    (Priority::Normal.as_str(), Priority::Normal),
    (Priority::Low.as_str(), Priority::Low),
];

/// A tenant, as written.
#[derive(Debug)]
pub(in crate::file) struct RawTenant {
    pub(in crate::file) spot: Spot,
    pub(in crate::file) id: Option<At<String>>,
    pub(in crate::file) client_keys: Vec<At<ClientKeyHash>>,
    pub(in crate::file) client_key_refs: Vec<SecretRef>,
    pub(in crate::file) client_keys_expire: Vec<(ClientKeyHash, At<SystemTime>)>,
    /// Whether the file names client keys, readable or not.
    pub(in crate::file) has_client_keys: bool,
    pub(in crate::file) models: ModelPatterns,
    pub(in crate::file) priority: Priority,
    pub(in crate::file) weight: u32,
    pub(in crate::file) patience: Option<Duration>,
    pub(in crate::file) expires: Option<At<SystemTime>>,
    pub(in crate::file) shares: Option<String>,
    pub(in crate::file) whole_answers: bool,
    pub(in crate::file) allowance: RawAllowance,
    pub(in crate::file) fallbacks: Vec<RawFallback>,
    pub(in crate::file) aliases: Vec<RawAlias>,
}

/// A step of a list of fallbacks, as written.
#[derive(Debug)]
pub(in crate::file) struct RawFallback {
    pub(in crate::file) model: Option<String>,
    pub(in crate::file) provider: Option<At<String>>,
    pub(in crate::file) account: Option<At<String>>,
    pub(in crate::file) on: Occasions,
}

/// Table `fallback`, as written.
#[derive(Debug)]
pub(in crate::file) struct RawModelFallback {
    pub(in crate::file) spot: Spot,
    pub(in crate::file) models: Option<ModelPatterns>,
    pub(in crate::file) steps: Vec<RawFallback>,
}

pub(super) fn tenant(fields: &mut Fields<'_>) -> Option<RawTenant> {
    let written = fields.optional("client_keys", |value| {
        value.list(LIST_MAX, |value| Some(client_key(value)))
    });
    let has_client_keys = written
        .as_ref()
        .map_or(fields.has("client_keys"), |written| !written.is_empty());
    let (mut client_keys, mut client_key_refs) = (Vec::new(), Vec::new());
    let mut client_keys_expire = Vec::new();
    for key in written.into_iter().flatten().flatten() {
        match key {
            RawClientKey::Hash(hash, expires) => {
                let expires = expires.map(|expires| (hash.value, expires));
                client_keys_expire.extend(expires);
                client_keys.push(hash);
            }
            RawClientKey::Elsewhere(secret) => client_key_refs.push(secret),
        }
    }
    Some(RawTenant {
        spot: fields.spot().clone(),
        id: id(fields),
        has_client_keys,
        client_keys,
        client_key_refs,
        client_keys_expire,
        models: fields.or("models", ModelPatterns::any(), |value| patterns(&value)),
        priority: fields.or("priority", Priority::Normal, |value| {
            value.one_of(&PRIORITIES)
        }),
        weight: fields.or("weight", 1, |value| {
            value
                .count(1..=WEIGHT_MAX)
                .and_then(|weight| u32::try_from(weight).ok())
        }),
        patience: fields.optional("patience", |value| patience(&value)),
        expires: fields.optional("expires", |value| value.at(moment)),
        whole_answers: fields.or("whole_answers", false, |value| value.boolean()),
        allowance: allowance(fields),
        shares: fields.optional("shares", |value| value.text().map(str::to_owned)),
        fallbacks: fields.or("fallbacks", Vec::new(), |value| steps(&value)),
        aliases: aliases(fields),
    })
}

/// A client key, as written.
enum RawClientKey {
    /// And from when on it is refused.
    Hash(At<ClientKeyHash>, Option<At<SystemTime>>),
    Elsewhere(SecretRef),
}

fn client_key(value: Value<'_>) -> Option<RawClientKey> {
    value.table_or(client_key_table, |value| {
        let hash = value.at(client_key_hash)?;
        Some(RawClientKey::Hash(hash, None))
    })
}

fn client_key_table(value: Value<'_>) -> Option<RawClientKey> {
    let expiring = |value: Value<'_>| {
        value.table(|fields| {
            let hash = fields.required("hash", |value| value.at(client_key_hash));
            let expires = fields.optional("expires", |value| value.at(moment));
            Some(RawClientKey::Hash(hash?, expires))
        })
    };
    value.either(
        |value| value.has_field("hash"),
        expiring,
        |value| by_reference(value).map(RawClientKey::Elsewhere),
    )
}

fn client_key_hash(value: &Value<'_>) -> Option<ClientKeyHash> {
    let text = value.string()?;
    match text.parse() {
        Ok(hash) if hash == ClientKeyHash::of("") => {
            value.refuse("is the hash of nothing: anybody could present that key")
        }
        Ok(hash) => Some(hash),
        Err(error) if text.starts_with("sha256:") => value.refuse(error.to_string()),
        Err(_) if is_bare_hash(text) => {
            value.refuse_with_hint("does not say which hash it is", "put \"sha256:\" before it")
        }
        Err(_) if text.starts_with(ClientKey::PREFIX) => value.refuse_with_hint(
            "is a client key, and the policy file only holds hashes",
            "run `keyweir hash` and write the hash it prints",
        ),
        Err(error) => value.refuse_with_hint(
            error.to_string(),
            "run `keyweir hash` to make a client key and its hash",
        ),
    }
}

fn is_bare_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A date (its first moment, UTC) or an RFC 3339 time, as a TOML date or as a string.
fn moment(value: &Value<'_>) -> Option<SystemTime> {
    let text = match value.as_date() {
        Some(text) => text,
        None => value.string()?.to_owned(),
    };
    let date_only = text.len() == "2027-01-01".len();
    let full = if date_only {
        format!("{text}T00:00:00Z")
    } else {
        text
    };
    match OffsetDateTime::parse(&full, &Rfc3339) {
        Ok(moment) => Some(moment.into()),
        Err(_) => value.refuse_with_hint(
            "is not a date",
            "write \"2027-01-31\", or with a time and its offset \"2027-01-31T18:00:00Z\"",
        ),
    }
}

fn steps(value: &Value<'_>) -> Option<Vec<RawFallback>> {
    value.list(STEPS_MAX, |value| value.table(step))
}

/// What a step is for; never nothing.
fn occasions(value: &Value<'_>) -> Option<Occasions> {
    const WORDS: [(&str, Occasion); 2] = [
        ("unavailable", Occasion::Unavailable),
        ("context_length", Occasion::ContextLength),
    ];
    let listed = value.list(WORDS.len(), |value| value.one_of(&WORDS))?;
    if listed.is_empty() {
        return value.refuse("needs at least one word");
    }
    Some(Occasions {
        unavailable: listed.contains(&Occasion::Unavailable),
        context_length: listed.contains(&Occasion::ContextLength),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Occasion {
    Unavailable,
    ContextLength,
}

fn step(fields: &mut Fields<'_>) -> Option<RawFallback> {
    let step = RawFallback {
        model: fields.optional("model", |value| value.text().map(str::to_owned)),
        provider: fields.optional("provider", reference),
        account: fields.optional("account", reference),
        on: fields.or("on", Occasions::default(), |value| occasions(&value)),
    };
    if !["model", "provider", "account"]
        .iter()
        .any(|name| fields.has(name))
    {
        fields.problems().note_with_hint(
            Severity::Error,
            fields.spot().clone(),
            "leads nowhere",
            "set model, provider or account",
        );
    }
    Some(step)
}

pub(super) fn model_fallback(fields: &mut Fields<'_>) -> Option<RawModelFallback> {
    Some(RawModelFallback {
        spot: fields.spot().clone(),
        models: fields.required("models", |value| patterns(&value)),
        steps: fields
            .required("steps", |value| {
                let steps = steps(&value)?;
                if steps.is_empty() {
                    value.refuse::<()>("needs at least one step");
                }
                Some(steps)
            })
            .unwrap_or_default(),
    })
}
