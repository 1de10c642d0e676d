//! Credentials in the query of a URL.

use std::borrow::Cow;

/// Parameters of a query in which clients of some APIs put credentials.
const PARAMETERS: &[&str] = &[
    "key",
    "api_key",
    "api-key",
    "access_token",
    "subscription-key",
];

/// `query` without the parameters that carry credentials.
pub(crate) fn strip_query(query: &str) -> Cow<'_, str> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
