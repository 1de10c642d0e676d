//! The headers of an answer to a client.

use http::HeaderMap;
use http::header::HeaderValue;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::wire::trace::Traces;

use super::stripped::passes;

/// Headers that an answer has beside the provider's: the request's name, attempts, framing, date.
const ADDED: usize = 4;

/// An answer's headers as a client of `dialect` gets them, without those that the gateway adds and
/// without `traces` of the credential it was asked with.
pub(crate) fn incoming(headers: &HeaderMap, dialect: Dialect, traces: &Traces) -> HeaderMap {
    // Counted first: a map with room for those that do not pass, which are many, would be twice as
    // large for as long as the answer streams.
    let passing = headers.iter().filter(|(name, _)| passes(dialect, name));
    let passing: Vec<_> = passing.collect();
    let mut kept = HeaderMap::with_capacity(passing.len() + ADDED);
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
    use http::HeaderName;

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
        let answer = incoming(&headers, Dialect::Anthropic, &traces);

        let names: Vec<_> = answer.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "request-id", "retry-after"]);
        let id = format!("req_1 of {}", "*".repeat(37));
        assert_eq!(answer["request-id"], id.as_str());
    }
}
