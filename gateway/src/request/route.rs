//! Which provider a request is for.
//!
//! A path whose first segment is a provider's id goes to that provider, with the segment removed.
//! Any other is looked up in the dialects of the providers there are: with an `anthropic-version`
//! header in Anthropic's first, because both families have a `/v1/models` and a `/v1/files`. Among
//! the providers of one dialect the model decides.

use keyweir_policy::dialect::{Dialect, RefusalKind, Route, RouteError};

use super::refuse::Refuse;
use crate::runtime::gateway::Live;

/// What a path and method ask for, and of whom.
#[derive(Debug)]
pub(crate) struct Routed<'a> {
    pub(crate) route: Route<'a>,
    pub(crate) dialect: Dialect,
    /// The path as the provider is to see it.
    pub(crate) path: &'a str,
    /// The provider, if the path names it.
    pub(crate) named: Option<usize>,
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
    if let Some((position, rest)) = named_provider(live, path) {
        let dialect = live.providers[position].dialect;
        let route = dialect
            .route(method, rest)
            .map_err(|error| refuse(&error))?;
        return Ok(Routed {
            route,
            dialect,
            path: rest,
            named: Some(position),
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
    Err(refuse(&worst))
}

/// The dialect to refuse in when the path does not tell.
pub(crate) fn likely_dialect(live: &Live, is_anthropic: bool) -> Dialect {
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

fn named_provider<'a>(live: &Live, path: &'a str) -> Option<(usize, &'a str)> {
    let rest = path.strip_prefix('/')?;
    let (first, _) = rest.split_once('/')?;
    let position = live
        .providers
        .iter()
        .position(|provider| provider.id == first)?;
    Some((position, &rest[first.len()..]))
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
    .hopeless()
}

/// The provider of `routed` for `model`: the first that takes it.
///
/// # Errors
/// If none does.
pub(crate) fn provider(
    live: &Live,
    routed: &Routed<'_>,
    model: Option<&str>,
) -> Result<usize, Refuse> {
    let takes = |position: usize| {
        let models = &live.policy.providers[position].models;
        model.is_none_or(|model| models.matches(model))
    };
    let found = match routed.named {
        Some(position) => Some(position).filter(|position| takes(*position)),
        None => (0..live.providers.len())
            .find(|at| live.providers[*at].dialect == routed.dialect && takes(*at)),
    };
    found.ok_or_else(|| {
        let model = model.unwrap_or_default();
        let message = format!("model: no provider of this gateway serves {model}");
        Refuse::new(RefusalKind::NotFound, "no_such_model", message).hopeless()
    })
}
