//! `model_list`: deployments.

use super::info;
use super::instead::instead;
use super::names;
use super::params::{Params, Shared};
use super::secrets::{self, Of};
use super::taken::{Import, Target};
use super::yaml::Node;
use crate::file::BaseUrl;
use crate::import::draft::{DraftAccount, DraftLimit};
use crate::import::finding::Rating;
use crate::import::vendor::{self, Vendor};
use keyweir_terms::dialect::Dialect;
use keyweir_terms::pattern::ModelPattern;

/// Accounts that a policy has room for.
const DEPLOYMENTS_MAX: usize = 10_000;

/// Which deployments are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those of one name.
    Named,
    /// Those of all names that have a form. They are read when all names are known.
    Starred,
}

pub(super) fn read(import: &mut Import, list: Node<'_>, shared: &Shared<'_>, which: Which) {
    for (at, deployment) in list.elements().enumerate() {
        if at == DEPLOYMENTS_MAX {
            if which == Which::Named {
                let words = format!("model_list: only {DEPLOYMENTS_MAX} deployments fit");
                import.unsupported(deployment.line(), words);
            }
            return;
        }
        let name = deployment.get("model_name").and_then(Node::text);
        let of = if name.is_some_and(|name| name.contains('*')) {
            Which::Starred
        } else {
            Which::Named
        };
        if of == which
            && let Err(why) = one(import, deployment, shared)
        {
            import.unsupported(deployment.line(), why);
        }
    }
}

/// A deployment, as far as it is understood.
struct Asked<'y> {
    name: &'y str,
    vendor: Vendor,
    model: &'y str,
    base: String,
}

/// Takes a deployment over; in words, why it is left out.
fn one(import: &mut Import, deployment: Node<'_>, shared: &Shared<'_>) -> Result<(), String> {
    let name = deployment.get("model_name").and_then(Node::text);
    let own = deployment.get("litellm_params");
    let (Some(name), Some(own)) = (name, own) else {
        return Err("a deployment without model_name and model".to_owned());
    };
    let params = shared.of(own).map_err(|credential| {
        format!(
            "{name}: litellm_credential_name: {credential} is not in credential_list; the deployment is \
             left out"
        )
    })?;
    let asked = asked(name, &params)?;
    let (dialect, model) = (asked.vendor.dialect, asked.model);
    let by_name = by_name(import, &asked)?;
    let of = Of {
        name,
        vendor: asked.vendor,
        base: &asked.base,
    };
    let secret =
        secrets::of(import, of, &params).map_err(|why| format!("{name}: {why}; it is left out"))?;
    let provider = import.draft.provider(asked.vendor, &asked.base);
    import.draft.providers[provider]
        .by_name
        .extend(by_name.patterns);
    let at = account(import, provider, secret.written);
    put(import, (at, model), name, (deployment, &params));
    let account = &import.draft.accounts[at].id;
    let differences = [
        vendor::difference(asked.vendor).map(str::to_owned),
        (dialect == Dialect::Generic)
            .then(|| format!("asked as /{}/…", import.draft.providers[provider].id)),
        (dialect == Dialect::Anthropic)
            .then(|| "its clients must speak Anthropic's API".to_owned()),
        by_name.difference,
        secret.difference,
    ];
    let differences: Vec<String> = differences.into_iter().flatten().collect();
    let (rating, told) = match differences.as_slice() {
        [] => (Rating::Exact, String::new()),
        some => (Rating::Approximate, format!("; {}", some.join("; "))),
    };
    let line = deployment.line();
    import.found(
        line,
        rating,
        format!("{name}: {model} of account {account}{told}"),
    );
    info::read(import, (name, model, provider), (deployment, &params));
    rest(import, name, deployment, &params);
    if !name.contains('*') {
        let target = Target {
            model: model.to_owned(),
            provider,
            line,
        };
        let targets = import.names.entry(name.to_owned());
        targets.or_default().push(target);
    }
    Ok(())
}

fn asked<'y>(name: &'y str, params: &Params<'y>) -> Result<Asked<'y>, String> {
    let Some(written) = params.text("model") else {
        return Err("a deployment without model_name and model".to_owned());
    };
    let base = params.text("api_base").or_else(|| params.text("base_url"));
    let found = vendor::of_model(written, base);
    let (vendor, model) =
        found.ok_or_else(|| format!("{name}: {written} {}", vendor::advice(written)))?;
    let base = match (vendor.name, base) {
        ("azure", base) => vendor::azure_base(base.unwrap_or_default())
            .ok_or_else(|| format!("{name}: {written} {}", vendor::advice(written)))?,
        (_, Some(base)) => vendor.base(base.trim_end_matches('/')),
        (_, None) => vendor.base_url.to_owned(),
    };
    if base.parse::<BaseUrl>().is_err() {
        let words = "api_base must be an address that stands here; the deployment is left out";
        return Err(format!("{name}: {words}"));
    }
    let is_name = |text: &str| text.parse::<ModelPattern>().is_ok();
    if !is_name(model) || !is_name(name) {
        return Err(format!(
            "{name}: is no name of a model here; it is left out"
        ));
    }
    Ok(Asked {
        name,
        vendor,
        model,
        base,
    })
}

/// What a provider takes by name because of a deployment.
#[derive(Default)]
struct ByName {
    patterns: Vec<String>,
    difference: Option<String>,
}

