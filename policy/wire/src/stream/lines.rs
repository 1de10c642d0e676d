//! The lines of a stream of server-sent events, split anywhere.
//!
//! A line ends with LF, CR or CR LF (WHATWG HTML, 9.2.5), mixed as may be, and the two bytes of the
//! last may come in different pieces. Every line that is whole within one piece is handed on where
//! it lies; of others the beginning and the end are kept, each within a bound, so that a line of
//! any length costs bounded memory and every byte is looked at once.

use memchr::memchr2;

/// The most of a line's beginning that is looked at. What we look for stands early in a line, or in
/// a short one, or at its end; a picture in base64 between may be as long as it likes.
pub(super) const HEAD_BYTES_MAX: usize = 256 * 1024;
/// The most of a longer line's end that is looked at: usage stands there, and behind it at most the
/// metadata that a request may carry (16 pairs of 64 and 512 characters at OpenAI).
pub(super) const TAIL_BYTES_MAX: usize = 32 * 1024;
/// What is kept of the buffers' memory between lines.
pub(super) const BYTES_KEPT: usize = 4 * 1024;
/// What a file may begin with to say that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A line without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// The line, or its beginning.
    pub(super) head: &'a [u8],
    /// Of a line that is longer than what is kept, its end; else nothing.
    pub(super) tail: &'a [u8],
}

/// Puts lines together.
#[derive(Debug, Default)]
pub(super) struct Lines {
    head: Vec<u8>,
    tail: Vec<u8>,
    /// The last line ended with CR, so an LF that comes next belongs to it.
    after_cr: bool,
    /// A line has ended before, so the next is not the first.
    is_under_way: bool,
}

impl Lines {
    /// Hands every line that ends within `bytes` to `take`.
    pub(super) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(Line<'_>)) {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            if self.head.is_empty() {
                self.hand_on(whole(line), &mut take);
            } else {
                self.keep(line);
                self.end(&mut take);
            }
            rest = after;
            if line_end_is_cr(bytes, rest) {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
        }
        self.keep(rest);
    }

    /// Nothing more comes: what has not ended is a line, too.
    pub(super) fn end(&mut self, mut take: impl FnMut(Line<'_>)) {
        if self.head.is_empty() {
            return;
        }
        let mut head = std::mem::take(&mut self.head);
        let mut tail = std::mem::take(&mut self.tail);
        let last = tail.len().saturating_sub(TAIL_BYTES_MAX);
        let line = Line {
            head: &head,
            tail: &tail[last..],
        };
        self.hand_on(line, &mut take);
        for buffer in [&mut head, &mut tail] {
            buffer.clear();
            buffer.shrink_to(BYTES_KEPT);
        }
        (self.head, self.tail) = (head, tail);
    }

    /// The memory that is held.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.head.capacity() + self.tail.capacity()
    }

    fn hand_on(&mut self, line: Line<'_>, take: &mut impl FnMut(Line<'_>)) {
        let head = if std::mem::replace(&mut self.is_under_way, true) {
            line.head
        } else {
            line.head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line.head)
        };
        take(Line { head, ..line });
    }

    fn keep(&mut self, part: &[u8]) {
        let room = HEAD_BYTES_MAX - self.head.len();
        let (first, over) = part.split_at(part.len().min(room));
        self.head.extend_from_slice(first);
        if over.is_empty() {
            return;
        }
        if self.tail.is_empty() {
            let last = HEAD_BYTES_MAX - TAIL_BYTES_MAX;
            self.tail.extend_from_slice(&self.head[last..]);
        }
        let last = over.len().saturating_sub(TAIL_BYTES_MAX);
        self.tail.extend_from_slice(&over[last..]);
        // Moved only when it has doubled, so that every byte is moved once on average.
        if self.tail.len() > 2 * TAIL_BYTES_MAX {
            let last = self.tail.len() - TAIL_BYTES_MAX;
            self.tail.drain(..last);
        }
    }
}

/// Whether the line end that stands before `rest`, the end of `bytes`, is a CR.
fn line_end_is_cr(bytes: &[u8], rest: &[u8]) -> bool {
    bytes[bytes.len() - rest.len() - 1] == b'\r'
}

/// A line that lies in one piece.
fn whole(line: &[u8]) -> Line<'_> {
    let is_longer = line.len() > HEAD_BYTES_MAX;
    Line {
        head: &line[..line.len().min(HEAD_BYTES_MAX)],
        tail: if is_longer {
            &line[line.len() - TAIL_BYTES_MAX..]
        } else {
            b""
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut take = |line: Line<'_>| found.push(String::from_utf8_lossy(line.head).into_owned());
        for piece in pieces {
            lines.feed(piece, &mut take);
        }
        lines.end(&mut take);
        found
    }

    #[test]
    fn a_line_ends_with_lf_cr_or_both() {
        for (pieces, expected) in [
            (&[&b"a\nb\n"[..]][..], &["a", "b"][..]),
            (&[b"a\rb\r"], &["a", "b"]),
            (&[b"a\r\nb\r\n"], &["a", "b"]),
            (&[b"a\r", b"\nb"], &["a", "b"]),
            (&[b"a\r", b"", b"\nb"], &["a", "b"]),
            (&[b"a\r", b"\r", b"\n\n", b"b"], &["a", "", "", "b"]),
            (&[b"a\n\rb"], &["a", "", "b"]),
            (&[b"a\r\r\nb"], &["a", "", "b"]),
            (&[b"a", b"b\n", b"c"], &["ab", "c"]),
            (&[b"\xEF\xBB", b"\xBFa\n\xEF\xBB\xBFb"], &["a", "\u{FEFF}b"]),
            (&[b""], &[]),
        ] {
            assert_eq!(lines(pieces), expected, "{pieces:?}");
        }
    }

    #[test]
    fn an_endless_line_takes_bounded_memory() {
        let mut lines = Lines::default();
        for _ in 0..2_000 {
            lines.feed(&[b'A'; 10_000], |_| panic!("no line has ended"));
            assert!(lines.capacity() <= 2 * HEAD_BYTES_MAX + 8 * TAIL_BYTES_MAX);
        }
        lines.feed(b"end\n", |line| {
            assert!(line.head.len() == HEAD_BYTES_MAX && line.tail.len() == TAIL_BYTES_MAX);
            assert!(line.tail.ends_with(b"Aend"));
        });
        assert!(lines.capacity() <= 2 * BYTES_KEPT);
    }

    #[test]
    fn one_byte_at_a_time_costs_each_byte_once() {
        // With a cost per byte of what is held, this would take minutes.
        let mut lines = Lines::default();
        for _ in 0..2_000_000 {
            lines.feed(b"A", |_| {});
        }
        let mut length = 0;
        lines.end(|line| length = line.head.len());
        assert_eq!(length, HEAD_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn beginning_and_end_are_the_same_at_any_split(
            length in HEAD_BYTES_MAX - 40_000..HEAD_BYTES_MAX + 90_000,
            size in 1_000usize..100_000,
        ) {
            let line: Vec<u8> = (0..length).map(|at| b'a' + (at % 23) as u8).collect();
            let mut lines = Lines::default();
            let mut found = (Vec::new(), Vec::new());
            for piece in line.chunks(size) {
                lines.feed(piece, |_| {});
            }
            lines.end(|line| found = (line.head.to_vec(), line.tail.to_vec()));
            let expected = whole(&line);
            prop_assert_eq!(found, (expected.head.to_vec(), expected.tail.to_vec()));
        }
    }
}
