//! LiteLLM's `config.yaml`.
//!
//! Its deployments become accounts with their limits, its public names aliases, its fallbacks
//! fallbacks, its master key a tenant. It spreads requests of one name over all deployments of that
//! name, whatever model and vendor they are of; here a name leads to one model, whose accounts share
//! the requests, and the others follow as fallbacks.
//!
//! Source: <https://docs.litellm.ai/docs/proxy/config_settings>.

mod deployments;
mod fallbacks;
mod info;
mod settings;
mod taken;
mod yaml;

use super::{ImportError, Imported};

use self::taken::Import;
use self::yaml::Node;

/// Bytes of a file that is read.
pub const BYTES_MAX: usize = 1024 * 1024;

/// Makes a policy of `text`.
///
/// # Errors
/// If it is no such file, or has no deployment that could be taken over.
pub fn import(text: &str) -> Result<Imported, ImportError> {
    if text.len() > BYTES_MAX {
        return Err(ImportError::TooLarge(BYTES_MAX));
    }
    let document = yaml::parse(text)?;
    let mut import = Import::default();
    let root = Node::new(&document);
    for (name, line, value) in root.entries() {
        match name {
            "model_list" => deployments::read(&mut import, value),
            "router_settings" | "litellm_settings" | "general_settings" => {}
            _ => import.unsupported(line, format!("{name}: nothing here is like it")),
        }
    }
    if import.draft.accounts.is_empty() {
        return Err(ImportError::Nothing("deployment"));
    }
    deployments::names(&mut import);
    for (table, _, settings) in root.entries() {
        match table {
            "router_settings" | "litellm_settings" => settings::router(&mut import, settings),
            "general_settings" => settings::general(&mut import, settings),
            _ => {}
        }
    }
    fallbacks::put(&mut import);
    import.findings.sort_by_key(|finding| finding.line);
    Ok(Imported {
        policy: import.draft.text(),
        findings: import.findings,
    })
}

#[cfg(test)]
mod tests;
