//! Who presents which key in which header.

use std::borrow::Cow;

use keyweir_terms::dialect::{CredentialStyle, Dialect};

/// Headers in which clients of any dialect put credentials, or choose the account to be charged.
/// One list for all dialects: a key must not leak because it was sent in another dialect's header.
pub(super) const HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-goog-user-project",
    "ocp-apim-subscription-key",
    "cookie",
    "anthropic-organization-id",
    "anthropic-workspace-id",
    "openai-organization",
    "openai-project",
];

/// Parameters of a query in which clients of some APIs put credentials.
const PARAMETERS: &[&str] = &[
    "key",
    "api_key",
    "api-key",
    "access_token",
    "subscription-key",
];

/// `query` without the parameters that carry credentials.
pub(super) fn strip_query(query: &str) -> Cow<'_, str> {
    let is_credential = |parameter: &str| {
        let name = parameter
            .split_once('=')
            .map_or(parameter, |(name, _)| name);
        PARAMETERS
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    if !query.split('&').any(is_credential) {
        return Cow::Borrowed(query);
    }
    let kept = query
        .split('&')
        .filter(|parameter| !is_credential(parameter));
    Cow::Owned(kept.collect::<Vec<_>>().join("&"))
}

/// What the client presents. Where it presents several, the dialect's own header wins, but a
/// subscription's token never: clients that hold one send it beside the key meant for us.
pub(super) fn of_client<'a>(
    dialect: Dialect,
    header: impl Fn(&str) -> Option<&'a str>,
) -> Option<&'a str> {
    let named = |name: &str| header(name).and_then(filled);
    let bearer = || header("authorization").and_then(bearer_token);
    let found = match dialect {
        Dialect::Anthropic => [named("x-api-key"), bearer(), None],
        Dialect::OpenAi => [bearer(), named("api-key"), named("x-api-key")],
        Dialect::Generic => [
            bearer(),
            named("x-api-key"),
            named("api-key").or_else(|| named("x-goog-api-key")),
        ],
    };
    let mut presented = found.into_iter().flatten();
    let first = presented.next()?;
    if !is_subscription_token(first) {
        return Some(first);
    }
    Some(
        presented
            .find(|other| !is_subscription_token(other))
            .unwrap_or(first),
    )
}

/// The token of `Bearer TOKEN`.
fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    filled(token).filter(|_| scheme.eq_ignore_ascii_case("bearer"))
}

fn filled(value: &str) -> Option<&str> {
    Some(value.trim()).filter(|value| !value.is_empty())
}

pub(super) fn of_provider(style: CredentialStyle, secret: &str) -> (&'static str, String) {
    match style {
        CredentialStyle::XApiKey => ("x-api-key", secret.to_owned()),
        CredentialStyle::ApiKey => ("api-key", secret.to_owned()),
        CredentialStyle::XGoogApiKey => ("x-goog-api-key", secret.to_owned()),
        CredentialStyle::Bearer => ("authorization", format!("Bearer {secret}")),
    }
}

/// Access and refresh tokens of Anthropic's consumer plans. Providers forbid pooling them.
pub(super) fn is_subscription_token(credential: &str) -> bool {
    ["sk-ant-oat", "sk-ant-ort"]
        .iter()
        .any(|prefix| credential.trim_start().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented<'a>(dialect: Dialect, headers: &[(&str, &'a str)]) -> Option<&'a str> {
        of_client(dialect, |name| {
            let found = headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| *value)
        })
    }

    #[test]
    fn a_client_may_use_either_header() {
        use Dialect::*;
        for (dialect, headers, expected) in [
            (Anthropic, &[("x-api-key", "k")][..], Some("k")),
            (Anthropic, &[("authorization", "Bearer k")], Some("k")),
            (Anthropic, &[("authorization", "bearer  k ")], Some("k")),
            (
                Anthropic,
                &[("authorization", "Bearer b"), ("x-api-key", "x")],
                Some("x"),
            ),
            (
                OpenAi,
                &[("authorization", "Bearer b"), ("api-key", "a")],
                Some("b"),
            ),
            (OpenAi, &[("api-key", "a")], Some("a")),
            (OpenAi, &[("x-api-key", "x")], Some("x")),
            (Generic, &[("x-goog-api-key", "g")], Some("g")),
            (Anthropic, &[("authorization", "Basic dTpw")], None),
            (Anthropic, &[("authorization", "Bearer ")], None),
            (Anthropic, &[("x-api-key", " ")], None),
            (Anthropic, &[("api-key", "a")], None),
            (OpenAi, &[], None),
        ] {
            assert_eq!(
                presented(dialect, headers),
                expected,
                "{dialect:?} {headers:?}"
            );
        }
    }

    #[test]
    fn a_subscription_token_never_hides_a_key() {
        let both = [
            ("x-api-key", "sk-ant-oat01-secret"),
            ("authorization", "Bearer kw-key"),
        ];
        assert_eq!(presented(Dialect::Anthropic, &both), Some("kw-key"));
        let alone = [("authorization", "Bearer sk-ant-oat01-secret")];
        assert_eq!(
            presented(Dialect::Anthropic, &alone),
            Some("sk-ant-oat01-secret")
        );
        assert!(is_subscription_token("sk-ant-oat01-secret"));
        assert!(is_subscription_token("sk-ant-ort01-secret"));
        assert!(!is_subscription_token("sk-ant-api03-key"));
    }

    #[test]
    fn credentials_in_a_query_are_stripped_and_all_else_stays() {
        for (query, expected) in [
            ("", ""),
            ("limit=20&after_id=key", "limit=20&after_id=key"),
            ("keys=1&monkey=2", "keys=1&monkey=2"),
            ("key=secret", ""),
            ("alt=sse&key=secret&x=%20y", "alt=sse&x=%20y"),
            ("KEY=a&api_key=b&alt=sse&access_token", "alt=sse"),
        ] {
            assert_eq!(strip_query(query), expected, "{query}");
        }
    }

    #[test]
    fn every_header_that_is_read_is_stripped() {
        for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
            of_client(dialect, |name| {
                assert!(HEADERS.contains(&name), "{name}");
                None
            });
        }
        for style in [
            CredentialStyle::XApiKey,
            CredentialStyle::ApiKey,
            CredentialStyle::Bearer,
            CredentialStyle::XGoogApiKey,
        ] {
            let (name, value) = of_provider(style, "s3cret");
            assert!(HEADERS.contains(&name), "{name}");
            assert!(value.ends_with("s3cret"));
        }
    }
}
