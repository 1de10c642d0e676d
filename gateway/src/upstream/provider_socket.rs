//! A connection to a provider as Pingora gets it for HTTP/1.1: where an answer comes in chunks, their
//! framing is held to the rule, so that no half of an answer is taken for a whole one. An answer that
//! breaks it reads as an error of kind `InvalidData`.
//!
//! Where an answer's body begins, and whether it comes in chunks, is told by its head, of whose lines only
//! those are looked at that may tell it.

use std::io::{Error, ErrorKind, Result};
use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use pingora_core::protocols::Stream;

use crate::framing::chunks::Chunks;
use crate::framing::tapped::{Tapped, Watch};

/// A connection to a provider.
pub(super) type ProviderSocket = Tapped<Answers>;

/// Has the next answer on `stream` looked at, whether or not one was before.
pub(super) fn tap(stream: Stream) -> Stream {
    match ProviderSocket::back(stream) {
        Ok(mut again) => {
            again.watch = Answers::default();
            again
        }
        Err(stream) => ProviderSocket::new(stream, Answers::default()),
    }
}

/// The answer that comes on a connection.
#[derive(Debug, Default)]
pub(super) struct Answers {
    part: Part,
    /// The beginning of a head's line whose end has not come yet.
    line: Line,
    /// The head says that the body comes in chunks.
    is_chunked: bool,
    /// What is written now is no longer the request's first line.
    has_asked: bool,
    /// Only the head was asked for.
    is_bodiless: bool,
    /// What came last was one whole chunk.
    is_chunk: bool,
}

#[derive(Debug, Default)]
enum Part {
    /// In the first line of a head.
    #[default]
    Status,
    /// In the lines after it, of an answer that has a body or not, or is only informational.
    Fields(Kind),
    Chunks(Chunks),
    /// Nothing that is looked at.
    Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Informational,
    Bodiless,
    Usual,
}

/// As much of a line as matters.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    bytes: [u8; LINE],
    len: usize,
    /// Its last byte, kept or not.
    last: u8,
}

/// The end of a line before one that matters: that may name a coding, or be empty.
const BEFORE: [&[u8]; 4] = [b"\nt", b"\nT", b"\n\r", b"\n\n"];
/// Looks for all of [`BEFORE`] at once: heads have twenty lines and more, of which one matters, or two.
static BEFORE_SEARCHER: LazyLock<Option<Searcher>> = LazyLock::new(|| Searcher::new(BEFORE));

const CODING: &[u8] = b"transfer-encoding:";
const LINE: usize = CODING.len();

impl Line {
    fn push(&mut self, piece: &[u8]) {
        let room = (LINE - self.len).min(piece.len());
        self.bytes[self.len..self.len + room].copy_from_slice(&piece[..room]);
        self.len += room;
        self.last = piece.last().copied().unwrap_or(self.last);
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Watch for Answers {
    fn came(&mut self, bytes: &[u8]) -> Result<()> {
        // The usual of streams that come event by event.
        self.is_chunk = matches!(self.part, Part::Chunks(chunks) if chunks.is_whole(bytes));
        if self.is_chunk {
            return Ok(());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match &mut self.part {
                Part::Rest => return Ok(()),
                Part::Chunks(chunks) => {
                    let fed = chunks.feed(rest);
                    return fed.map_err(|_| Error::from(ErrorKind::InvalidData));
                }
                Part::Status | Part::Fields(_) => rest = self.head(rest),
            }
        }
        Ok(())
    }

    fn goes(&mut self, bytes: &[u8]) {
        if !self.has_asked && !bytes.is_empty() {
            self.has_asked = true;
            self.is_bodiless = bytes.starts_with(b"HEAD ");
        }
    }
}

impl Answers {
    /// Whether what came last was one whole chunk, so that nothing of the body is left where it was read to.
    pub(super) const fn is_chunk(&self) -> bool {
        self.is_chunk
    }

    /// Looks at a head's next line that matters, as far as it has come; what comes after it is returned.
    fn head<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let bytes = match self.part {
            Part::Fields(_) if self.line.is_empty() => next_that_matters(bytes),
            _ => bytes,
        };
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.line.push(bytes);
            return b"";
        };
        let (piece, rest) = (&bytes[..end], &bytes[end + 1..]);
        if self.line.is_empty() {
            self.ended(piece);
        } else {
            let mut line = std::mem::take(&mut self.line);
            line.push(piece);
            // Of a longer line only the beginning matters, and that it is not empty.
            self.ended(&line.bytes[..line.len]);
        }
        rest
    }

