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
    inner.is_empty()
        || has_plain_bytes(inner.as_bytes())
            && inner
                .as_bytes()
                .split(|byte| *byte == b'/')
                .all(is_plain_segment)
}

/// No bytes that servers treat differently: white space, controls, `\`, `?`, `#`, beyond ASCII.
fn has_plain_bytes(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| matches!(byte, 0x21..=0x7E) && !matches!(byte, b'\\' | b'?' | b'#' | b';'))
}

/// Not empty, not a dot segment, and no escape that could make it one. An escaped `/` is part of
/// some models' names and is harmless where it makes no dot segment either.
fn is_plain_segment(segment: &[u8]) -> bool {
    let mut rest = segment;
    // What stands since the last slash, escaped or not: how much, and whether all of it is dots.
    let (mut length, mut only_dots) = (0, true);
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => match unescaped(*high, *low) {
                Some(byte) => (byte, after),
                None => return false,
            },
            (b'%', _) => return false,
            _ => (*first, after),
        };
        if byte == b'/' && is_dots(length, only_dots) {
            return false;
        }
        (length, only_dots) = match byte {
            b'/' => (0, true),
            _ => (length + 1, only_dots && byte == b'.'),
        };
        rest = after;
    }
    !is_dots(length, only_dots)
}

/// The byte that is escaped, if there is a good reason to.
fn unescaped(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    // `%25` would be decoded twice somewhere; nobody escapes what needs no escape, but to hide it.
    let is_suspect = is_unreserved(byte)
        || byte.is_ascii_control()
        || matches!(byte, b'\\' | b'%' | b'?' | b'#' | b';');
    (!is_suspect).then_some(byte)
}

/// Nothing, `.` or `..`.
const fn is_dots(length: usize, only_dots: bool) -> bool {
    only_dots && length <= 2
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
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
