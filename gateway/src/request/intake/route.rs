//! What a request asks for and of whom, or the refusal if nobody serves it.

use keyweir_policy::exchange::destination::{self, Destination, NoProvider};
use keyweir_policy::exchange::routed::{self, Routed};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::request::Description;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use keyweir_policy::wire::route::RouteError;

use crate::request::respond::refuse::Refuse;
use crate::runtime::gateway::Live;

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
        let refuse = not_routed(&error);
        match base_url_hint(method, path) {
            Some(hint) if error == RouteError::NotServed => refuse.hint(hint),
            _ => refuse,
        }
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
    routed::likely_dialect(&live.policy, is_anthropic)
}

/// Where a request goes first.
///
/// # Errors
/// If no provider takes its model.
pub(crate) fn destination(
    live: &Live,
    routed: &Routed<'_>,
    description: &Description,
) -> Result<Destination, Refuse> {
    let holder = live.holder(routed.route.resource, &description.references);
    destination::destination(&live.policy, routed, description, holder)
        .map_err(|error| no_provider(&error))
}

fn not_routed(error: &RouteError) -> Refuse {
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

fn no_provider(error: &NoProvider) -> Refuse {
    let message = error.to_string();
    Refuse::new(RefusalKind::NotFound, "no_such_model", message).non_retryable()
}
