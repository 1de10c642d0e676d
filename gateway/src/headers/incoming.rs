//! The head of an answer to a client.

use http::HeaderMap;
use pingora_http::ResponseHeader;

use super::stripped::passes;

/// Headers that an answer has beside the provider's: the request's name, attempts, framing, date.
const ADDED: usize = 4;

/// An answer's head as the client gets it, without the headers that the gateway adds.
pub(crate) fn incoming(response: &ResponseHeader) -> ResponseHeader {
    // Counted first: a map with room for those that do not pass, which are many, would be twice as
    // large for as long as the answer streams.
    let passing = response.headers.iter().filter(|(name, _)| passes(name));
    let passing: Vec<_> = passing.collect();
    let mut kept = HeaderMap::with_capacity(passing.len() + ADDED);
    for (name, value) in passing {
        kept.append(name, value.clone());
    }
    let mut answer = http::Response::new(());
    *answer.status_mut() = response.status;
    *answer.headers_mut() = kept;
    ResponseHeader::from(answer.into_parts().0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    #[test]
    fn an_answer_keeps_what_is_the_clients_and_loses_what_is_the_keys() {
        let mut response = ResponseHeader::build(200, None).expect("valid");
        for (name, value) in [
            ("content-type", "application/json"),
            ("request-id", "req_1"),
            ("retry-after", "3"),
            ("anthropic-ratelimit-requests-remaining", "7"),
            ("x-ratelimit-reset-tokens", "6m0s"),
            ("anthropic-organization-id", "org"),
            ("set-cookie", "a=b"),
            ("transfer-encoding", "chunked"),
        ] {
            response.append_header(name, value).expect("valid");
        }

        let answer = incoming(&response);

        let names: Vec<_> = answer.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "request-id", "retry-after"]);
    }
}
