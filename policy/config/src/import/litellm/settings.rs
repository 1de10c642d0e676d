//! `router_settings`, `litellm_settings` and `general_settings`.

use super::fallbacks;
use super::instead::instead;
use super::secrets;
use super::taken::Import;
use super::yaml::Node;
use crate::import::draft::{DraftTenant, quoted};
use crate::import::finding::Rating;
use crate::import::vendor;
use crate::secret::ClientKeyHash;

pub(super) fn router(import: &mut Import, settings: Node<'_>) {
    for (name, line, value) in settings.entries() {
        match name {
            "fallbacks" => fallbacks::read(import, value, false),
            "context_window_fallbacks" => fallbacks::read(import, value, true),
            "default_fallbacks" => fallbacks::of_all(import, line, value),
            "num_retries" => retries(import, line, value),
            // They are read before.
            "model_group_alias" | "default_litellm_params" => {}
            name if vendor::of_setting(name) => {
                let words = format!("{name}: of the deployments without a key of their own");
                import.found(line, Rating::Exact, words);
            }
            _ => import.unsupported(line, format!("{name}: {}", instead(name))),
        }
    }
}

fn retries(import: &mut Import, line: usize, value: Node<'_>) {
    let Some(count) = value.count().filter(|count| *count < 32) else {
        return import.unsupported(line, "num_retries: must be from 0 to 31".to_owned());
    };
    import.draft.attempts_max = Some(count + 1);
    let attempts = match count {
        0 => "1 attempt".to_owned(),
        count => format!("{} attempts", count + 1),
    };
    let words = format!("num_retries: {attempts}, within a budget for all requests");
    import.found(line, Rating::Approximate, words);
}

pub(super) fn general(import: &mut Import, settings: Node<'_>) {
    for (name, line, value) in settings.entries() {
        match (name, value.text()) {
            ("master_key", Some(key)) => master(import, line, key),
            ("database_url", _) => {
                let words = "database_url: keys and teams in the database are not in this file: make \
                             a [[tenant]] for each (`keyweir hash`)";
                import.unsupported(line, words.to_owned());
            }
            _ => import.unsupported(line, format!("{name}: {}", instead(name))),
        }
    }
}

fn master(import: &mut Import, line: usize, key: &str) {
    let client_key = match secrets::variable(key) {
        Some(variable) => format!("{{ env = {} }}", quoted(variable)),
        None if keyweir_wire::suspect_secret(key).is_some() => {
            let words = "master_key: it is none, or a placeholder: make a client key (`keyweir hash`) \
                         and a [[tenant]] that has it";
            return import.unsupported(line, words.to_owned());
        }
        None => quoted(&ClientKeyHash::of(key).to_string()),
    };
    import.draft.tenants.push(DraftTenant {
        id: "litellm-master".to_owned(),
        client_key,
    });
    let words = "master_key: a client key of tenant litellm-master; it administrates nothing here";
    import.found(line, Rating::Approximate, words.to_owned());
}
