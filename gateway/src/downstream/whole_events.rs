//! Cuts a stream of server-sent events between events, never within one.
//!
//! When a provider dies in the middle of an event, what the client got must end at an event's end:
//! only then is the error event that follows one of its own, and not the tail of a broken one.
//! Providers write whole events, so almost every piece passes as it came, at once; a client could
//! not have used half an event any earlier.

use bytes::{Bytes, BytesMut};
use memchr::memrchr2;

/// The longest part of an event that is held back. Beyond it (an image in one event, say) pieces
/// pass as they come: memory is bounded, and a large event is not delayed further.
const HELD_MAX: usize = 64 * 1024;

/// What has come of an event that is not complete.
#[derive(Debug, Default)]
pub(crate) struct WholeEvents {
    held: BytesMut,
    /// What was passed on last ended within an event.
    is_amid: bool,
}

impl WholeEvents {
    /// Takes the next piece; what can be passed on now is returned (possibly nothing).
    pub(crate) fn pass(&mut self, mut piece: Bytes) -> Bytes {
        if self.held.is_empty() {
            let whole = end_of_last(&piece, 0);
            self.is_amid &= whole == 0;
            if whole == piece.len() {
                return piece;
            }
            let passed = piece.split_to(whole);
            if piece.len() > HELD_MAX {
                self.is_amid = true;
                return join(&passed, &piece);
            }
            // Copied, because the piece keeps its whole (large) read buffer alive.
            self.held.extend_from_slice(&piece);
            return passed;
        }
        // What was held had no end of an event: only one that ends in the new piece is sought, so
        // that every byte is looked at once.
        let searched = self.held.len();
        self.held.extend_from_slice(&piece);
        let whole = end_of_last(&self.held, searched);
        self.is_amid &= whole == 0;
        if self.held.len() - whole > HELD_MAX {
            self.is_amid = true;
            return self.held.split().freeze();
        }
        self.held.split_to(whole).freeze()
    }

    /// Whether what was passed on last ended within an event: it was too long to be held back.
    pub(crate) const fn is_amid(&self) -> bool {
        self.is_amid
    }

    /// What is left when the stream has ended well.
    pub(crate) fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

fn join(first: &[u8], second: &[u8]) -> Bytes {
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.extend_from_slice(first);
    both.extend_from_slice(second);
    both.freeze()
}

/// Where the last event in `bytes` ends that ends after `searched`: after an empty line. Lines end
/// with LF, CR or CR LF (WHATWG HTML, 9.2.5). 0: none does.
fn end_of_last(bytes: &[u8], searched: usize) -> usize {
    let mut end = bytes.len();
    while let Some(at) = memrchr2(b'\n', b'\r', &bytes[searched..end]) {
        let at = searched + at;
        let before = &bytes[..at];
        let line = match bytes[at] {
            b'\n' => before.strip_suffix(b"\r").unwrap_or(before),
            _ => before,
        };
        if before.ends_with(b"\n") || line.ends_with(b"\n") || line.ends_with(b"\r") {
            return at + 1;
        }
        end = at;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(pieces: &[&str]) -> Vec<String> {
        let mut events = WholeEvents::default();
        pieces
            .iter()
            .map(|piece| events.pass(Bytes::copy_from_slice(piece.as_bytes())))
            .map(|passed| String::from_utf8(passed.to_vec()).expect("text"))
            .collect()
    }

    #[test]
    fn whole_events_pass_at_once_and_parts_wait_for_their_end() {
        assert_eq!(
            pass(&["a\n\n", "b\n\nc", "c\n", "\nd"]),
            ["a\n\n", "b\n\n", "", "cc\n\n"]
        );
        assert_eq!(
            pass(&["a\r\n\r\nb\r\n", "\r\n"]),
            ["a\r\n\r\n", "b\r\n\r\n"]
        );
        assert_eq!(pass(&[": ping\n", "\n"]), ["", ": ping\n\n"]);
        assert_eq!(
            pass(&["a\r\rb\r", "\rc\r", "\n\r", "\nd\n", "\r"]),
            ["a\r\r", "b\r\r", "c\r\n\r", "", "\nd\n\r"]
        );
    }

    #[test]
    fn nothing_is_lost_or_changed_however_the_stream_is_split() {
        let stream = "event: a\ndata: 1\n\n: c\n\ndata: 2\r\n\r\ndata: 3";
        for size in 1..stream.len() {
            let mut events = WholeEvents::default();
            let mut passed = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                passed.extend_from_slice(&events.pass(Bytes::copy_from_slice(piece)));
            }
            assert!(
                passed.is_empty() || passed.ends_with(b"\n") || passed.ends_with(b"\r"),
                "{size}"
            );
            passed.extend_from_slice(&events.rest());
            assert_eq!(passed, stream.as_bytes(), "{size}");
        }
    }

    #[test]
    fn one_byte_at_a_time_costs_each_byte_once() {
        // With a look at all that is held for every byte, this would take minutes.
        let mut events = WholeEvents::default();
        let mut passed = 0;
        for _ in 0..40 * HELD_MAX {
            passed += events.pass(Bytes::from_static(b"x")).len();
        }
        assert!(passed >= 39 * HELD_MAX);
    }

    #[test]
    fn an_event_that_never_ends_is_not_gathered_for_ever() {
        let mut events = WholeEvents::default();
        let piece = Bytes::from(vec![b'x'; 1000]);
        let (mut sent, mut passed) = (0, 0);
        for _ in 0..1000 {
            sent += piece.len();
            passed += events.pass(piece.clone()).len();
            assert!(sent - passed <= HELD_MAX);
            assert_eq!(events.is_amid(), passed > 0);
        }
        events.pass(Bytes::from_static(b"\n\n"));
        assert!(!events.is_amid());
    }
}
