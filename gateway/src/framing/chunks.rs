//! Whether a body's chunks are framed as RFC 9112 section 7.1 says, and not only about so.
//!
//! Pingora's parser takes a missing size for zero, which makes a whole body of half of one, and a
//! bare line feed for the end of a chunk's extension, which other readers take for part of it: what
//! two readers read differently is how requests are smuggled. Looked at beside Pingora, byte for
//! byte of what is framing; content is skipped.

/// Digits of a size: 64 bits.
const DIGITS_MAX: u8 = 16;

/// How far a chunked body was looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunks {
    /// In a size of which so many digits have come.
    Size { digits: u8, size: u64 },
    /// After a size, where blanks and an extension may stand.
    Extension { size: u64 },
    /// After the carriage return that ends a size's line.
    LineEnd { size: u64 },
    /// In content of which so much is to come.
    Content { left: u64 },
    /// After content.
    ContentEnd,
    /// After the carriage return that ends content.
    ContentLineEnd,
    /// After the last chunk; trailers are Pingora's.
    Done,
}

/// The framing is not that of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misframed;

impl Chunks {
    /// At the beginning of a body.
    pub(crate) const START: Self = Self::Size { digits: 0, size: 0 };

    /// Whether `bytes` come between two chunks and are a whole one without an extension, and no more. What
    /// is one needs no other look.
    pub(crate) fn is_whole(self, bytes: &[u8]) -> bool {
        self == Self::START
            && size_line(bytes).is_some_and(|(size, after)| {
                let content = after.strip_suffix(b"\r\n");
                content.is_some_and(|content| content.len() as u64 == size)
            })
    }

    /// Looks at what came next.
    ///
    /// # Errors
    /// If that cannot be.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), Misframed> {
        let mut rest = bytes;
        loop {
            rest = self.content(rest);
            let Some((first, after)) = rest.split_first() else {
                return Ok(());
            };
            if *self == Self::Done {
                return Ok(());
            }
            *self = self.next(*first)?;
            rest = after;
        }
    }

    /// Passes over content, and over the frames between pieces of it that lie here whole and have no
    /// extension: nearly all. What is left is returned.
    fn content<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Self::Content { mut left } = *self else {
            return bytes;
        };
        let mut rest = bytes;
        loop {
            let here = usize::try_from(left).unwrap_or(usize::MAX);
            if here > rest.len() {
                left -= rest.len() as u64;
                *self = Self::Content { left };
                return b"";
            }
            rest = &rest[here..];
            match frame(rest) {
                Some((size, after)) => (left, rest) = (size, after),
                None => {
                    *self = Self::ContentEnd;
                    return rest;
                }
            }
        }
    }

    fn next(self, byte: u8) -> Result<Self, Misframed> {
        Ok(match (self, byte) {
            (Self::Size { digits, size }, _) if byte.is_ascii_hexdigit() => {
                if digits == DIGITS_MAX {
                    return Err(Misframed);
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Self::Size {
                    digits: digits + 1,
                    size: size << 4 | u64::from(digit),
                }
            }
            (Self::Size { digits: 1.., size }, b'\r') => Self::LineEnd { size },
            (Self::Size { digits: 1.., size }, b';' | b' ' | b'\t') => Self::Extension { size },
            (Self::Extension { size }, b'\r') => Self::LineEnd { size },
            (Self::Extension { size }, b'\t' | b' '..) if byte != 0x7f => Self::Extension { size },
            (Self::LineEnd { size: 0 }, b'\n') => Self::Done,
            (Self::LineEnd { size }, b'\n') => Self::Content { left: size },
            (Self::ContentEnd, b'\r') => Self::ContentLineEnd,
            (Self::ContentLineEnd, b'\n') => Self::START,
            _ => return Err(Misframed),
        })
    }
}

/// The frame between two pieces of content: the size of the second, and what comes after it.
fn frame(bytes: &[u8]) -> Option<(u64, &[u8])> {
    size_line(bytes.strip_prefix(b"\r\n")?)
}

/// The size that a line of digits is, and what comes after it.
fn size_line(line: &[u8]) -> Option<(u64, &[u8])> {
    /// Digits of a size that fits a buffer: more are looked at one by one.
    const DIGITS: usize = 6;
    let mut size = 0;
    for (at, byte) in line.iter().take(DIGITS + 1).enumerate() {
        match HEX[usize::from(*byte)] {
            NO_DIGIT if size > 0 => return Some((size, line[at..].strip_prefix(b"\r\n")?)),
            // A size of zero ends the body, and is looked at one by one.
            NO_DIGIT => return None,
            digit => size = size << 4 | u64::from(digit),
        }
    }
    None
}

const NO_DIGIT: u8 = 16;

/// What each byte is worth as a digit.
const HEX: [u8; 256] = {
    let mut worth = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        worth[b"0123456789abcdef"[digit] as usize] = digit as u8;
        worth[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    worth
};

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(body: &str, piece: usize) -> Result<Chunks, Misframed> {
        let mut chunks = Chunks::START;
        for piece in body.as_bytes().chunks(piece) {
            chunks.feed(piece)?;
        }
        Ok(chunks)
    }

    #[test]
    fn good_chunks_pass_however_they_are_split() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "05;name=\"a b\"\r\nhello\r\nA \r\n0\r\n\r\n\r\n\r\n;\r\n0\r\nx: 1\r\n\r\n",
        ] {
            for piece in 1..body.len() {
                assert_eq!(fed(body, piece), Ok(Chunks::Done), "{body:?} by {piece}");
            }
        }
        assert_eq!(fed("5\r\nhe", 1), Ok(Chunks::Content { left: 3 }));
    }

    #[test]
    fn what_is_only_about_right_does_not() {
        for body in [
            "\r\n\r\n",
            "5\r\nhello\r\n\r\n\r\n",
            ";a\r\n",
            "5\nhello\r\n",
            "5;a\nhello\r\n",
            "5;a\rb\r\nhello\r\n",
            "5;\0\r\nhello\r\n",
            "5\r\nhellohello",
            "5\r\nhello\n0\r\n\r\n",
            "-5\r\n",
            "0x5\r\n",
            "00000000000000005\r\nhello",
        ] {
            for piece in 1..body.len() {
                assert_eq!(fed(body, piece), Err(Misframed), "{body:?} by {piece}");
            }
        }
    }
}
