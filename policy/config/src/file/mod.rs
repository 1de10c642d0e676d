//! The policy file: what operators write, and what the gateway may rely on.
//!
//! [`parse`] turns the text of one or more TOML files into a [`Policy`] that cannot hold a bad
//! value, or into a [`Report`] of everything that is wrong with them. [`parse_after`] does so for a
//! policy that follows another, and gives what has its name still the id it had ([`Identity`]).
//!
//! *Why no serde derive:* a derived `Deserialize` stops at its first mistake, and an operator with
//! ten mistakes should not need ten runs. So the files are parsed into `toml`'s tree, in which
//! every key and value knows where it stands, and small readers walk it: each notes what is wrong
//! and goes on. What is read that way is *raw* (any part may be missing, names are text); the
//! checks then look across tables; and only files without an error become a [`Policy`].
//!
//! *Order:* syntax (`source`) → shape and bounds of each field (`read`) → what only shows across
//! tables (`check`) → names resolved to ids (`assemble`).
//!
//! *Secrets:* a problem never quotes a line of the file, and a value only if it does not look
//! like a secret (`shown`).
//!
//! *Several files* are one policy: their tables are put together in the order of the files' names.

mod aliases;
pub(crate) mod amount;
mod assemble;
pub(crate) mod base_url;
mod check;
mod doubt;
mod fields;
mod form;
mod identity;
mod lines;
mod policy;
pub mod prices;
mod problems;
mod proxy_url;
mod read;
mod redis;
mod replicas;
mod report;
mod schema;
mod secret_ref;
mod settings;
pub(crate) mod shown;
mod source;
mod suggest;
mod tls;
pub mod traffic;
mod value;

#[cfg(test)]
mod tests;

use std::time::SystemTime;

pub use aliases::{Alias, Aliases, Scope};
pub use base_url::{BaseUrl, BaseUrlError, Host, Scheme};
pub use doubt::{Destination, Doubt, doubt};
pub use identity::{GONE_MAX, Gone, Identity};
pub use policy::{
    Account, Fallback, Key, Limit, LimitScope, ModelFallback, ModelGroup, Policy, Provider,
    ProviderHttp, Reserve, TenancySettings, Tenant, TenantGroup,
};
pub use proxy_url::{ProxySetting, ProxyUrl, ProxyUrlError};
pub use redis::{RedisSettings, RedisUrl};
pub use replicas::ReplicaCount;
pub use report::{Problem, Report, Severity};
pub use schema::schema;
pub use secret_ref::{SecretCommand, SecretRef};
pub use settings::{
    AccessLogSettings, GatewayLimits, GatewaySettings, JwtKeys, JwtSettings, ProxySettings,
    StreamSettings, Timeouts, TracesSettings, UpstreamSettings, WaitingSettings,
};
pub use suggest::did_you_mean;
pub use tls::{AdminTlsSettings, ClientCertificate, TlsSettings};

use problems::Problems;
use read::RawPolicy;

/// Reads the policy that `files`, each a name and its text, make together. Ids are given in file
/// order: those of keys account by account.
///
/// `now` is only used to warn of tenants that have expired. The report beside the policy holds
/// warnings alone; the one in `Err` holds at least one error.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn parse(files: &[(&str, &str)], now: SystemTime) -> Result<(Policy, Report), Report> {
    parse_after(files, now, &Identity::default())
}

/// [`parse`] for a policy that follows others: what `identity` knows by name keeps its id, and what
/// is new has an id that nothing known has. `identity` does not change until the policy is in force
/// ([`Identity::adopt`]), so that one that is refused after all leaves no trace.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn parse_after(
    files: &[(&str, &str)],
    now: SystemTime,
    identity: &Identity,
) -> Result<(Policy, Report), Report> {
    let mut files = files.to_vec();
    files.sort_by_key(|(name, _)| *name);
    let problems = Problems::default();
    let raw = read_files(&files, &problems, now);
    let report = problems.into_report(&files);
    // Names may lead anywhere, also in a circle, where a check has found an error.
    let raw = raw.filter(|_| report.errors() == 0);
    match raw.and_then(|raw| assemble::assemble(raw, identity)) {
        Some(policy) => Ok((policy, report)),
        None => Err(report),
    }
}

fn read_files(files: &[(&str, &str)], problems: &Problems, now: SystemTime) -> Option<RawPolicy> {
    let documents = source::parse_all(files, problems)?;
    let raw = read::documents(&documents, problems);
    // A file that is not TOML hides tables, and what refers to them would look wrong.
    let whole = documents.iter().all(|document| !document.torn);
    if whole {
        check::check(&raw, files, problems, now);
    }
    whole.then_some(raw)
}
