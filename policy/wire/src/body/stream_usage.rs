//! Asking for the usage of a stream on behalf of a client that does not ask for it.
//!
//! Streams of chat completions tell what they cost only where `stream_options.include_usage` is set
//! (<https://platform.openai.com/docs/api-reference/chat/create>). Without that the pool would have to
//! guess. What the client did not ask for is taken out of the stream again
//! ([`usage_hidden`](crate::stream::usage_hidden)).

use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use memchr::memmem;

use crate::json::{Kind, Reader};

const ASKED: &[u8] = b"\"stream_options\":{\"include_usage\":true},";

/// Whether a stream from `path` tells its usage only if it is asked to.
pub(crate) fn tells_if_asked(dialect: Dialect, endpoint: Endpoint, path: &str) -> bool {
    dialect == Dialect::OpenAi && endpoint == Endpoint::Inference && path.ends_with("/completions")
}

/// `body`, a request for a stream, with its usage asked for; `None` where it is asked for already,
/// or cannot be.
pub(crate) fn asked(body: &[u8]) -> Option<Vec<u8>> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    if memmem::find(body, b"stream_options").is_none() {
        let start = body.iter().position(|byte| *byte == b'{')? + 1;
        let is_empty = body[start..].trim_ascii_start().first() == Some(&b'}');
        return (!is_empty).then(|| spliced(body, (start, start), ASKED));
    }
    let mut place = None;
    let mut reader = Reader::new(body);
    let read = reader.object(|name, reader| {
        if name != b"stream_options" {
            return reader.skip().map(drop);
        }
        let kind = reader.peek()?;
        let value = reader.skip()?;
        place = Some((kind, value));
        Ok(())
    });
    read.ok()?;
    // What comes next in `body`, or a part of it: its place is the distance of their beginnings.
    let span = |part: &[u8]| {
        let start = part.as_ptr() as usize - body.as_ptr() as usize;
        (start, start + part.len())
    };
    let Some((kind, value)) = place else {
        let start = body.iter().position(|byte| *byte == b'{')? + 1;
        return Some(spliced(body, (start, start), ASKED));
    };
    match kind {
        Kind::Null => Some(spliced(body, span(value), b"{\"include_usage\":true}")),
        Kind::Object => {
            let mut asked = None;
            let mut reader = Reader::new(value);
            let read = reader.object(|name, reader| {
                let value = reader.skip()?;
                if name == b"include_usage" {
                    asked = Some(value);
                }
                Ok(())
            });
            read.ok()?;
            match asked {
                Some(b"true") => None,
                Some(other) => Some(spliced(body, span(other), b"true")),
                None if value.len() == 2 => {
                    Some(spliced(body, span(value), b"{\"include_usage\":true}"))
                }
                None => {
                    let start = span(value).0 + 1;
                    Some(spliced(body, (start, start), b"\"include_usage\":true,"))
                }
            }
        }
        // The provider says what it thinks of it.
        _ => None,
    }
}

fn spliced(body: &[u8], (start, end): (usize, usize), with: &[u8]) -> Vec<u8> {
    let mut spliced = Vec::with_capacity(body.len() + with.len());
    spliced.extend_from_slice(&body[..start]);
    spliced.extend_from_slice(with);
    spliced.extend_from_slice(&body[end..]);
    spliced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_asked_for_and_all_else_stays() {
        for (body, expected) in [
            (
                r#"{"model":"a", "stream":true}"#,
                Some(r#"{"stream_options":{"include_usage":true},"model":"a", "stream":true}"#),
            ),
            (
                r#" {"stream":true,"stream_options":null}"#,
                Some(r#" {"stream":true,"stream_options":{"include_usage":true}}"#),
            ),
            (
                r#"{"stream_options":{},"x":1}"#,
                Some(r#"{"stream_options":{"include_usage":true},"x":1}"#),
            ),
            (
                r#"{"stream_options":{"include_obfuscation":false},"x":1}"#,
                Some(
                    r#"{"stream_options":{"include_usage":true,"include_obfuscation":false},"x":1}"#,
                ),
            ),
            (
                r#"{"stream_options":{"include_usage": false}}"#,
                Some(r#"{"stream_options":{"include_usage": true}}"#),
            ),
            (
                r#"{"messages":["stream_options"]}"#,
                Some(r#"{"stream_options":{"include_usage":true},"messages":["stream_options"]}"#),
            ),
            (r#"{"stream_options":{"include_usage":true}}"#, None),
            (r#"{"stream_options":7}"#, None),
            ("{}", None),
            ("", None),
        ] {
            let found = asked(body.as_bytes());
            let found = found.map(|found| String::from_utf8(found).expect("text"));
            assert_eq!(found.as_deref(), expected, "{body}");
        }
    }
}
