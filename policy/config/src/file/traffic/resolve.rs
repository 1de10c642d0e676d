//! Which provider a flow goes to, and whether it can go there at all.

use crate::file::policy::{Account, LimitScope, Policy, Provider, Tenant};
use crate::file::shown;
use crate::file::suggest::did_you_mean;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::pattern::{ModelPattern, ModelPatterns};

/// Names that a hint lists at most.
const LISTED_MAX: usize = 8;

/// What a flow calls those it is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// Whose it is.
    pub tenant: Option<&'a str>,
    /// Whom it goes to.
    pub provider: Option<&'a str>,
    /// What it asks for.
    pub model: Option<&'a str>,
}

/// Whom a flow is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Whose it is; `None`: everybody's.
    pub tenant: Option<TenantId>,
    /// Whom it goes to.
    pub provider: ProviderId,
    /// What it asks for; empty where that makes no difference.
    pub model: String,
}

/// A name that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Which: `tenant`, `provider` or `model`.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// Finds whom a flow is about.
///
/// A provider that is not named is the one that the gateway would choose: the first of its dialect
/// that takes the model. Where providers of several dialects would, it has to be named, since a
/// flow has no path.
///
/// # Errors
/// The first name that leads nowhere.
pub fn resolve(policy: &Policy, names: Names<'_>) -> Result<Resolved, Unresolved> {
    let tenant = names.tenant.map(|name| tenant(policy, name)).transpose()?;
    let named = names
        .provider
        .map(|name| named_provider(policy, name))
        .transpose()?;
    let model = names.model.unwrap_or_default();
    if names.model.is_none() {
        model_makes_no_difference(policy, named, tenant)?;
    }
    let serving = serving(policy, named, model);
    let provider = match serving.as_slice() {
        [] => return Err(nobody_serves(policy, named, model)),
        [only] => *only,
        several => return Err(several_serve(policy, several, model)),
    };
    let refuses = |tenant: &&Tenant| !model.is_empty() && !tenant.models.matches(model);
    let asking = asking(policy, tenant);
    if !asking.is_empty() && asking.iter().all(refuses) {
        return Err(may_not(&asking, model));
    }
    Ok(Resolved {
        tenant,
        provider,
        model: model.to_owned(),
    })
}

/// The tenants that a flow of `tenant`'s comes from.
fn asking(policy: &Policy, tenant: Option<TenantId>) -> Vec<&Tenant> {
    match tenant {
        Some(id) => vec![policy.tenant(id)],
        None => policy.tenants.values().collect(),
    }
}

fn tenant(policy: &Policy, name: &str) -> Result<TenantId, Unresolved> {
    let known = policy.tenants.values().map(|tenant| tenant.id.as_str());
    let known: Vec<&str> = known.collect();
    let found = policy.tenants.iter().find(|(_, it)| it.id == name);
    found.map(|(id, _)| id).ok_or_else(|| Unresolved {
        field: "tenant",
        message: format!("the policy has no tenant {}", shown::quoted(name)),
        hint: if policy.tenants.is_empty() {
            "it has no tenants at all: leave it out".to_owned()
        } else {
            nearest_or_list(name, &known)
        },
    })
}

fn named_provider(policy: &Policy, name: &str) -> Result<ProviderId, Unresolved> {
    let providers = policy.providers_in_order();
    let known: Vec<&str> = providers.map(|(_, it)| it.id.as_str()).collect();
    let found = policy.providers.iter().find(|(_, it)| it.id == name);
    found.map(|(id, _)| id).ok_or_else(|| Unresolved {
        field: "provider",
        message: format!("the policy has no provider {}", shown::quoted(name)),
        hint: nearest_or_list(name, &known),
    })
}

/// Which providers would take the model: the first of each dialect, of those that a path leads to.
fn serving(policy: &Policy, named: Option<ProviderId>, model: &str) -> Vec<ProviderId> {
    let serves = |provider: &Provider| {
        let mut keys = provider.keys.values();
        keys.any(|key| takes(&provider.accounts[key.account].models, model))
    };
    if let Some(id) = named {
        let serves = serves(policy.provider(id));
        return if serves { vec![id] } else { Vec::new() };
    }
    let is_only = policy.providers.len() == 1;
    let mut found: Vec<(Dialect, ProviderId)> = Vec::new();
    for (id, provider) in policy.providers_in_order() {
        let known = found
            .iter()
            .any(|(dialect, _)| *dialect == provider.dialect);
        let by_path = is_only || provider.dialect != Dialect::Generic;
        if !known && by_path && takes(&provider.models, model) && serves(provider) {
            found.push((provider.dialect, id));
        }
    }
    found.into_iter().map(|(_, id)| id).collect()
}

