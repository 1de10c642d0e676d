//! Whether a path is what it seems.
//!
//! The allow-list compares text, but an upstream or the edge before it may decode and normalize
//! what we forward byte for byte, and then serve something else than was allowed
//! (`/v1/models/..%2Forganizations`). So a path that any normalization could change is not served
//! at all. No client of these APIs needs one.

/// True if every reader of `path` sees the same segments.
pub(super) fn is_plain(path: &str) -> bool {
    let Some(inner) = path.strip_prefix('/') else {
        return false;
    };
    inner.is_empty() || has_plain_bytes(inner.as_bytes()) && inner.split('/').all(is_plain_segment)
}

/// No bytes that servers treat differently: white space, controls, `\`, `?`, `#`, beyond ASCII.
fn has_plain_bytes(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'?' | b'#' | b';'))
}

/// Not empty, not a dot segment, and no escape that could make it one. An escaped `/` is part of
/// some models' names and is harmless where it makes no dot segment either.
fn is_plain_segment(segment: &str) -> bool {
    if !segment.contains('%') {
        return !is_empty_or_dots(segment);
    }
    let mut parts = segment.split('%');
    let Some(first) = parts.next() else {
        return false;
    };
    let mut piece = first.len();
    let mut only_dots = first.bytes().all(|byte| byte == b'.');
    for part in parts {
        let Some(escape) = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
        else {
            return false;
        };
        match escape {
            b'/' if only_dots && piece <= 2 => return false,
            b'/' => (piece, only_dots) = (0, true),
            // `%25` would be decoded twice somewhere; nobody escapes what needs no escape, but to
            // hide it.
            b'\\' | b'%' | b'?' | b'#' | b';' | 0..=0x1F | 0x7F => return false,
            _ if is_unreserved(escape) => return false,
            _ => (piece, only_dots) = (piece + 1, false),
        }
        piece += part.len() - 2;
        only_dots &= part[2..].bytes().all(|byte| byte == b'.');
    }
    !(only_dots && piece <= 2)
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_empty_or_dots(segment: &str) -> bool {
    matches!(segment, "" | "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_mean_something_else_are_not_plain() {
        for (path, plain) in [
            ("/", true),
            ("/v1/messages", true),
            ("/v1/models/claude-opus-4.1", true),
            ("/v1/models/ft:gpt-4o:acme::abc", true),
            ("/v1/models/meta-llama%2FLlama-3", true),
            ("/v1/models/a%20b", true),
            ("/v1/files/...", true),
            ("", false),
            ("*", false),
            ("v1/messages", false),
            ("//v1/messages", false),
            ("/v1//messages", false),
            ("/v1/messages/", false),
            ("/v1/./messages", false),
            ("/v1/../v1/messages", false),
            ("/v1/messages/..", false),
            ("/v1/%2e%2e/organizations", false),
            ("/v1/.%2E/organizations", false),
            ("/v1/models/..%2Forganizations", false),
            ("/v1/models/x%2f..%2forganizations", false),
            ("/v1/models/x%2f", false),
            ("/v1/models/%2fx", false),
            ("/v1/models/x%2f%2fy", false),
            ("/v1/models/%252e%252e", false),
            ("/v1\\organizations", false),
            ("/v1/models/..%5corganizations", false),
            ("/v1/%6frganizations", false),
            ("/v1/models/x;y", false),
            ("/v1/models/a b", false),
            ("/v1/models/\u{e9}", false),
            ("/v1/models/%00", false),
            ("/v1/models/%", false),
            ("/v1/models/%4", false),
            ("/v1/models/%zz", false),
            ("/v1/models/%+1", false),
            ("/v1/models?x", false),
        ] {
            assert_eq!(is_plain(path), plain, "{path}");
        }
    }
}
