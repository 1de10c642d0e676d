//! Takes a credential's traces out of an answer as it passes, however it is cut into pieces.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use keyweir_policy::wire::trace::Traces;

/// An answer that passes. What may be the beginning of a trace is held back until it is known what
/// follows.
pub(super) struct Redaction {
    traces: Arc<Traces>,
    /// Only the whole key is looked for.
    is_whole: bool,
    held: BytesMut,
}

impl Redaction {
    /// Of an error, which may quote parts. The last bytes are always held back.
    pub(super) fn of(traces: &Arc<Traces>) -> Self {
        Self {
            traces: Arc::clone(traces),
            is_whole: false,
            held: BytesMut::new(),
        }
    }

    /// Of an answer that is no error, and may be a stream that somebody waits for: only the whole key is
    /// looked for, and nothing is held back but its beginning.
    pub(super) fn of_whole(traces: &Arc<Traces>) -> Self {
        Self {
            is_whole: true,
            ..Self::of(traces)
        }
    }

    /// Takes the next piece; what can be passed on now is returned (possibly nothing).
    pub(super) fn pass(&mut self, piece: Bytes) -> Bytes {
        if self.is_whole {
            return self.pass_whole(piece);
        }
        self.held.extend_from_slice(&piece);
        if let Some(redacted) = self.traces.redacted(&self.held) {
            self.held = BytesMut::from(redacted.as_slice());
        }
        let passed = self.held.len().saturating_sub(self.traces.bytes_held());
        self.held.split_to(passed).freeze()
    }

    fn pass_whole(&mut self, piece: Bytes) -> Bytes {
        let mut text = if self.held.is_empty() {
            piece
        } else {
            self.held.extend_from_slice(&piece);
            self.held.split().freeze()
        };
        let begun = self.traces.bytes_begun(&text);
        if begun > 0 {
            let held = text.split_off(text.len() - begun);
            self.held.extend_from_slice(&held);
        }
        match self.traces.redacted_whole(&text) {
            Some(redacted) => Bytes::from(redacted),
            None => text,
        }
    }

    /// What is left at the end.
    pub(super) fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_seen_however_the_answer_is_cut() {
        let key = "sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn";
        let text = format!("before {key} between {key}{key} after");
        let expected = text.replace(key, &"*".repeat(key.len()));
        for size in 1..text.len() {
            let mut redaction = Redaction::of(&Arc::new(Traces::of(key)));
            let mut passed = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                let piece = Bytes::copy_from_slice(piece);
                passed.extend_from_slice(&redaction.pass(piece));
            }
            passed.extend_from_slice(&redaction.rest());
            let passed = String::from_utf8(passed).expect("text");
            assert_eq!(passed.len(), expected.len(), "{size}");
            // Letters that follow what was known for a trace already may stay: too few to tell.
            let seen = (0..key.len() - 10).any(|at| passed.contains(&key[at..at + 10]));
            assert!(!seen, "{size}: {passed}");
        }
    }

    #[test]
    fn a_whole_key_is_not_seen_and_nothing_else_is_held_back() {
        let key = "sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn";
        let text = format!(
            "Q before {key} Qx7 between {key}{secret} after Qx7vJ2",
            secret = &key[13..]
        );
        let secret = &key[13..];
        for size in 1..text.len() {
            let mut redaction = Redaction::of_whole(&Arc::new(Traces::of(key)));
            let mut passed = Vec::new();
            let mut come = 0;
            for piece in text.as_bytes().chunks(size) {
                come += piece.len();
                let piece = Bytes::copy_from_slice(piece);
                passed.extend_from_slice(&redaction.pass(piece));
                let mut lengths = (1..secret.len()).rev();
                let begun = lengths.find(|begun| text[..come].ends_with(&secret[..*begun]));
                assert_eq!(passed.len() + begun.unwrap_or(0), come, "{size}");
            }
            passed.extend_from_slice(&redaction.rest());
            let passed = String::from_utf8(passed).expect("text");
            assert_eq!(passed.len(), text.len(), "{size}");
            let is_seen = |at: usize| passed.contains(&secret[at..at + 10]);
            assert!(!(0..secret.len() - 9).any(is_seen), "{size}: {passed}");
            let mut letters = passed.chars().zip(text.chars());
            assert!(
                letters.all(|(passed, came)| passed == '*' || passed == came),
                "{size}: {passed}"
            );
            assert!(passed.ends_with(" after Qx7vJ2"), "{size}: {passed}");
        }
    }
}
