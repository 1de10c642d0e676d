//! Shape and bounds: what each table may hold.
//!
//! What is read here is raw: a part that was wrong is noted and absent, and names of other things
//! are still text. Checks that need more than one table are in [`super::check`].

mod account;
mod provider;
mod secret_ref;
mod settings;
mod tenant;

use crate::file::fields::Fields;
use crate::file::problems::{At, Problems, Spot};
use crate::file::settings::WaitingSettings;
use crate::file::source::Document;
use crate::file::value::Value;
use keyweir_health::retry_budget::RetryLimits;
use keyweir_terms::pattern::ModelPatterns;

pub(super) use account::{RawAccount, RawKey, RawLimit, RawScope};
pub(super) use provider::{RawGroup, RawProvider};
pub(super) use settings::RawGateway;
pub(super) use tenant::{RawFallback, RawModelFallback, RawTenant};

/// Providers; each has a pool, connections and metrics of its own.
const PROVIDERS_MAX: usize = 1_000;
/// Accounts, and so at most this many per file.
pub(super) const ACCOUNTS_MAX: usize = 10_000;
/// Provider keys in all.
pub(super) const KEYS_MAX: usize = 10_000;
/// Tenants, and so at most this many per file.
pub(super) const TENANTS_MAX: usize = 10_000;
/// Entries of any list that has no bound of its own: patterns, groups, limits, client keys.
const LIST_MAX: usize = 1_000;
/// Longest name. Names stand in metrics' labels and in paths.
const ID_LEN_MAX: usize = 64;

/// All files' tables, as far as they could be read.
#[derive(Debug, Default)]
pub(super) struct RawPolicy {
    pub(super) gateway: Option<At<RawGateway>>,
    pub(super) waiting: Option<At<WaitingSettings>>,
    pub(super) retry: Option<At<RetryLimits>>,
    pub(super) providers: Vec<RawProvider>,
    pub(super) accounts: Vec<RawAccount>,
    pub(super) tenants: Vec<RawTenant>,
    pub(super) fallbacks: Vec<RawModelFallback>,
    pub(super) files: usize,
}

/// Reads one file's tables and puts them behind those of the files before it.
pub(super) fn document<'t>(
    document: &'t Document<'t>,
    problems: &'t Problems,
    raw: &mut RawPolicy,
) {
    let spot = Spot {
        file: Some(document.file),
        ..Spot::default()
    };
    let mut fields = Fields::new(spot, &document.root, problems);
    raw.files += 1;
    once(&mut fields, "gateway", &mut raw.gateway, settings::gateway);
    once(&mut fields, "waiting", &mut raw.waiting, settings::waiting);
    once(&mut fields, "retry", &mut raw.retry, settings::retry);
    raw.providers
        .extend(fields.tables("provider", PROVIDERS_MAX, provider::provider));
    raw.accounts
        .extend(fields.tables("account", ACCOUNTS_MAX, account::account));
    raw.tenants
        .extend(fields.tables("tenant", TENANTS_MAX, tenant::tenant));
    raw.fallbacks
        .extend(fields.tables("fallback", LIST_MAX, tenant::model_fallback));
    fields.finish();
}

/// A table that may stand in one file only: which of two should count?
fn once<'t, T>(
    fields: &mut Fields<'t>,
    name: &'static str,
    slot: &mut Option<At<T>>,
    read: impl FnOnce(&mut Fields<'t>) -> T,
) {
    fields.optional(name, |value| {
        let spot = value.spot().clone();
        if slot.is_some() {
            value.refuse::<()>("this table is in an earlier file already; keep one of them");
        }
        let value = value.table(|fields| Some(read(fields)))?;
        *slot = Some(At { value, spot });
        Some(())
    });
}

/// The name of a thing. Given even if it is wrong, so that what refers to it is not wrong too.
fn id(fields: &mut Fields<'_>) -> Option<At<String>> {
    fields.required("id", |value| {
        value.at(|value| {
            let id = value.text()?;
            if !is_id(id) {
                value.refuse::<()>(format!(
                    "must be 1 to {ID_LEN_MAX} of a-z, 0-9, \"-\", \"_\" and \".\", \
                     and begin with a letter or a digit"
                ));
            }
            Some(id.to_owned())
        })
    })
}

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=ID_LEN_MAX).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || b"-_.".contains(&byte))
}

/// The name of another thing.
fn reference(value: Value<'_>) -> Option<At<String>> {
    value.at(|value| value.text().map(str::to_owned))
}

/// Patterns for models: `["claude-*"]`.
fn patterns(value: &Value<'_>) -> Option<ModelPatterns> {
    let written = value.list(LIST_MAX, |value| Some(value.parsed()))?;
    if written.is_empty() {
        return value.refuse("needs at least one pattern");
    }
    ModelPatterns::new(written.into_iter().flatten().collect())
}
