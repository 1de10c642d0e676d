//! `model_list`: deployments, and the public names that lead to them.

use super::info;
use super::taken::{Import, Target};
use super::yaml::Node;
use crate::file::BaseUrl;
use crate::import::draft::{DraftAccount, DraftAlias, DraftLimit, quoted};
use crate::import::finding::Rating;
use crate::import::vendor;
use keyweir_terms::dialect::Dialect;

/// Accounts that a policy has room for.
const DEPLOYMENTS_MAX: usize = 10_000;

pub(super) fn read(import: &mut Import, list: Node<'_>) {
    for (at, deployment) in list.elements().enumerate() {
        if at == DEPLOYMENTS_MAX {
            let words = format!("model_list: only {DEPLOYMENTS_MAX} deployments fit");
            return import.unsupported(deployment.line(), words);
        }
        one(import, deployment);
    }
}

fn one(import: &mut Import, deployment: Node<'_>) {
    let line = deployment.line();
    let params = deployment.get("litellm_params");
    let name = deployment.get("model_name").and_then(Node::text);
    let model = params.and_then(|it| it.get("model")).and_then(Node::text);
    let (Some(name), Some(params), Some(written)) = (name, params, model) else {
        return import.unsupported(line, "a deployment without model_name and model".to_owned());
    };
    let base = params.get("api_base").and_then(Node::text);
    let Some((vendor, model)) = vendor::of_model(written, base.is_some()) else {
        let words = format!("{name}: {written} {}", vendor::advice(written));
        return import.unsupported(line, words);
    };
    let base = base.unwrap_or(vendor.base_url).trim_end_matches('/');
    if base.parse::<BaseUrl>().is_err() {
        let words = format!("{name}: api_base must be an address; it is left out");
        return import.unsupported(line, words);
    }
    if !is_name(model) || !is_name(name) {
        let words = format!("{name}: is no name of a model here; it is left out");
        return import.unsupported(line, words);
    }
    let provider = import.draft.provider(vendor, base);
    let at = account(import, (name, provider, params));
    put(import, (at, model), params);
    let id = import.draft.accounts[at].id.clone();
    let by_name = match vendor.dialect {
        Dialect::Generic => format!(", asked as /{}/…", import.draft.providers[provider].id),
        _ => String::new(),
    };
    // An alias names one model, so that a name with a star leads to nothing but itself.
    let renamed = match name != model && (name.contains('*') || model.contains('*')) {
        true => format!("; clients ask for {model} here, not for {name}"),
        false => String::new(),
    };
    let rating = match by_name.is_empty() && renamed.is_empty() {
        true => Rating::Exact,
        false => Rating::Approximate,
    };
    let words = format!("{name}: {model} of account {id}{by_name}{renamed}");
    import.found(line, rating, words);
    info::read(import, (name, model, provider), deployment);
    rest(import, name, deployment, params);
    let target = Target {
        model: model.to_owned(),
        provider,
        line,
    };
    import
        .names
        .entry(name.to_owned())
        .or_default()
        .push(target);
}

fn is_name(model: &str) -> bool {
    model
        .parse::<keyweir_terms::pattern::ModelPattern>()
        .is_ok()
}

