//! The texts that go over the wire: what clients send, what the upstream answers, and therefore
//! what must come back.
//!
//! They have the shape of the Anthropic Messages API, headers included, because the gateway reads
//! what it forwards: a body it could skip would make it look cheaper than it is.

use std::time::Duration;

use crate::directive::{Directive, HEADER, StreamShape};

/// Requests and JSON answers are filled up to this.
pub(crate) const BODY_BYTES: usize = 1024;
/// What clients of the gateway present.
pub(crate) const CLIENT_KEY: &str = "kw_load_0123456789abcdefghijklmnopqrstuvwxyz";
/// The model every request names.
pub(crate) const MODEL: &str = "claude-sonnet-4-5";
/// Content deltas of a short stream.
pub(crate) const SHORT_STREAM_DELTAS: u32 = 16;

/// The text of every ordinary JSON answer begins with this.
const TEXT: &str = "measured, not guessed";

const MESSAGE_STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/// Stands before the time of sending in a stamped delta.
const STAMP: &str = "sent at ";

/// One request, and the answer that proves that it was served right.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// The request, head and body.
    pub(crate) request: Vec<u8>,
    /// The content of the answer, the transfer coding taken off.
    pub(crate) answer: Vec<u8>,
}

/// 1 KB there, 1 KB back.
pub(crate) fn json() -> Exchange {
    Exchange {
        request: request(&Directive::Json, &small_body(false)),
        answer: message(),
    }
}

/// 1 KB there, a short stream back.
pub(crate) fn short_stream(gap: Duration) -> Exchange {
    let shape = StreamShape {
        deltas: SHORT_STREAM_DELTAS,
        gap,
        stamped: false,
    };
    let deltas = plain_delta().repeat(shape.deltas as usize);
    let answer = stream_opening().concat() + &deltas + &stream_closing(shape.deltas).concat();
    Exchange {
        request: stream_request(shape),
        answer: answer.into_bytes(),
    }
}

/// 1 KB there, a stream of this shape back.
pub(crate) fn stream_request(shape: StreamShape) -> Vec<u8> {
    request(&Directive::Stream(shape), &small_body(true))
}

/// `body_bytes` there, after `statuses` a message back.
pub(crate) fn failing_first(id: u64, statuses: &[u16], body_bytes: usize) -> Exchange {
    let directive = Directive::FailFirst {
        id,
        statuses: statuses.to_vec(),
    };
    let body = large_body(body_bytes);
    Exchange {
        answer: attempt_message(statuses.len() as u32 + 1, body.len() as u64),
        request: request(&directive, &body),
    }
}

