//! What a JSON answer cost that is too large to be held: its end tells.
//!
//! Such an answer goes to the client as it comes. Usage stands near its end in every dialect (behind
//! the pictures or embeddings that make it large), so its last bytes are kept, and whether it ended
//! as JSON does.

use crate::answer::usage;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;
use keyweir_terms::request::Usage;

/// The most of an answer's end that is looked at; what may stand behind usage is what a request may
/// carry as metadata (16 pairs of 64 and 512 characters at OpenAI), and tools' definitions do not.
const TAIL_BYTES_MAX: usize = 32 * 1024;

/// Watches one large JSON answer go by.
#[derive(Debug)]
pub struct LargeAnswer {
    is_charged: bool,
    tail: Vec<u8>,
}

impl LargeAnswer {
    /// For one answer.
    pub const fn new(dialect: Dialect, endpoint: Endpoint) -> Self {
        Self {
            is_charged: usage::is_charged(dialect, endpoint),
            tail: Vec::new(),
        }
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        let last = bytes.len().saturating_sub(TAIL_BYTES_MAX);
        self.tail.extend_from_slice(&bytes[last..]);
        // Moved only when it has doubled, so that every byte is moved once on average.
        if self.tail.len() > 2 * TAIL_BYTES_MAX {
            let last = self.tail.len() - TAIL_BYTES_MAX;
            self.tail.drain(..last);
        }
    }

    /// The tokens that it says were charged.
    pub fn usage(&self) -> Usage {
        if self.is_charged {
            usage::in_tail(&self.tail)
        } else {
            Usage::default()
        }
    }

    /// Whose fault its end is: one that does not end as JSON does was cut.
    pub fn ending(&self) -> Fault {
        match self.tail.trim_ascii_end().last() {
            Some(b'}' | b']') => Fault::None,
            _ => Fault::StreamBroken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_large_answer_tells_what_it_cost() {
        let mut answer = LargeAnswer::new(Dialect::OpenAi, Endpoint::Inference);
        answer.feed(br#"{"data":[{"b64_json":""#);
        for _ in 0..1_000 {
            answer.feed(&[b'A'; 7_000]);
            assert!(answer.tail.capacity() <= 8 * TAIL_BYTES_MAX);
        }
        assert_eq!(answer.ending(), Fault::StreamBroken);
        for byte in br#""}],"usage":{"input_tokens":3,"output_tokens":4}}"# {
            answer.feed(&[*byte]);
        }
        answer.feed(b"\r\n");
        assert_eq!(answer.ending(), Fault::None);
        assert_eq!(
            (answer.usage().input, answer.usage().output),
            (Some(3), Some(4))
        );
        let mut batch = LargeAnswer::new(Dialect::OpenAi, Endpoint::Batches);
        batch.feed(br#"{"usage":{"input_tokens":3}}"#);
        assert_eq!(batch.usage(), Usage::default());
    }
}
