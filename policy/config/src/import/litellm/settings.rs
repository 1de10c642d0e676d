//! `router_settings`, `litellm_settings` and `general_settings`.

use super::fallbacks;
use super::taken::Import;
use super::yaml::Node;
use crate::import::draft::{DraftAlias, DraftTenant, quoted};
use crate::import::finding::Rating;
use crate::secret::ClientKeyHash;

pub(super) fn router(import: &mut Import, settings: Node<'_>) {
    for (name, line, value) in settings.entries() {
        match name {
            "fallbacks" => fallbacks::read(import, value, false),
            "context_window_fallbacks" => fallbacks::read(import, value, true),
            "model_group_alias" => aliases(import, value),
            "num_retries" => retries(import, line, value),
            _ => import.unsupported(line, format!("{name}: {}", instead(name))),
        }
    }
}

/// What does the same here, if anything does.
fn instead(name: &str) -> &'static str {
    match name {
        "routing_strategy" | "routing_strategy_args" => "requests go where there is the most room",
        "allowed_fails" | "cooldown_time" | "disable_cooldowns" => {
            "breakers learn from answers when to ask a key again"
        }
        "timeout" | "request_timeout" | "stream_timeout" => "see [gateway.timeouts]",
        "redis_host" | "redis_port" | "redis_password" | "redis_url" => {
            "each gateway learns from the headers that it sees"
        }
        "drop_params" | "modify_params" => "requests are passed byte for byte",
        "success_callback" | "failure_callback" | "callbacks" => "see the access log and /metrics",
        "cache" | "cache_params" => "there is no response cache",
        _ => "nothing here is like it",
    }
}

fn retries(import: &mut Import, line: usize, value: Node<'_>) {
    let Some(count) = value.count().filter(|count| *count < 32) else {
        return import.unsupported(line, "num_retries: must be from 0 to 31".to_owned());
    };
    import.draft.attempts_max = Some(count + 1);
    let words = format!(
        "num_retries: {} attempts, within a budget for all requests",
        count + 1
    );
    import.found(line, Rating::Approximate, words);
}

fn aliases(import: &mut Import, value: Node<'_>) {
    for (alias, line, meant) in value.entries() {
        // Either the name itself, or what it is and whether it is hidden.
        let meant = meant.text().or_else(|| meant.get("model")?.text());
        let targets = meant.and_then(|name| import.names.get(name).cloned());
        let target = targets.and_then(|targets| targets.into_iter().next());
        let (Some(target), false) = (target, alias.contains(['*', ' '])) else {
            let words = format!("model_group_alias: {alias}: leads to no deployment");
            import.unsupported(line, words);
            continue;
        };
        let is_there = |it: &DraftAlias| it.name == alias && it.provider == target.provider;
        if target.model != alias && !import.draft.aliases.iter().any(is_there) {
            import.draft.aliases.push(DraftAlias {
                name: alias.to_owned(),
                model: target.model,
                provider: target.provider,
            });
        }
        import.found(line, Rating::Exact, format!("model_group_alias: {alias}"));
    }
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
    let client_key = match key.strip_prefix("os.environ/") {
        Some(variable) => format!("{{ env = {} }}", quoted(variable)),
        None => quoted(&ClientKeyHash::of(key).to_string()),
    };
    import.draft.tenants.push(DraftTenant {
        id: "litellm-master".to_owned(),
        client_key,
    });
    let words = "master_key: a client key of tenant litellm-master; it administrates nothing here";
    import.found(line, Rating::Approximate, words.to_owned());
}
