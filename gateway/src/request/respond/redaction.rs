//! Takes a credential's traces out of an answer as it passes, however it is cut into pieces.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use keyweir_policy::wire::trace::Traces;

/// An answer that passes. Its last bytes are held back until it is known what follows them.
pub(super) struct Redaction {
    traces: Arc<Traces>,
    held: BytesMut,
}

impl Redaction {
    pub(super) fn of(traces: &Arc<Traces>) -> Self {
        Self {
            traces: Arc::clone(traces),
            held: BytesMut::new(),
        }
    }

    /// Takes the next piece; what can be passed on now is returned (possibly nothing).
    pub(super) fn pass(&mut self, piece: &[u8]) -> Bytes {
        self.held.extend_from_slice(piece);
        if let Some(redacted) = self.traces.redacted(&self.held) {
            self.held = BytesMut::from(redacted.as_slice());
        }
        let passed = self.held.len().saturating_sub(self.traces.bytes_held());
        self.held.split_to(passed).freeze()
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
}
