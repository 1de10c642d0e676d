//! What a path and a method ask for, and in which dialect.
//!
//! A path whose first segment is a provider's name goes to that provider, with the segment removed.
//! Any other is looked up in the dialects of the providers there are: with an `anthropic-version`
//! header in Anthropic's first, because both families have a `/v1/models` and a `/v1/files`. A provider
//! of the generic dialect serves every path, so it gets only what names it: whatever else comes to the
//! gateway (`/favicon.ico`, a path mistyped) is not for it to see, body and all.

use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::ProviderId;
use keyweir_wire::Wire;
use keyweir_wire::route::{Route, RouteError};

use crate::directory::{Directory, Listed};

/// What a path and a method ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed<'a> {
    /// The thing asked for.
    pub route: Route<'a>,
    /// What the client speaks.
    pub dialect: Dialect,
    /// The path as the provider is to see it.
    pub path: &'a str,
    /// The provider, if the path names it.
    pub named: Option<ProviderId>,
}

/// Finds what `method` and `path` ask for. `is_anthropic`: the client's headers say that it speaks
/// Anthropic's dialect.
///
/// # Errors
/// If nobody serves it.
pub fn find<'a>(
    directory: &impl Directory,
    method: &str,
    path: &'a str,
    is_anthropic: bool,
) -> Result<Routed<'a>, RouteError> {
    if let Some((provider, rest)) = named(directory, path) {
        return Ok(Routed {
            route: provider.dialect.route(method, rest)?,
            dialect: provider.dialect,
            path: rest,
            named: Some(provider.id),
        });
    }
    // That a method is wrong, or a path forbidden, says more than that a dialect lacks it.
    let mut worst = RouteError::NotServed;
    let dialects = spoken(directory, is_anthropic).filter(|it| *it != Dialect::Generic);
    for dialect in dialects {
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
    Err(worst)
}

/// The dialect to refuse in when the path does not tell.
pub fn likely_dialect(directory: &impl Directory, is_anthropic: bool) -> Dialect {
    let first = spoken(directory, is_anthropic).next();
    first.unwrap_or(Dialect::OpenAi)
}

/// The dialects of the providers there are, the likelier first.
fn spoken(directory: &impl Directory, is_anthropic: bool) -> impl Iterator<Item = Dialect> {
    let dialects = if is_anthropic {
        [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic]
    } else {
        [Dialect::OpenAi, Dialect::Anthropic, Dialect::Generic]
    };
    let is_spoken = |dialect: &Dialect| directory.providers().any(|it| it.dialect == *dialect);
    dialects.into_iter().filter(is_spoken)
}

fn named<'d, 'a>(directory: &'d impl Directory, path: &'a str) -> Option<(Listed<'d>, &'a str)> {
    let rest = path.strip_prefix('/')?;
    let (first, _) = rest.split_once('/')?;
    let provider = directory.providers().find(|it| it.name == first)?;
    Some((provider, &rest[first.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::fake::Fake;

    fn directory() -> Fake {
        Fake::new(&[
            ("anthropic", Dialect::Anthropic, "*", 1),
            ("azure", Dialect::OpenAi, "*", 1),
        ])
    }

    fn found(request: &str, is_anthropic: bool) -> Result<(Dialect, String, bool), RouteError> {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let routed = find(&directory(), method, path, is_anthropic)?;
        Ok((
            routed.dialect,
            routed.path.to_owned(),
            routed.named.is_some(),
        ))
    }

    #[test]
    fn path_tells_the_dialect_and_a_header_decides_where_several_have_it() {
        use Dialect::{Anthropic, OpenAi};
        for (request, is_anthropic, dialect) in [
            ("POST /v1/messages", false, Anthropic),
            ("POST /v1/chat/completions", true, OpenAi),
            ("GET /v1/models", true, Anthropic),
            ("GET /v1/models", false, OpenAi),
        ] {
            let path = request.split_once(' ').expect("two").1.to_owned();
            let expected = Ok((dialect, path, false));
            assert_eq!(found(request, is_anthropic), expected, "{request}");
        }
    }

    #[test]
    fn name_in_the_path_chooses_the_provider_and_is_not_sent() {
        let routed = found("GET /azure/v1/models", true);
        assert_eq!(routed, Ok((Dialect::OpenAi, "/v1/models".to_owned(), true)));
        let directory = directory();
        let routed = find(&directory, "GET", "/azure/v1/models", true).expect("served");
        assert_eq!(routed.named, Some(directory.id(1)));
        assert_eq!(
            found("POST /azure/v1/messages", true),
            Err(RouteError::NotServed)
        );
        // A name alone is no path of the provider's.
        assert_eq!(found("GET /azure", true), Err(RouteError::NotServed));
    }

    #[test]
    fn what_one_dialect_forbids_is_told_though_another_lacks_it() {
        assert_eq!(
            found("GET /v1/organizations/keys", false),
            Err(RouteError::Forbidden)
        );
        assert!(matches!(
            found("DELETE /v1/messages", false),
            Err(RouteError::MethodNotAllowed { .. })
        ));
        assert_eq!(found("GET /unheard-of", true), Err(RouteError::NotServed));
    }

    #[test]
    fn generic_provider_gets_only_what_names_it() {
        let directory = Fake::new(&[
            ("own", Dialect::OpenAi, "*", 1),
            ("gem", Dialect::Generic, "*", 1),
        ]);
        for (method, path) in [
            ("POST", "/v1/videos"),
            ("POST", "/v1/fine_tuning/jobs"),
            ("GET", "/health"),
            ("GET", "/favicon.ico"),
            ("GET", "/wp-login.php"),
            ("GET", "/gem"),
            ("POST", "/v1/messages"),
        ] {
            let routed = find(&directory, method, path, false);
            assert_eq!(routed, Err(RouteError::NotServed), "{method} {path}");
        }
        let wrong = find(&directory, "PUT", "/v1/chat/completions", false);
        assert!(matches!(wrong, Err(RouteError::MethodNotAllowed { .. })));
        let routed = find(&directory, "POST", "/gem/v1/videos", false).expect("served");
        assert_eq!(routed.named, Some(directory.id(1)));
        let keys = find(&directory, "POST", "/gem/key/generate", false);
        assert_eq!(keys, Err(RouteError::Forbidden));
    }

    #[test]
    fn dialect_that_nobody_speaks_serves_nothing() {
        let directory = Fake::new(&[("own", Dialect::OpenAi, "*", 1)]);
        let routed = find(&directory, "POST", "/v1/messages", true);
        assert_eq!(routed, Err(RouteError::NotServed));
        assert_eq!(likely_dialect(&directory, true), Dialect::OpenAi);
        assert_eq!(likely_dialect(&Fake::new(&[]), true), Dialect::OpenAi);
    }
}
