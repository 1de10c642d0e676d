//! What a request asks for and of whom, or the refusal if nobody serves it.

use keyweir_policy::config::directory::Allowed;
use keyweir_policy::exchange::destination::{self, Destination, NoProvider};
use keyweir_policy::exchange::ownership::{Hidden, Named, Ownership};
use keyweir_policy::exchange::routed::{self, Routed};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::terms::request::Description;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use keyweir_policy::wire::route::RouteError;

use super::describe::LARGE;

use crate::request::respond::refuse::Refuse;
use crate::runtime::live::Live;

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
    routed::find(&live.policy, method, path, is_anthropic).map_err(|error| {
        let refuse = not_routed(live, &error);
        match hint(live, method, path) {
            Some(hint) if error == RouteError::NotServed => refuse.hint(hint),
            _ => refuse,
        }
    })
}

/// What may be wrong where `path` is not served.
fn hint(live: &Live, method: &str, path: &str) -> Option<&'static str> {
    // One that no path of a dialect's own leads to.
    let is_spoken = |dialect| live.providers.values().any(|it| it.dialect == dialect);
    if !is_spoken(Dialect::OpenAi) && Dialect::OpenAi.route(method, path).is_ok() {
        return Some("it is of OpenAI's API, and no provider here speaks the openai dialect");
    }
    if !is_spoken(Dialect::Anthropic) && Dialect::Anthropic.route(method, path).is_ok() {
        return Some("it is of Anthropic's API, and no provider here speaks the anthropic dialect");
    }
    base_url_hint(method, path)
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

/// How paths begin that OpenAI's API alone has, its version left out.
const OPENAI_ONLY: [&str; 7] = [
    "/chat/",
    "/responses",
    "/embeddings",
    "/conversations",
    "/images/",
    "/audio/",
    "/moderations",
];

/// The dialect to refuse in when the path does not tell: the one it looks like, or the one that is
/// spoken here.
pub(crate) fn likely_dialect(live: &Live, is_anthropic: bool, path: &str) -> Dialect {
    let unversioned = path.strip_prefix("/v1").unwrap_or(path);
    let unversioned = unversioned.strip_prefix("/v1").unwrap_or(unversioned);
    if unversioned.starts_with("/messages") || unversioned.starts_with("/complete") {
        return Dialect::Anthropic;
    }
    if OPENAI_ONLY.iter().any(|it| unversioned.starts_with(it)) {
        return Dialect::OpenAi;
    }
    routed::likely_dialect(&live.policy, is_anthropic)
}

/// Where a request of `tenant` goes first, and what is known of what it names.
///
/// # Errors
/// If no provider takes its model, or what it names is not there for the tenant.
pub(crate) fn destination(
    live: &Live,
    tenant: TenantId,
    (routed, query): (&Routed<'_>, Option<&str>),
    (description, body): (&Description, &[u8]),
) -> Result<(Destination, Ownership), Refuse> {
    let named = Named {
        resource: routed.route.resource,
        references: &description.references,
    };
    let known = live
        .look_up(tenant, named)
        .map_err(|error| hidden(error, routed))?;
    let target = [routed.path, query.unwrap_or_default()];
    if live.names_anothers(tenant, &target, &[]) {
        return Err(unseen(RefusalKind::NotFound, Hidden::Unseen));
    }
    if names_anothers(live, tenant, body) {
        return Err(hidden(Hidden::Unseen, routed));
    }
    let destination = destination::destination(
        &Allowed::new(&live.policy, tenant),
        routed,
        description,
        known.holder,
    )
    .map_err(|error| no_provider(&error))?;
    Ok((destination, known))
}

fn hidden(error: Hidden, routed: &Routed<'_>) -> Refuse {
    let kind = match error {
        Hidden::Unseen if routed.route.resource.is_none() => RefusalKind::UnknownReference,
        Hidden::Unseen => RefusalKind::NotFound,
        Hidden::TooMany => RefusalKind::InvalidRequest,
    };
    unseen(kind, error)
}

fn unseen(kind: RefusalKind, error: Hidden) -> Refuse {
    Refuse::new(kind, "not_the_tenants", error.to_string()).non_retryable()
}

/// A body that takes long to read through is not read where others' streams wait for the thread.
fn names_anothers(live: &Live, tenant: TenantId, body: &[u8]) -> bool {
    let names = || live.names_anothers(tenant, &[], body);
    if body.len() < LARGE {
        return names();
    }
    tokio::task::block_in_place(names)
}

fn not_routed(live: &Live, error: &RouteError) -> Refuse {
    let mut message = error.to_string();
    let has_generic = || {
        live.providers
            .values()
            .any(|it| it.dialect == Dialect::Generic)
    };
    if *error == RouteError::NotServed && has_generic() {
        message.push_str("; a provider of the generic dialect is asked as /<provider id>/...");
    }
    match error {
        RouteError::NotServed => Refuse::new(RefusalKind::NotFound, "unknown_path", message),
        RouteError::Forbidden => Refuse::new(RefusalKind::Permission, "administration", message),
        RouteError::MethodNotAllowed { allow } => {
            Refuse::new(RefusalKind::MethodNotAllowed, "method", message).allow(allow)
        }
    }
    .non_retryable()
}

fn no_provider(error: &NoProvider) -> Refuse {
    let message = error.to_string();
    Refuse::new(RefusalKind::NotFound, "no_such_model", message).non_retryable()
}
