//! Looks through the head of an HTTP/1.1 request as it comes, each byte once.
//!
//! It parses nothing but the request line's shape: what is looked for is the end, and what Pingora
//! would mend.

use bytes::BytesMut;

/// The longest method. The longest registered one, `UPDATEREDIRECTREF`, has 17 letters (IANA, HTTP
/// Method Registry).
pub(crate) const METHOD_MAX: usize = 32;

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The client left, or said nothing in time.
    Silent,
    /// It did not come to its end in time.
    Slow,
    /// It is larger than it may be.
    TooLarge,
    /// Its method is longer than any.
    Method,
    /// It is not one.
    Malformed,
    /// Clients without a key hold as many bytes of heads as they may.
    NoRoom,
}

/// How far a head was looked through.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The largest head.
    max: usize,
    /// Where the next byte to look at is.
    at: usize,
    /// Where its line begins.
    line: usize,
    /// The request line has been seen.
    has_begun: bool,
    /// It names a coding of its body: in chunks, or it will be refused.
    is_coded: bool,
}

impl Scan {
    /// For a head of at most `max` bytes.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            ..Self::default()
        }
    }

    /// Where the head ends, once its end was found.
    pub(crate) fn end(&self) -> usize {
        self.at
    }

    /// Whether it names a coding of its body: in chunks, or it will be refused.
    pub(crate) fn is_coded(&self) -> bool {
        self.is_coded
    }

    /// Whether the head's end has come. Empty lines before its beginning are dropped.
    ///
    /// # Errors
    /// If it is not one to be read.
    pub(crate) fn finds_end(&mut self, bytes: &mut BytesMut) -> Result<bool, Unread> {
        while let Some(found) = memchr::memchr(b'\n', &bytes[self.at..]) {
            let end = self.at + found;
            let line = &bytes[self.line..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            (self.at, self.line) = (end + 1, end + 1);
            if end >= self.max {
                return Err(Unread::TooLarge);
            }
            match (line.is_empty(), self.has_begun) {
                (true, true) => return Ok(true),
                (true, false) => {
                    let _ = bytes.split_to(end + 1);
                    (self.at, self.line) = (0, 0);
                }
                (false, true) => self.is_coded |= is_coding(line),
                (false, false) => {
                    check_request_line(line)?;
                    self.has_begun = true;
                }
            }
        }
        self.at = bytes.len();
        if !self.has_begun && bytes.len() > METHOD_MAX && method(bytes).is_none() {
            return Err(Unread::Method);
        }
        if bytes.len() > self.max {
            return Err(Unread::TooLarge);
        }
        Ok(false)
    }
}

fn is_coding(line: &[u8]) -> bool {
    const NAME: &[u8] = b"transfer-encoding";
    matches!(line[0], b't' | b'T')
        && line.len() > NAME.len()
        && line[..NAME.len()].eq_ignore_ascii_case(NAME)
}

/// The method that `line` begins with, if it is not too long to be one.
fn method(line: &[u8]) -> Option<&[u8]> {
    let beginning = &line[..line.len().min(METHOD_MAX + 1)];
    let end = memchr::memchr(b' ', beginning)?;
    Some(&line[..end])
}

/// A method, a target without blanks and controls, and a version, one space between them (RFC 9112
/// section 3).
fn check_request_line(line: &[u8]) -> Result<(), Unread> {
    let Some(method) = method(line) else {
        let is_long = line.len() > METHOD_MAX;
        return Err(if is_long {
            Unread::Method
        } else {
            Unread::Malformed
        });
    };
    let rest = &line[method.len() + 1..];
    let end = memchr::memrchr(b' ', rest).ok_or(Unread::Malformed)?;
    let is_target = |byte: &u8| *byte > b' ' && *byte != 0x7f;
    if end > 0 && rest[..end].iter().all(is_target) {
        Ok(())
    } else {
        Err(Unread::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_has_three_parts_and_no_blanks_in_them() {
        for line in ["GET / HTTP/1.1", "POST /a%20b?c=\u{fc} HTTP/1.1", "X * y"] {
            assert_eq!(check_request_line(line.as_bytes()), Ok(()), "{line}");
        }
        for line in [
            "GET /",
            "GET",
            "GET  HTTP/1.1",
            "GET /a b HTTP/1.1",
            "GET /a\tb HTTP/1.1",
            "GET /a\0b HTTP/1.1",
            "GET /a\u{7f} HTTP/1.1",
            "GET  / HTTP/1.1",
        ] {
            let checked = check_request_line(line.as_bytes());
            assert_eq!(checked, Err(Unread::Malformed), "{line}");
        }
    }
}
