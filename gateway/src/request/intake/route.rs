//! Which provider a request is for.
//!
//! A path whose first segment is a provider's id goes to that provider, with the segment removed.
//! Any other is looked up in the dialects of the providers there are: with an `anthropic-version`
//! header in Anthropic's first, because both families have a `/v1/models` and a `/v1/files`. Among
//! the providers of one dialect the model decides.

use keyweir_policy::exchange::seek::Home;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::ProviderId;
use keyweir_policy::terms::request::Description;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use keyweir_policy::wire::route::{Route, RouteError};

use crate::request::respond::refuse::Refuse;
use crate::runtime::gateway::Live;

/// What a path and method ask for, and of whom.
#[derive(Debug)]
pub(crate) struct Routed<'a> {
    pub(crate) route: Route<'a>,
    pub(crate) dialect: Dialect,
    /// The path as the provider is to see it.
    pub(crate) path: &'a str,
    /// The provider, if the path names it.
    pub(crate) named: Option<ProviderId>,
}

/// Finds what `method` and `path` ask for.
///
/// # Errors
/// If nobody serves it.
pub(crate) fn find<'a>(
    live: &Live,
    method: &str,
    path: &'a str,
    is_anthropic: bool,
) -> Result<Routed<'a>, Refuse> {
    if let Some((named, rest)) = named_provider(live, path) {
        let dialect = live.provider(named).dialect;
        let route = dialect
            .route(method, rest)
            .map_err(|error| refuse(&error))?;
        return Ok(Routed {
            route,
            dialect,
            path: rest,
            named: Some(named),
        });
    }
    let mut worst = RouteError::NotServed;
    for dialect in dialects(is_anthropic) {
        if !live
            .providers
            .iter()
            .any(|provider| provider.dialect == dialect)
        {
            continue;
        }
        match dialect.route(method, path) {
            Ok(route) => {
                return Ok(Routed {
                    route,
                    dialect,
                    path,
                    named: None,
                });
            }
            Err(RouteError::NotServed) => {}
            Err(error) => worst = error,
        }
    }
    let refuse = refuse(&worst);
    Err(match base_url_hint(method, path) {
        Some(hint) if worst == RouteError::NotServed => refuse.hint(hint),
        _ => refuse,
    })
}

/// What may be wrong with the base URL of a client that asks for `path`: its SDK adds the version to
/// it, or expects it there.
fn base_url_hint(method: &str, path: &str) -> Option<&'static str> {
    let is_served = |path: &str| {
        let serves = |dialect: Dialect| dialect.route(method, path).is_ok();
        serves(Dialect::Anthropic) || serves(Dialect::OpenAi)
    };
    if let Some(rest) = path.strip_prefix("/v1")
        && is_served(rest)
    {
        return Some("the version stands in it twice: the base URL must not end in /v1");
    }
    is_served(&format!("/v1{path}")).then_some("the base URL must end in /v1")
}

/// The dialect to refuse in when the path does not tell: the one it looks like, or the one that is
/// spoken here.
pub(crate) fn likely_dialect(live: &Live, is_anthropic: bool, path: &str) -> Dialect {
    let unversioned = path.trim_start_matches("/v1");
    if unversioned.starts_with("/messages") || unversioned.starts_with("/complete") {
        return Dialect::Anthropic;
    }
    let speaks = |dialect| {
        live.providers
            .iter()
            .any(|provider| provider.dialect == dialect)
    };
    dialects(is_anthropic)
        .into_iter()
        .find(|dialect| speaks(*dialect))
        .unwrap_or(Dialect::OpenAi)
}

/// `Generic` last: it serves any path.
fn dialects(is_anthropic: bool) -> [Dialect; 3] {
    if is_anthropic {
        [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic]
    } else {
        [Dialect::OpenAi, Dialect::Anthropic, Dialect::Generic]
    }
}

fn named_provider<'a>(live: &Live, path: &'a str) -> Option<(ProviderId, &'a str)> {
    let rest = path.strip_prefix('/')?;
    let (first, _) = rest.split_once('/')?;
    let named = live
        .provider_ids()
        .find(|id| live.provider(*id).id == first)?;
    Some((named, &rest[first.len()..]))
}

fn refuse(error: &RouteError) -> Refuse {
    let message = error.to_string();
    match error {
        RouteError::NotServed => Refuse::new(RefusalKind::NotFound, "unknown_path", message),
        RouteError::Forbidden => Refuse::new(RefusalKind::Permission, "administration", message),
        RouteError::MethodNotAllowed { allow } => {
            Refuse::new(RefusalKind::MethodNotAllowed, "method", message).allow(allow)
        }
    }
    .non_retryable()
}

/// Where a request goes first.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) provider: ProviderId,
    pub(crate) home: Home,
}

/// The destination of `routed`: where the thing lives that it names, or else the first provider
/// that takes its model.
///
/// # Errors
/// If no provider does.
pub(crate) fn destination(
    live: &Live,
    routed: &Routed<'_>,
    description: &Description,
) -> Result<Destination, Refuse> {
    let speaks = |id: &ProviderId| match routed.named {
        Some(named) => named == *id,
        None => live.provider(*id).dialect == routed.dialect,
    };
    if let Some((provider, account)) = live.holder(routed.route.resource, &description.references)
        && speaks(&provider)
    {
        let home = Home::Known(account);
        return Ok(Destination { provider, home });
    }
    let model = description.model.as_deref();
    let takes = |id: &ProviderId| {
        let models = &live.policy.provider(*id).models;
        model.is_none_or(|model| models.matches(model))
    };
    let candidates = || live.provider_ids().filter(speaks).filter(takes);
    let provider = candidates().next().ok_or_else(|| not_served(model))?;
    let home = match routed.route.resource {
        Some(_) => Home::sought(candidates().flat_map(|id| live.accounts_of(id))),
        None => Home::Any,
    };
    Ok(Destination { provider, home })
}

fn not_served(model: Option<&str>) -> Refuse {
    let model = model.unwrap_or_default();
    let message = format!("model: no provider of this gateway serves {model}");
    Refuse::new(RefusalKind::NotFound, "no_such_model", message).non_retryable()
}
