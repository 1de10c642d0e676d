//! LiteLLM's `config.yaml`.
//!
//! Its deployments become accounts with their limits, its public names aliases, its fallbacks
//! fallbacks, its master key a tenant. It spreads requests of one name over all deployments of that
//! name, whatever model and vendor they are of; here a name leads to one model of each dialect, whose
//! accounts share the requests, and the others follow as fallbacks.
//!
//! Source: <https://docs.litellm.ai/docs/proxy/config_settings>.

mod deployments;
mod fallbacks;
mod info;
mod instead;
mod names;
mod params;
mod secrets;
mod settings;
mod taken;
mod yaml;

use super::finding::on_one_line;
use super::{ImportError, Imported};

use self::deployments::Which;
use self::instead::instead;
use self::params::Shared;
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
    let routers = || {
        let tables = ["router_settings", "litellm_settings"];
        tables.into_iter().filter_map(|table| root.get(table))
    };
    let shared = Shared::read(&mut import, root);
    if let Some(list) = root.get("model_list") {
        deployments::read(&mut import, list, &shared, Which::Named);
        for aliases in routers().filter_map(|it| it.get("model_group_alias")) {
            names::group_aliases(&mut import, aliases);
        }
        deployments::read(&mut import, list, &shared, Which::Starred);
    }
    for (name, line, value) in root.entries() {
        match name {
            "model_list" | "credential_list" => {}
            "router_settings" | "litellm_settings" => settings::router(&mut import, value),
            "general_settings" => settings::general(&mut import, value),
            _ => import.unsupported(line, format!("{name}: {}", instead(name))),
        }
    }
    names::put(&mut import);
    fallbacks::put(&mut import);
    import.findings.sort_by_key(|finding| finding.line);
    if import.draft.accounts.is_empty() {
        return Err(ImportError::nothing("deployment", import.findings));
    }
    Ok(Imported {
        policy: import.draft.text(),
        first: import
            .first
            .iter()
            .map(|it| on_one_line(it).into_owned())
            .collect(),
        findings: import.findings,
    })
}

#[cfg(test)]
mod tests;
