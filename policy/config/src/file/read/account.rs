//! Table `account`: its limits and its keys.

use std::time::Duration;

use crate::file::fields::Fields;
use crate::file::problems::{At, Spot};
use crate::file::read::bounds::{KEYS_MAX, LIST_MAX};
use crate::file::read::names::{id, patterns, reference};
use crate::file::read::secret_ref::secret_ref;
use crate::file::report::Severity;
use crate::file::secret_ref::SecretRef;
use crate::file::value::Value;
use keyweir_terms::amount::Dimension;
use keyweir_terms::pattern::ModelPatterns;

/// The largest limit accepted: far above any provider's, far below where sums overflow.
const PER_MINUTE_MAX: u64 = 1_000_000_000_000;

/// The fields of the dimensions, by [`Dimension::index`].
const PER_MINUTE: [&str; Dimension::COUNT] = [
    "requests_per_minute",
    "input_tokens_per_minute",
    "output_tokens_per_minute",
    "tokens_per_minute",
];

/// An account, as written.
#[derive(Debug)]
pub(in crate::file) struct RawAccount {
    pub(in crate::file) spot: Spot,
    pub(in crate::file) id: Option<At<String>>,
    pub(in crate::file) provider: Option<At<String>>,
    pub(in crate::file) models: ModelPatterns,
    pub(in crate::file) limits: Vec<RawLimit>,
    pub(in crate::file) keys: Vec<RawKey>,
    /// Whether the file names keys, readable or not.
    pub(in crate::file) has_keys: bool,
}

/// A limit, as written.
#[derive(Debug)]
pub(in crate::file) struct RawLimit {
    pub(in crate::file) spot: Spot,
    pub(in crate::file) scope: RawScope,
    pub(in crate::file) per_minute: [Option<u64>; Dimension::COUNT],
    pub(in crate::file) burst: Option<Duration>,
}

/// What a limit holds for, as written.
#[derive(Debug)]
pub(in crate::file) enum RawScope {
    EveryGroup,
    Group(At<String>),
    Models(ModelPatterns),
    /// It was wrong.
    Unclear,
}

/// A provider key, as written.
#[derive(Debug)]
pub(in crate::file) struct RawKey {
    pub(in crate::file) id: Option<At<String>>,
    pub(in crate::file) secret: Option<At<SecretRef>>,
}

pub(super) fn account(fields: &mut Fields<'_>) -> Option<RawAccount> {
    Some(RawAccount {
        spot: fields.spot().clone(),
        id: id(fields),
        provider: fields.required("provider", reference),
        models: fields.or("models", ModelPatterns::any(), |value| patterns(&value)),
        limits: fields.tables("limit", LIST_MAX, limit),
        keys: fields.tables("key", KEYS_MAX, key),
        has_keys: fields.has("key"),
    })
}

fn limit(fields: &mut Fields<'_>) -> Option<RawLimit> {
    let written = PER_MINUTE.iter().any(|name| fields.has(name));
    if !written {
        fields.problems().note_with_hint(
            Severity::Warning,
            fields.spot().clone(),
            "limits nothing",
            format!("set one of {}", PER_MINUTE.join(", ")),
        );
    }
    Some(RawLimit {
        spot: fields.spot().clone(),
        scope: scope(fields),
        per_minute: PER_MINUTE.map(|name| fields.optional(name, |value| per_minute(&value))),
        burst: fields.optional("burst", |value| {
            value.duration(Duration::from_millis(10)..=Duration::from_secs(86_400))
        }),
    })
}

fn scope(fields: &mut Fields<'_>) -> RawScope {
    let both = fields.has("group") && fields.has("models");
    let group = fields.optional("group", reference);
    let models = fields.optional("models", |value| {
        if both {
            return value.refuse_with_hint(
                "a limit is for a group or for models, not for both",
                "keep one of them",
            );
        }
        patterns(&value)
    });
    match (group, models) {
        (Some(group), None) if !both => RawScope::Group(group),
        (None, Some(models)) => RawScope::Models(models),
        (None, None) if !fields.has("group") && !fields.has("models") => RawScope::EveryGroup,
        _ => RawScope::Unclear,
    }
}

fn per_minute(value: &Value<'_>) -> Option<u64> {
    let limit = value.count(0..=PER_MINUTE_MAX)?;
    if limit == 0 {
        value.warn(
            "with a limit of 0 the account serves nothing",
            "leave it out if it is unknown",
        );
    }
    Some(limit)
}

fn key(fields: &mut Fields<'_>) -> Option<RawKey> {
    Some(RawKey {
        id: id(fields),
        secret: fields.required("secret", |value| {
            let spot = value.spot().clone();
            secret_ref(value).map(|value| At { value, spot })
        }),
    })
}
