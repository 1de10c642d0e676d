//! Which provider a flow goes to, and whether it can go there at all.

use crate::file::policy::{Account, Policy, Tenant};
use crate::file::shown;
use crate::file::suggest::did_you_mean;
use keyweir_pool::spec::LimitScope;
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
    let refusing = |tenant: &&Tenant| !model.is_empty() && !tenant.models.matches(model);
    let asking = match tenant {
        Some(id) => std::slice::from_ref(policy.tenant(id)),
        None => &policy.tenants,
    };
    if !asking.is_empty() && asking.iter().filter(refusing).count() == asking.len() {
        return Err(may_not(asking, model));
    }
    Ok(Resolved {
        tenant,
        provider,
        model: model.to_owned(),
    })
}

fn tenant(policy: &Policy, name: &str) -> Result<TenantId, Unresolved> {
    let known = || policy.tenants.iter().map(|tenant| tenant.id.as_str());
    let ids = (0..).map(TenantId);
    let found = ids.zip(known()).find(|(_, known)| *known == name);
    found.map(|(id, _)| id).ok_or_else(|| Unresolved {
        field: "tenant",
        message: format!("the policy has no tenant {}", shown::quoted(name)),
        hint: if policy.tenants.is_empty() {
            "it has no tenants at all: leave it out".to_owned()
        } else {
            nearest_or_list(name, known())
        },
    })
}

fn named_provider(policy: &Policy, name: &str) -> Result<ProviderId, Unresolved> {
    let known = || policy.providers.iter().map(|provider| provider.id.as_str());
    let ids = (0..).map(ProviderId);
    let found = ids.zip(known()).find(|(_, known)| *known == name);
    found.map(|(id, _)| id).ok_or_else(|| Unresolved {
        field: "provider",
        message: format!("the policy has no provider {}", shown::quoted(name)),
        hint: nearest_or_list(name, known()),
    })
}

/// Which providers would take the model: the first of each dialect, of those that a path leads to.
fn serving(policy: &Policy, named: Option<ProviderId>, model: &str) -> Vec<ProviderId> {
    let serves = |id: ProviderId| {
        policy
            .accounts_of(id)
            .any(|account| !account.keys.is_empty() && takes(&account.models, model))
    };
    if let Some(id) = named {
        return if serves(id) { vec![id] } else { Vec::new() };
    }
    let is_only = policy.providers.len() == 1;
    let mut found: Vec<(Dialect, ProviderId)> = Vec::new();
    for (id, provider) in (0..).map(ProviderId).zip(&policy.providers) {
        let known = found
            .iter()
            .any(|(dialect, _)| *dialect == provider.dialect);
        let by_path = is_only || provider.dialect != Dialect::Generic;
        if !known && by_path && takes(&provider.models, model) && serves(id) {
            found.push((provider.dialect, id));
        }
    }
    found.into_iter().map(|(_, id)| id).collect()
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
    let concerned = |account: &&Account| named.is_none_or(|id| account.provider == id);
    let mut told: Vec<String> = Vec::new();
    for account in policy.accounts.iter().filter(concerned) {
        let groups = &policy.provider(account.provider).model_groups;
        for limit in &account.limits {
            match &limit.scope {
                LimitScope::EveryGroup => {}
                LimitScope::Group(at) => told.extend(texts(&groups[*at].models)),
                LimitScope::Models(patterns) => told.extend(texts(patterns)),
            }
        }
        if account.models != any {
            told.extend(texts(&account.models));
        }
    }
    let asking = policy.tenants.iter().enumerate();
    let asking = asking.filter(|(at, _)| tenant.is_none_or(|id| id.index() == *at));
    for (_, tenant) in asking.filter(|(_, tenant)| tenant.models != any) {
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
    let concerned = |account: &&Account| named.is_none_or(|id| account.provider == id);
    let patterns = policy
        .accounts
        .iter()
        .filter(concerned)
        .filter(|account| !account.keys.is_empty())
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
        hint: nearest_or_list(model, known.into_iter()),
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

fn may_not(asking: &[Tenant], model: &str) -> Unresolved {
    let who = match asking {
        [tenant] => format!("tenant {} may not use", shown::quoted(&tenant.id)),
        _ => "no tenant may use".to_owned(),
    };
    let allowed = asking.iter().flat_map(|tenant| tenant.models.iter());
    let allowed: Vec<&str> = allowed.map(ModelPattern::as_str).collect();
    Unresolved {
        field: "model",
        message: format!("{who} {}", shown::quoted(model)),
        hint: nearest_or_list(model, allowed.into_iter()),
    }
}

fn nearest_or_list<'c>(name: &str, known: impl Iterator<Item = &'c str> + Clone) -> String {
    did_you_mean(name, known.clone()).unwrap_or_else(|| {
        let mut listed: Vec<String> = known.take(LISTED_MAX + 1).map(shown::quoted).collect();
        if listed.len() > LISTED_MAX {
            listed[LISTED_MAX] = "…".to_owned();
        }
        format!("there is {}", listed.join(", "))
    })
}
