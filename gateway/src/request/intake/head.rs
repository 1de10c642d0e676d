//! Whether a request's head is one that may go on: well-formed, within bounds, unambiguous.
//!
//! Pingora has parsed it and refused what cannot be parsed. What it lets through and we do not: a
//! length *and* chunks (two readers of one stream may disagree where the request ends), codings we
//! cannot undo, HTTP/1.1 without `Host`, and blocks larger than ours.

use std::time::Duration;

use http::{Method, Version, header};
use keyweir_policy::config::file::GatewayLimits;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use pingora_core::protocols::http::ServerSession;

use crate::downstream::head_scan::{METHOD_MAX, Unread};
use crate::request::respond::refuse::Refuse;

/// Bytes of a path and its query. Ids and parameters are short; the bound keeps log lines short.
const TARGET_MAX: usize = 16 * 1024;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// Checks the head of `session`'s request.
///
/// # Errors
/// If it may not go on; what is returned is the answer to it.
pub(crate) fn check(session: &ServerSession, limits: &GatewayLimits) -> Result<(), Refuse> {
    let head = session.req_header();
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        let message = "this gateway serves an API; it does not open tunnels";
        return Err(Refuse::new(RefusalKind::MethodNotAllowed, "method", message).allow(METHODS));
    }
    if head.method.as_str().len() > METHOD_MAX {
        return Err(long_method());
    }
    if !names_one_host(head) {
        return Err(malformed("the Host header is not the name of one host"));
    }
    if head.raw_path().len() > TARGET_MAX {
        let max = TARGET_MAX / 1024;
        let message = format!("the path and query are longer than {max} KiB");
        return Err(too_large(message).status(414));
    }
    if !head.raw_path_is_utf8() || !is_utf8_decoded(head.uri.path()) {
        return Err(malformed("the path is not valid UTF-8"));
    }
    if head.headers.len() > limits.header_count_max {
        let max = limits.header_count_max;
        return Err(too_large(format!("more than {max} headers")).status(431));
    }
    match session {
        ServerSession::H1(http1) => {
            let raw = http1.get_headers_raw_bytes();
            if raw.len() as u64 > limits.header_bytes_max {
                let max = limits.header_bytes_max;
                return Err(too_large(format!("headers of more than {max} bytes")).status(431));
            }
            check_http1(head, &raw)
        }
        _ => Ok(()),
    }
}

fn check_http1(head: &pingora_http::RequestHeader, raw: &[u8]) -> Result<(), Refuse> {
    if head.version == Version::HTTP_11 && !head.headers.contains_key(header::HOST) {
        return Err(malformed("an HTTP/1.1 request must have a Host header"));
    }
    let Some(coding) = head.headers.get(header::TRANSFER_ENCODING) else {
        return Ok(());
    };
    if !coding.as_bytes().eq_ignore_ascii_case(b"chunked")
        || head
            .headers
            .get_all(header::TRANSFER_ENCODING)
            .iter()
            .count()
            > 1
    {
        return Err(malformed(
            "the only transfer-encoding that is understood is chunked",
        ));
    }
    // Pingora has dropped the length from the parsed head by now.
    if has_header(raw, b"content-length") {
        return Err(malformed(
            "a request has either a content-length or a transfer-encoding",
        ));
    }
    Ok(())
}

/// Whether a raw header block has a header of this (lower-case) name.
fn has_header(raw: &[u8], name: &[u8]) -> bool {
    raw.split(|byte| *byte == b'\n').skip(1).any(|line| {
        line.len() > name.len()
            && line[..name.len()].eq_ignore_ascii_case(name)
            && line[name.len()..].trim_ascii_start().first() == Some(&b':')
    })
}

/// The answer to a head that could not be read at all.
pub(crate) fn unreadable(error: &pingora_core::Error) -> Refuse {
    let text = error.to_string();
    if text.contains("TooManyHeaders") || text.contains("too many headers") {
        return too_large("too many headers").status(431);
    }
    if text.contains("header larger than") {
        return too_large("the headers are too large").status(431);
    }
    malformed("this is not a well-formed HTTP request")
}

/// The answer to a head that was not read to its end.
pub(crate) fn unread(unread: Unread) -> Refuse {
    match unread {
        Unread::Slow | Unread::Silent => {
            let message = "the request's head did not arrive in time";
            Refuse::new(RefusalKind::Timeout, "slow_head", message).status(408)
        }
        Unread::TooLarge => too_large("the headers are too large").status(431),
        Unread::Method => long_method(),
        Unread::Malformed => malformed("this is not a well-formed HTTP request"),
        Unread::NoRoom => {
            let message = "the gateway holds as many request heads as it may; try again in 1 s";
            Refuse::new(RefusalKind::Overloaded, "heads_full", message)
                .after(Duration::from_secs(1))
        }
    }
}

fn long_method() -> Refuse {
    too_large("method too long").status(431)
}

/// Whether a path is UTF-8 once its percent escapes are decoded. What is not, such as the overlong
/// `%c0%ae`, some servers read as something else: a dot (RFC 3629 section 10).
fn is_utf8_decoded(path: &str) -> bool {
    if !path.contains('%') {
        return true;
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        decoded.push(escaped.map_or(*first, |(high, low)| high << 4 | low));
        rest = if escaped.is_some() { &rest[3..] } else { after };
    }
    std::str::from_utf8(&decoded).is_ok()
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// A name or an address, perhaps with a port: nothing that another reader could take for several.
fn names_one_host(head: &pingora_http::RequestHeader) -> bool {
    let is_part = |byte: &u8| {
        let separates = matches!(byte, b',' | b';' | b'/' | b'\\' | b'"' | b'<' | b'>' | b'@');
        byte.is_ascii_graphic() && !separates
    };
    let host = head.headers.get(header::HOST);
    host.is_none_or(|host| host.as_bytes().iter().all(is_part))
}

fn malformed(message: &'static str) -> Refuse {
    Refuse::new(RefusalKind::InvalidRequest, "malformed", message).non_retryable()
}

fn too_large(message: impl Into<std::borrow::Cow<'static, str>>) -> Refuse {
    Refuse::new(RefusalKind::RequestTooLarge, "head_too_large", message).non_retryable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_in_a_raw_block_however_it_is_written() {
        let block = b"POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH : 5\r\n\r\n";
        assert!(has_header(block, b"content-length"));
        assert!(has_header(block, b"host"));
        assert!(!has_header(block, b"content"));
        assert!(!has_header(block, b"post / http/1.1"));
    }

    #[test]
    fn escapes_in_a_path_are_utf8() {
        for path in ["/", "/v1/%c3%bc", "/v1/100%", "/v1/%zz", "/v1/%e2%82%ac%2e"] {
            assert!(is_utf8_decoded(path), "{path}");
        }
        for path in [
            "/v1/%c0%ae",
            "/v1/%C0%AE%c0%ae/",
            "/%ff",
            "/%c3",
            "/%ed%a0%80",
        ] {
            assert!(!is_utf8_decoded(path), "{path}");
        }
    }
}
