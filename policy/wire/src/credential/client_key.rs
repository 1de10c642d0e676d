//! Which of a request's headers holds the client's key.

use keyweir_terms::dialect::Dialect;

/// What the client presents. Where it presents several, the dialect's own header wins, but a
/// subscription's token never: clients that hold one send it beside the key meant for us.
pub(crate) fn of_client<'a>(
    dialect: Dialect,
    header: impl Fn(&str) -> Option<&'a str>,
) -> Option<&'a str> {
    const BEARER: &str = "authorization";
    let names: &[&str] = match dialect {
        Dialect::Anthropic => &["x-api-key", BEARER],
        Dialect::OpenAi => &[BEARER, "api-key", "x-api-key"],
        Dialect::Generic => &[BEARER, "x-api-key", "api-key", "x-goog-api-key"],
    };
    let mut presented = names.iter().filter_map(|name| match *name {
        BEARER => header(BEARER).and_then(bearer_token),
        name => header(name).and_then(filled),
    });
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

/// Access and refresh tokens of Anthropic's consumer plans. Providers forbid pooling them.
pub(crate) fn is_subscription_token(credential: &str) -> bool {
    ["sk-ant-oat", "sk-ant-ort"]
        .iter()
        .any(|prefix| credential.trim_start().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use crate::credential::names::is_credential_header;

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
    fn every_header_that_is_read_is_stripped() {
        for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
            of_client(dialect, |name| {
                assert!(is_credential_header(name), "{name}");
                None
            });
        }
    }
}
