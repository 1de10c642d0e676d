//! Takes the chunked coding off a body as it arrives.
//!
//! Bytes may be split anywhere. Trailers are skipped; what follows the body is left alone. Memory
//! is that of one size line.

/// Why a body is not chunked coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotChunked;

/// Where in the coding the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    /// Behind a `;`: up to the end of the line.
    Extension,
    Content,
    /// The line end behind a chunk's content.
    ContentEnd,
    /// At the start of a line behind the last chunk.
    TrailerStart,
    Trailer,
    Done,
}

/// The state of one body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Decoder {
    at: At,
    left: u64,
}

impl Decoder {
    /// Whether the last chunk and the empty line behind it have been seen.
    pub(crate) fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Gives the content in `coded` to `content`, and says how many bytes of `coded` belonged to
    /// this body.
    pub(crate) fn feed(
        &mut self,
        coded: &[u8],
        mut content: impl FnMut(&[u8]),
    ) -> Result<usize, NotChunked> {
        let mut used = 0;
        while used < coded.len() && !self.is_done() {
            if self.at == At::Content {
                let take = usize::try_from(self.left)
                    .map_or(coded.len() - used, |left| left.min(coded.len() - used));
                content(&coded[used..used + take]);
                used += take;
                self.left -= take as u64;
                if self.left == 0 {
                    self.at = At::ContentEnd;
                }
            } else {
                self.step(coded[used])?;
                used += 1;
            }
        }
        Ok(used)
    }

    fn step(&mut self, byte: u8) -> Result<(), NotChunked> {
        match (self.at, byte) {
            (At::Size | At::Extension, b'\n') => {
                self.at = if self.left == 0 {
                    At::TrailerStart
                } else {
                    At::Content
                };
            }
            (At::Size, b';') => self.at = At::Extension,
            (At::Size, b'\r') | (At::Extension, _) => {}
            (At::Size, digit) => {
                let value = (digit as char).to_digit(16).ok_or(NotChunked)?;
                let shifted = self.left.checked_mul(16).ok_or(NotChunked)?;
                self.left = shifted + u64::from(value);
            }
            (At::ContentEnd, b'\n') => self.at = At::Size,
            (At::ContentEnd | At::TrailerStart, b'\r') => {}
            (At::ContentEnd, _) => return Err(NotChunked),
            (At::TrailerStart, b'\n') => self.at = At::Done,
            (At::Trailer, b'\n') => self.at = At::TrailerStart,
            (At::TrailerStart | At::Trailer, _) => self.at = At::Trailer,
            (At::Content | At::Done, _) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(coded: &[u8], piece: usize) -> Result<(Vec<u8>, usize, bool), NotChunked> {
        let mut decoder = Decoder::default();
        let mut content = Vec::new();
        let mut used = 0;
        for part in coded.chunks(piece) {
            used += decoder.feed(part, |bytes| content.extend_from_slice(bytes))?;
        }
        Ok((content, used, decoder.is_done()))
    }

    #[test]
    fn content_is_the_same_however_it_is_split() {
        let coded = b"5\r\nhello\r\n1;x=y\r\n,\r\nA\r\n 123456789\r\n0\r\nt: 1\r\n\r\n";
        for piece in 1..coded.len() {
            let (content, used, done) = decode(coded, piece).expect("well formed");
            assert_eq!(content, b"hello, 123456789");
            assert_eq!((used, done), (coded.len(), true));
        }
    }

    #[test]
    fn what_follows_the_body_is_left_alone() {
        let (_, used, done) = decode(b"0\r\n\r\nHTTP/1.1 200 OK", 100).expect("well formed");
        assert_eq!((used, done), (5, true));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(decode(b"zz\r\n", 10), Err(NotChunked));
        assert_eq!(decode(b"1\r\nab\r\n", 10), Err(NotChunked));
        assert_eq!(decode(b"fffffffffffffffff\r\n", 30), Err(NotChunked));
    }
}
