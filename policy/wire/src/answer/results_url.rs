//! Keeps clients of batches on their way through the gateway.
//!
//! A batch's `results_url` is absolute, and SDKs follow it with the credential they have: the
//! gateway's, which the provider does not know. Only the URL's beginning is replaced; all other
//! bytes stay as the provider sent them, so no JSON is parsed and written anew.

use memchr::memmem;

const NAME: &[u8] = b"\"results_url\"";

/// `None` if nothing is to be changed.
pub(crate) fn rewrite(body: &[u8], upstream_base: &str, public_base: &str) -> Option<Vec<u8>> {
    let upstream = upstream_base.trim_end_matches('/').as_bytes();
    let public = public_base.trim_end_matches('/');
    let mut rewritten = Vec::new();
    let mut copied = 0;
    for name in memmem::find_iter(body, NAME) {
        let Some(start) = value_start(body, name + NAME.len()) else {
            continue;
        };
        if let Some(length) = base_length(&body[start..], upstream) {
            rewritten.extend_from_slice(&body[copied..start]);
            push_escaped(&mut rewritten, public);
            copied = start + length;
        }
    }
    if copied == 0 {
        return None;
    }
    rewritten.extend_from_slice(&body[copied..]);
    Some(rewritten)
}

/// The offset of a string's first byte, if `: "` stands at `at`. A string *value* of this name is
/// not followed by a colon, and inside another string the quotes would be escaped.
fn value_start(body: &[u8], at: usize) -> Option<usize> {
    let at = skip_space(body, at);
    let at = skip_space(body, (body.get(at)? == &b':').then_some(at + 1)?);
    (body.get(at)? == &b'"').then_some(at + 1)
}

fn skip_space(body: &[u8], at: usize) -> usize {
    let space = body[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace());
    at + space.count()
}

/// How many bytes of `value` spell `base` (slashes may be escaped), if the base ends there.
fn base_length(value: &[u8], base: &[u8]) -> Option<usize> {
    let mut at = 0;
    for expected in base {
        at += usize::from(*expected == b'/' && value[at..].starts_with(b"\\/"));
        if !value.get(at)?.eq_ignore_ascii_case(expected) {
            return None;
        }
        at += 1;
    }
    matches!(value.get(at)?, b'/' | b'"' | b'?' | b'\\').then_some(at)
}

fn push_escaped(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UPSTREAM: &str = "https://api.anthropic.com";
    const PUBLIC: &str = "http://localhost:8080/team";

    fn rewritten(body: &str) -> Option<String> {
        rewrite(body.as_bytes(), UPSTREAM, PUBLIC).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn only_the_base_of_results_urls_changes() {
        for (body, expected) in [
            (
                r#"{"id":"b","results_url":"https://api.anthropic.com/v1/messages/batches/b/results"}"#,
                r#"{"id":"b","results_url":"http://localhost:8080/team/v1/messages/batches/b/results"}"#,
            ),
            (
                "{\"results_url\" :\n \"https:\\/\\/api.anthropic.com\\/v1\\/x\"}",
                "{\"results_url\" :\n \"http://localhost:8080/team\\/v1\\/x\"}",
            ),
            (
                r#"{"data":[{"results_url":null},{"results_url":"https://api.anthropic.com/a"},{"results_url":"https://api.anthropic.com/b"}]}"#,
                r#"{"data":[{"results_url":null},{"results_url":"http://localhost:8080/team/a"},{"results_url":"http://localhost:8080/team/b"}]}"#,
            ),
        ] {
            assert_eq!(rewritten(body).as_deref(), Some(expected));
        }
    }

    #[test]
    fn everything_else_stays() {
        for body in [
            "",
            r#"{"results_url":null}"#,
            r#"{"results_url":"https://elsewhere.example/v1"}"#,
            r#"{"results_url":"https://api.anthropic.com.evil.example/v1"}"#,
            r#"{"url":"https://api.anthropic.com/v1"}"#,
            r#"{"text":"\"results_url\":\"https://api.anthropic.com/v1\""}"#,
            r#"["results_url","https://api.anthropic.com/v1"]"#,
            r#"{"results_url""#,
            r#"{"results_url":"https://api.anth"#,
        ] {
            assert_eq!(rewritten(body), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(body in r#"("results_url"|:|"|https://api.anthropic.com|/|\\|[ a]){0,12}"#) {
            let _ = rewritten(&body);
        }
    }
}