fn request(directive: &Directive, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST /v1/messages HTTP/1.1\r\n\
         host: gateway.example\r\n\
         accept: application/json\r\n\
         content-type: application/json\r\n\
         user-agent: keyweir-load\r\n\
         anthropic-version: 2023-06-01\r\n\
         x-api-key: {CLIENT_KEY}\r\n\
         {HEADER}: {directive}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

fn small_body(stream: bool) -> Vec<u8> {
    let before = format!(
        r#"{{"model":"{MODEL}","max_tokens":64,"stream":{stream},"system":"Answer briefly.","messages":[{{"role":"user","content":""#
    );
    filled(&before, r#""}]}"#, BODY_BYTES)
}

/// Real bodies of this size are mostly images: a few blocks of base64.
fn large_body(bytes: usize) -> Vec<u8> {
    const IMAGE_BYTES: usize = 4 << 20;
    let image = format!(
        r#"{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{}"}}}},"#,
        "iVBORw0K".repeat(IMAGE_BYTES / 8)
    );
    let mut before =
        format!(r#"{{"model":"{MODEL}","max_tokens":64,"messages":[{{"role":"user","content":["#);
    while before.len() + image.len() + BODY_BYTES < bytes {
        before += &image;
    }
    before += r#"{"type":"text","text":""#;
    filled(&before, r#""}]}]}"#, bytes)
}

/// `before` and `after` with words between them, `bytes` long in all.
fn filled(before: &str, after: &str, bytes: usize) -> Vec<u8> {
    let words = b"the quick brown fox jumps over the lazy dog ";
    let room = bytes.saturating_sub(before.len() + after.len());
    let mut body = before.as_bytes().to_vec();
    body.extend(words.iter().cycle().take(room));
    body.extend_from_slice(after.as_bytes());
    body
}

/// The ordinary JSON answer, of [`BODY_BYTES`].
pub(crate) fn message() -> Vec<u8> {
    message_saying(TEXT)
}

fn message_saying(text: &str) -> Vec<u8> {
    let before = format!(
        r#"{{"id":"msg_load","type":"message","role":"assistant","model":"{MODEL}","content":[{{"type":"text","text":"{text}: "#
    );
    let after = r#""}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":250,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":180}}"#;
    filled(&before, after, BODY_BYTES)
}

/// The answer to an attempt that was not made to fail.
pub(crate) fn attempt_message(attempt: u32, body_bytes: u64) -> Vec<u8> {
    message_saying(&format!("attempt {attempt} brought {body_bytes} bytes"))
}

/// The provider's error body for a status.
pub(crate) fn error(status: u16) -> Vec<u8> {
    let kind = match status {
        429 => "rate_limit_error",
        529 => "overloaded_error",
        400 => "invalid_request_error",
        _ => "api_error",
    };
    format!(
        r#"{{"type":"error","error":{{"type":"{kind}","message":"made to fail"}},"request_id":"req_load"}}"#
    )
    .into_bytes()
}

/// The events before the first delta.
pub(crate) fn stream_opening() -> [String; 3] {
    [
        format!(
            "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"id\":\"msg_load\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"{MODEL}\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{{\"input_tokens\":250,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":1}}}}}}\n\n"
        ),
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n".to_owned(),
        "event: ping\ndata: {\"type\": \"ping\"}\n\n".to_owned(),
    ]
}

/// A content event with a few words.
pub(crate) fn plain_delta() -> String {
    delta("a few words of text ")
}

/// A content event that says when it was sent.
pub(crate) fn stamped_delta(unix_nanos: u64) -> String {
    // The width is fixed, so that all are equally long.
    delta(&format!("{STAMP}{unix_nanos:020} "))
}

fn delta(text: &str) -> String {
    format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
    )
}

/// The events behind the last delta.
pub(crate) fn stream_closing(deltas: u32) -> [String; 3] {
    let output = deltas * 4;
    [
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
            .to_owned(),
        format!(
            "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}},\"usage\":{{\"output_tokens\":{output}}}}}\n\n"
        ),
        MESSAGE_STOP.to_owned(),
    ]
}

/// Where the first event in `stream` ends, if it is complete.
pub(crate) fn event_end(stream: &[u8]) -> Option<usize> {
    let end = stream.windows(2).position(|window| window == b"\n\n")?;
    Some(end + 2)
}

/// The time of sending in an event, in nanoseconds since 1970.
pub(crate) fn stamp(event: &[u8]) -> Option<u64> {
    let event = std::str::from_utf8(event).ok()?;
    let (_, after) = event.split_once(STAMP)?;
    after.get(..20)?.parse().ok()
}

/// Whether this event is the last of a stream.
pub(crate) fn is_last(event: &[u8]) -> bool {
    event == MESSAGE_STOP.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_size_they_are_quoted_with() {
        assert_eq!(json().answer.len(), BODY_BYTES);
        assert!(json().request.ends_with(&small_body(false)));
        assert_eq!(small_body(true).len(), BODY_BYTES);
        assert_eq!(large_body(30 << 20).len(), 30 << 20);
    }

    #[test]
    fn stamps_are_read_back() {
        let event = stamped_delta(5);
        assert_eq!(event_end(event.as_bytes()), Some(event.len()));
        assert_eq!(stamp(event.as_bytes()), Some(5));
        assert_eq!(stamp(stamped_delta(u64::MAX).as_bytes()), Some(u64::MAX));
        assert_eq!(stamp(plain_delta().as_bytes()), None);
        assert_eq!(event_end(&event.as_bytes()[..event.len() - 1]), None);
    }

    #[test]
    fn a_stream_ends_with_its_last_event() {
        let closing = stream_closing(1);
        assert!(is_last(closing[2].as_bytes()));
        assert!(!is_last(closing[1].as_bytes()));
    }
}
