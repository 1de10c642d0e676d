//! What a request's headers say to the gateway itself.
//!
//! Most requests have few of them, or none. So all are looked for in one pass: a look-up of each would
//! hash its name for nothing.

use http::{HeaderMap, HeaderValue};
use keyweir_policy::select::affinity::SESSION_HEADERS;

use super::names::{ANTHROPIC_VERSION, CLIENT_TIMEOUT, PATIENCE, WHOLE};

/// Of each header the first value.
#[derive(Debug, Default)]
pub(crate) struct ForUs {
    /// It speaks Anthropic's dialect.
    pub(crate) is_anthropic: bool,
    /// How long it would wait.
    pub(crate) patience: Option<HeaderValue>,
    /// When its SDK gives up.
    pub(crate) client_timeout: Option<HeaderValue>,
    /// Whether it wants a streamed answer whole.
    pub(crate) whole: Option<HeaderValue>,
    sessions: [Option<HeaderValue>; SESSION_HEADERS.len()],
}

impl ForUs {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            let place = if name == PATIENCE.as_str() {
                &mut found.patience
            } else if name == CLIENT_TIMEOUT.as_str() {
                &mut found.client_timeout
            } else if name == WHOLE.as_str() {
                &mut found.whole
            } else if let Some(place) = SESSION_HEADERS.iter().position(|it| *it == name) {
                &mut found.sessions[place]
            } else {
                found.is_anthropic |= name == ANTHROPIC_VERSION.as_str();
                continue;
            };
            place.get_or_insert_with(|| value.clone());
        }
        found
    }

    /// The session that its client names.
    pub(crate) fn session(&self) -> Option<&[u8]> {
        let session = self.sessions.iter().flatten().next();
        session.map(HeaderValue::as_bytes)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn the_first_of_each_is_found_and_all_else_says_nothing() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-api-key", "secret"),
            ("x-keyweir-patience", "1"),
            ("x-keyweir-patience", "2"),
            ("x-keyweir-whole", "true"),
            ("x-stainless-timeout", "60"),
            (SESSION_HEADERS[2], "third"),
            (SESSION_HEADERS[1], "second"),
        ] {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        let found = ForUs::of(&headers);
        let text = |value: &Option<HeaderValue>| {
            value
                .as_ref()
                .map(HeaderValue::as_bytes)
                .map(<[u8]>::to_vec)
        };
        assert_eq!(text(&found.patience), Some(b"1".to_vec()));
        assert_eq!(text(&found.whole), Some(b"true".to_vec()));
        assert_eq!(text(&found.client_timeout), Some(b"60".to_vec()));
        assert_eq!(found.session(), Some(&b"second"[..]));
        assert!(!found.is_anthropic);

        headers.clear();
        headers.insert(ANTHROPIC_VERSION, HeaderValue::from_static("2023-06-01"));
        let found = ForUs::of(&headers);
        assert!(found.is_anthropic && found.session().is_none() && found.whole.is_none());
    }
}