/// The accounts that a flow may come to, with their providers.
fn accounts(
    policy: &Policy,
    named: Option<ProviderId>,
) -> impl Iterator<Item = (ProviderId, &Account)> {
    let accounts = policy.accounts();
    accounts.filter(move |(provider, _)| named.is_none_or(|id| *provider == id))
}

fn takes(patterns: &ModelPatterns, model: &str) -> bool {
    model.is_empty() || patterns.matches(model)
}

/// Where everything holds for every model, none has to be named.
fn model_makes_no_difference(
    policy: &Policy,
    named: Option<ProviderId>,
    tenant: Option<TenantId>,
) -> Result<(), Unresolved> {
    let any = ModelPatterns::any();
    let mut told: Vec<String> = Vec::new();
    for (provider, account) in accounts(policy, named) {
        let groups = &policy.provider(provider).model_groups;
        for limit in &account.limits {
            match &limit.scope {
                LimitScope::EveryGroup => {}
                LimitScope::Group(id) => told.extend(texts(&groups[*id].models)),
                LimitScope::Models(patterns) => told.extend(texts(patterns)),
            }
        }
        if account.models != any {
            told.extend(texts(&account.models));
        }
    }
    let asking = asking(policy, tenant).into_iter();
    for tenant in asking.filter(|tenant| tenant.models != any) {
        told.extend(texts(&tenant.models));
    }
    if told.is_empty() {
        return Ok(());
    }
    told.sort();
    told.dedup();
    told.truncate(LISTED_MAX);
    Err(Unresolved {
        field: "model",
        message: "missing: the policy says different things of different models".to_owned(),
        hint: format!("name one; the policy speaks of {}", told.join(", ")),
    })
}

fn texts(patterns: &ModelPatterns) -> impl Iterator<Item = String> {
    patterns
        .iter()
        .map(|pattern| shown::quoted(pattern.as_str()))
}

fn nobody_serves(policy: &Policy, named: Option<ProviderId>, model: &str) -> Unresolved {
    let providers = policy.providers.iter();
    let concerned = providers.filter(|(id, _)| named.is_none_or(|named| named == *id));
    let patterns = concerned
        .flat_map(|(_, it)| it.keys.values().map(|key| &it.accounts[key.account]))
        .flat_map(|account| account.models.iter())
        .map(ModelPattern::as_str);
    let mut known: Vec<&str> = patterns.collect();
    known.sort_unstable();
    known.dedup();
    let of_provider = named.map_or(String::new(), |id| {
        format!(" of provider \"{}\"", policy.provider(id).id)
    });
    if known.is_empty() {
        return Unresolved {
            field: "model",
            message: format!("no account{of_provider} has a key"),
            hint: "give one of them an [[account.key]]".to_owned(),
        };
    }
    Unresolved {
        field: "model",
        message: format!("no account{of_provider} serves {}", shown::quoted(model)),
        hint: nearest_or_list(model, &known),
    }
}

fn several_serve(policy: &Policy, several: &[ProviderId], model: &str) -> Unresolved {
    let names: Vec<String> = several
        .iter()
        .map(|id| shown::quoted(&policy.provider(*id).id))
        .collect();
    let what = if model.is_empty() {
        "it".to_owned()
    } else {
        shown::quoted(model)
    };
    Unresolved {
        field: "provider",
        message: format!(
            "missing: several providers would take {what}: {}",
            names.join(", ")
        ),
        hint: "name the one that is meant".to_owned(),
    }
}

fn may_not(asking: &[&Tenant], model: &str) -> Unresolved {
    let who = match asking {
        [tenant] => format!("tenant {} may not use", shown::quoted(&tenant.id)),
        _ => "no tenant may use".to_owned(),
    };
    let allowed = asking.iter().flat_map(|tenant| tenant.models.iter());
    let allowed: Vec<&str> = allowed.map(ModelPattern::as_str).collect();
    Unresolved {
        field: "model",
        message: format!("{who} {}", shown::quoted(model)),
        hint: nearest_or_list(model, &allowed),
    }
}

fn nearest_or_list(name: &str, known: &[&str]) -> String {
    did_you_mean(name, known.iter().copied()).unwrap_or_else(|| {
        let listed = known
            .iter()
            .take(LISTED_MAX)
            .map(|name| shown::quoted(name));
        let mut listed: Vec<String> = listed.collect();
        if known.len() > LISTED_MAX {
            listed.push("…".to_owned());
        }
        format!("there is {}", listed.join(", "))
    })
}