/// What the provider takes by name. An alias names one model, and no name loses its beginning on the way:
/// so a name with a star is good for what the vendor itself calls so, unless that takes away names that
/// lead elsewhere.
fn by_name(import: &Import, asked: &Asked<'_>) -> Result<ByName, String> {
    let Asked {
        name,
        model,
        vendor,
        ..
    } = *asked;
    match (name.contains('*'), model.contains('*')) {
        (false, false) => {
            return Ok(ByName {
                patterns: vec![model.to_owned()],
                difference: None,
            });
        }
        (true, false) => {
            return Ok(ByName {
                patterns: vec![model.to_owned()],
                difference: Some(format!("clients ask for {model} here, not for {name}")),
            });
        }
        (false, true) => return Err(format!("{name}: leads to no one model: name the models")),
        (true, true) => {}
    }
    let is_free = |pattern: &String| names::taken_by(import, pattern, vendor.dialect).is_none();
    let same = (name == model || model != "*").then(|| model.to_owned());
    if let Some(model) = same.clone().filter(is_free) {
        let difference =
            (name != model).then(|| format!("clients ask for {model} here, not for {name}"));
        return Ok(ByName {
            patterns: vec![model],
            difference,
        });
    }
    let patterns = vendor.families().filter(|_| model == "*").filter(is_free);
    let patterns: Vec<String> = patterns.collect();
    if patterns.is_empty() {
        let why = match same.and_then(|it| names::taken_by(import, &it, vendor.dialect)) {
            Some(other) => format!("would take {other} away, which leads elsewhere"),
            None => format!(
                "what {} calls its models does not tell them from others'",
                vendor.name
            ),
        };
        return Err(format!(
            "{name}: {why}: add a deployment for each model that is asked for; it is left out"
        ));
    }
    let difference = Some(format!(
        "clients ask for {} here, not for {name}",
        patterns.join(", ")
    ));
    Ok(ByName {
        patterns,
        difference,
    })
}

/// The account whose key a deployment has, made if it is not there. Returns its place.
fn account(import: &mut Import, provider: usize, secret: String) -> usize {
    let accounts = &import.draft.accounts;
    let same = |it: &DraftAccount| it.provider == provider && it.secret == secret;
    if let Some(at) = accounts.iter().position(same) {
        return at;
    }
    let id = import.draft.account_id(provider, None);
    import.draft.accounts.push(DraftAccount {
        id,
        provider,
        secret,
        models: [].into(),
        limits: Vec::new(),
    });
    import.draft.accounts.len() - 1
}

/// Gives an account a deployment's model and limits.
fn put(import: &mut Import, (at, model): (usize, &str), name: &str, said: (Node<'_>, &Params<'_>)) {
    let (requests, tokens) = (
        limit(import, name, "rpm", said),
        limit(import, name, "tpm", said),
    );
    let account = &mut import.draft.accounts[at];
    account.models.insert(model.to_owned());
    let of_model = account.limits.iter().find(|limit| limit.model == model);
    let is_other = |said: Option<(usize, u64)>, known: Option<u64>| {
        said.filter(|(_, said)| known != Some(*said)).is_some()
    };
    let Some(known) = of_model else {
        if requests.is_some() || tokens.is_some() {
            account.limits.push(DraftLimit {
                model: model.to_owned(),
                requests: requests.map(|it| it.1),
                tokens: tokens.map(|it| it.1),
            });
        }
        return;
    };
    let others = [
        requests.filter(|_| is_other(requests, known.requests)),
        tokens.filter(|_| is_other(tokens, known.tokens)),
    ];
    if let Some((line, _)) = others.into_iter().flatten().next() {
        let words =
            format!("{name}: rpm and tpm of {model} are said before, for the same key: those hold");
        import.unsupported(line, words);
    }
}

/// What a deployment says of a limit, with its line: LiteLLM looks beside `litellm_params` first, then in it,
/// then in `model_info`.
fn limit(
    import: &mut Import,
    name: &str,
    field: &str,
    (deployment, params): (Node<'_>, &Params<'_>),
) -> Option<(usize, u64)> {
    let in_info = || deployment.get("model_info")?.entry(field);
    let places = [deployment.entry(field), params.entry(field), in_info()];
    let mut said = places.into_iter().flatten();
    let (line, said) = said.find(|(_, said)| !said.is_null())?;
    let count = said.count().filter(|count| *count > 0);
    if count.is_none() {
        let words = format!("{name}: {field}: is no whole number above 0, and left out");
        import.unsupported(line, words);
    }
    Some((line, count?))
}

/// Tells what of a deployment is left out.
fn rest(import: &mut Import, name: &str, deployment: Node<'_>, params: &Params<'_>) {
    const TAKEN: [&str; 5] = [
        "model",
        "api_key",
        "api_base",
        "base_url",
        "litellm_credential_name",
    ];
    const OF_DEPLOYMENTS: [&str; 3] = ["model_name", "litellm_params", "model_info"];
    for (field, line, _) in params.own() {
        if !TAKEN.contains(&field) && !info::is_price(field) && !info::is_limit(field) {
            import.unsupported(line, format!("{name}: {field}: {}", instead(field)));
        }
    }
    for (field, line, _) in deployment.entries() {
        if !OF_DEPLOYMENTS.contains(&field) && !info::is_limit(field) {
            import.unsupported(line, format!("{name}: {field}: {}", instead(field)));
        }
    }
}