/// The account whose key a deployment has, made if it is not there. Returns its place.
fn account(import: &mut Import, (name, provider, params): (&str, usize, Node<'_>)) -> usize {
    let key = params.get("api_key");
    let written = key.and_then(Node::text).unwrap_or_default();
    let variable = written.strip_prefix("os.environ/").map(str::to_owned);
    let known = variable.clone().filter(|name| is_variable(name));
    // What is not said is what LiteLLM takes, too.
    let usual = || {
        let vendor = import.draft.providers[provider].vendor.name;
        format!("{}_API_KEY", vendor.to_ascii_uppercase())
    };
    let secret = match (&known, written) {
        (Some(name), _) => name.clone(),
        (None, "") => usual(),
        (None, literal) => literal_name(import, literal),
    };
    let reference = format!("{{ env = {} }}", quoted(&secret));
    let accounts = &import.draft.accounts;
    let same = accounts
        .iter()
        .position(|it| it.provider == provider && it.secret == reference);
    if let Some(at) = same {
        return at;
    }
    if known.is_none() && !written.is_empty() {
        let line = key.map_or(0, Node::line);
        match keyweir_wire::suspect_secret(written) {
            Some(suspect) => {
                let words = format!("{name}: api_key: {suspect}, in ${secret}");
                import.unsupported(line, words);
            }
            None => {
                let words = format!("{name}: api_key stands in the file: put it into ${secret}");
                import.found(line, Rating::Approximate, words);
            }
        }
    }
    let id = import.draft.account_id(provider, None);
    import.draft.accounts.push(DraftAccount {
        id,
        provider,
        secret: reference,
        models: [].into(),
        limits: Vec::new(),
    });
    import.draft.accounts.len() - 1
}

/// A variable for a key that stands in the file: the same for the same key, and nothing of it.
fn literal_name(import: &mut Import, literal: &str) -> String {
    let known = import.literals.iter().position(|it| it == literal);
    let at = known.unwrap_or_else(|| {
        import.literals.push(literal.to_owned());
        import.literals.len() - 1
    });
    format!("IMPORTED_KEY_{}", at + 1)
}

fn is_variable(name: &str) -> bool {
    let first = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    first
        && name.len() <= 256
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Gives an account a deployment's model and limits.
fn put(import: &mut Import, (at, model): (usize, &str), params: Node<'_>) {
    let account = &mut import.draft.accounts[at];
    account.models.insert(model.to_owned());
    let count = |name| {
        params
            .get(name)
            .and_then(Node::count)
            .filter(|count| *count > 0)
    };
    let (requests, tokens) = (count("rpm"), count("tpm"));
    let is_there = account.limits.iter().any(|limit| limit.model == model);
    if (requests.is_some() || tokens.is_some()) && !is_there {
        account.limits.push(DraftLimit {
            model: model.to_owned(),
            requests,
            tokens,
        });
    }
}

/// Tells what of a deployment is left out.
fn rest(import: &mut Import, name: &str, deployment: Node<'_>, params: Node<'_>) {
    for (field, line, _) in params.entries() {
        let words = match field {
            "model" | "api_key" | "api_base" | "rpm" | "tpm" => continue,
            field if info::is_price(field) => continue,
            "organization" => "an account is known by its key",
            "weight" | "order" => "requests go where there is the most room",
            "timeout" | "stream_timeout" => "see [gateway.timeouts]",
            "max_retries" => "see [retry]",
            _ => "nothing here is like it",
        };
        import.unsupported(line, format!("{name}: {field}: {words}"));
    }
    for (field, line, _) in deployment.entries() {
        if !["model_name", "litellm_params", "model_info"].contains(&field) {
            import.unsupported(line, format!("{name}: {field}: nothing here is like it"));
        }
    }
}

/// Has public names lead to models.
pub(super) fn names(import: &mut Import) {
    for (name, targets) in import.names.clone() {
        let Some(first) = targets.first() else {
            continue;
        };
        let mut others = targets
            .iter()
            .filter(|it| (it.provider, &it.model) != (first.provider, &first.model));
        if let Some(other) = others.next() {
            let words = format!(
                "{name}: leads to several models: {} is asked first, the others where it cannot serve",
                first.model
            );
            import.found(other.line, Rating::Approximate, words);
        }
        let providers = &import.draft.providers;
        let mut dialects = Vec::new();
        for target in &targets {
            let dialect = providers[target.provider].vendor.dialect;
            if dialects.contains(&dialect) || name.contains('*') {
                continue;
            }
            dialects.push(dialect);
            if target.model != name && !target.model.contains('*') {
                import.draft.aliases.push(DraftAlias {
                    name: name.clone(),
                    model: target.model.clone(),
                    provider: target.provider,
                });
            }
        }
    }
}
