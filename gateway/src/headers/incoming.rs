//! The headers of an answer to a client.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::wire::trace::Traces;

use super::stripped::passes;

/// Headers that an answer has beside the provider's: the request's name, attempts, framing, date.
const ADDED: usize = 4;

/// The longest value that passes. Ids, dates and counts are short; what is longer, clients may refuse,
/// the whole answer with it.
const VALUE_MAX: usize = 8 * 1024;
/// Bytes of all names and values that pass, but for those that say how the body is to be read: clients read
/// no larger heads.
const ALL_MAX: usize = 32 * 1024;

/// An answer's headers as a client of `dialect` gets them, behind those that are there already, and
/// without `traces` of the credential it was asked with.
pub(crate) fn incoming(
    mut kept: HeaderMap,
    headers: &HeaderMap,
    dialect: Dialect,
    traces: &Traces,
) -> HeaderMap {
    // Counted first: a map with room for those that do not pass, which are many, would be twice as
    // large for as long as the answer streams.
    let mut room = ALL_MAX;
    let mut fits = |name: &HeaderName, value: &HeaderValue| {
        let size = name.as_str().len() + value.len();
        let has_room = size <= room || name.as_str().starts_with("content-");
        let is_small = value.len() <= VALUE_MAX && has_room;
        room = room.saturating_sub(if is_small { size } else { 0 });
        is_small
    };
    let headers = headers.iter();
    let passing = headers.filter(|(name, value)| passes(dialect, name) && fits(name, value));
    let passing: Vec<_> = passing.collect();
    kept.reserve(passing.len() + ADDED);
    for (name, value) in passing {
        kept.append(name, redacted(value, traces));
    }
    kept
}

fn redacted(value: &HeaderValue, traces: &Traces) -> HeaderValue {
    let redacted = traces.redacted(value.as_bytes());
    let redacted = redacted.and_then(|redacted| HeaderValue::from_bytes(&redacted).ok());
    redacted.unwrap_or_else(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_any_header_does_not_pass() {
        let mut response = HeaderMap::new();
        let mut add = |name: &'static str, length: usize| {
            let value = "x".repeat(length);
            response.append(name, value.parse().expect("valid"));
        };
        add("x-request-id", VALUE_MAX + 1);
        for _ in 0..100 {
            add("x-request-id", 1_000);
        }
        add("content-type", 40_000);
        add("content-type", 10);
        let answer = incoming(
            HeaderMap::new(),
            &response,
            Dialect::OpenAi,
            &Traces::of("sk-none"),
        );
        let lengths = |name| answer.get_all(name).iter().map(HeaderValue::len);
        let ids: Vec<_> = lengths("x-request-id").collect();
        assert!(ids.len() > 20 && ids.iter().all(|length| *length == 1_000));
        assert!(ids.len() * 1_000 < ALL_MAX);
        let types: Vec<_> = lengths("content-type").collect();
        assert_eq!(types, [10], "what the body is, is told in any case");
    }

    #[test]
    fn an_answer_keeps_what_is_the_clients_and_loses_what_is_the_keys() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            (
                "request-id",
                "req_1 of sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn",
            ),
            ("retry-after", "3"),
            ("anthropic-ratelimit-requests-remaining", "7"),
            ("x-ratelimit-reset-tokens", "6m0s"),
            ("anthropic-organization-id", "org"),
            ("set-cookie", "a=b"),
            ("x-api-key", "k"),
            ("location", "https://elsewhere.example/"),
            ("access-control-allow-origin", "*"),
            ("x-unknown", "1"),
            ("transfer-encoding", "chunked"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }

        let traces = Traces::of("sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn");
        let answer = incoming(HeaderMap::new(), &headers, Dialect::Anthropic, &traces);

        let names: Vec<_> = answer.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "request-id", "retry-after"]);
        let id = format!("req_1 of {}", "*".repeat(37));
        assert_eq!(answer["request-id"], id.as_str());
    }
}