    fn ended(&mut self, line: &[u8]) {
        let is_empty = line.is_empty() || line == b"\r";
        match self.part {
            Part::Status if !is_empty => self.part = Part::Fields(kind(line)),
            Part::Fields(kind) if is_empty => {
                self.part = match kind {
                    Kind::Informational => Part::Status,
                    Kind::Usual if self.is_chunked && !self.is_bodiless => {
                        Part::Chunks(Chunks::START)
                    }
                    Kind::Usual | Kind::Bodiless => Part::Rest,
                };
            }
            Part::Fields(_) if line.len() >= LINE && matches!(line[0], b't' | b'T') => {
                self.is_chunked |= line[..LINE].eq_ignore_ascii_case(CODING);
            }
            _ => {}
        }
    }
}

/// `lines` from the next one on that matters, or that has not ended.
fn next_that_matters(lines: &[u8]) -> &[u8] {
    if matches!(lines, [b't' | b'T' | b'\r' | b'\n', ..]) {
        return lines;
    }
    let before = match &*BEFORE_SEARCHER {
        Some(searcher) => searcher.find(lines).map(|found| found.start()),
        // The processor has no vectors.
        None => memchr::memchr(b'\n', lines),
    };
    let before = before.or_else(|| memchr::memrchr(b'\n', lines));
    before.map_or(lines, |end| &lines[end + 1..])
}

/// What a status line says of the body (RFC 9112 section 6.3).
fn kind(line: &[u8]) -> Kind {
    match line.get("HTTP/1.1 ".len()..) {
        Some([b'1', ..]) => Kind::Informational,
        Some([b'2', b'0', b'4', ..] | [b'3', b'0', b'4', ..]) => Kind::Bodiless,
        _ => Kind::Usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &str, answer: &str, piece: usize) -> bool {
        let mut answers = Answers::default();
        answers.goes(request.as_bytes());
        answers.goes(b"HEAD is in the body");
        let mut pieces = answer.as_bytes().chunks(piece);
        pieces.all(|piece| answers.came(piece).is_ok())
    }

    #[test]
    fn chunks_are_looked_at_wherever_they_begin() {
        let heads = [
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\nTransfer-Encoding:chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ndate: today\r\ntrace: t\r\nserver: a\r\nx: y\r\ntransfer-encoding: chunked\r\nTrailer: t\r\nvia: v\r\n\r\n",
            "HTTP/1.1 200\nTRANSFER-ENCODING: chunked\nx: transfer-encoding: no\n\n",
        ];
        for head in heads {
            let (good, bad) = (
                format!("{head}5\r\nhello\r\n0\r\n\r\n"),
                format!("{head}5\r\nhello\r\n\r\n\r\n"),
            );
            for piece in 1..good.len() {
                assert!(
                    read("POST / HTTP/1.1\r\n", &good, piece),
                    "{good} by {piece}"
                );
                assert!(
                    !read("POST / HTTP/1.1\r\n", &bad, piece),
                    "{bad} by {piece}"
                );
            }
        }
    }

    #[test]
    fn one_whole_chunk_is_known_for_one() {
        let mut answers = Answers::default();
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        answers.came(head).expect("a head");
        assert!(!answers.is_chunk());
        for (came, is_chunk) in [
            ("5\r\nhello\r\n", true),
            ("0a\r\n0123456789\r\n", true),
            ("5\r\nhello\r\n5\r\nworld\r\n", false),
            ("5\r\nhe", false),
            ("llo\r\n", false),
            ("5;a=b\r\nhello\r\n", false),
            ("2\r\n\r\n\r\n", true),
            ("0\r\n\r\n", false),
        ] {
            answers.came(came.as_bytes()).expect("chunks");
            assert_eq!(answers.is_chunk(), is_chunk, "{came:?}");
        }
    }

    #[test]
    fn what_comes_in_no_chunks_is_not_looked_at() {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz";
        for (request, answer) in [
            ("HEAD / HTTP/1.1\r\n", chunked),
            (
                "GET / HTTP/1.1\r\n",
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nzz",
            ),
            ("GET / HTTP/1.1\r\n", &chunked.replace("200", "204")),
            ("GET / HTTP/1.1\r\n", &chunked.replace("200", "304")),
        ] {
            for piece in 1..answer.len() {
                assert!(read(request, answer, piece), "{request}{answer} by {piece}");
            }
        }
        assert!(!read("GET / HTTP/1.1\r\n", chunked, 1));
    }
}
