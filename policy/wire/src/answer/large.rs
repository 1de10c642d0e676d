//! What a JSON answer cost that is too large to be held: its end tells.
//!
//! Such an answer goes to the client as it comes. Usage stands near its end in every dialect (behind
//! the pictures or embeddings that make it large), so its last bytes are kept, and whether it ended
//! as JSON does.

use crate::answer::frames::Frames;
use crate::answer::usage;
use crate::classify::{self, Rule};
use crate::refusal::ErrorAnswer;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;
use keyweir_terms::request::Usage;

/// The most of an answer's end that is looked at; what may stand behind usage is what a request may
/// carry as metadata (16 pairs of 64 and 512 characters at OpenAI), and tools' definitions do not.
const TAIL_BYTES_MAX: usize = 32 * 1024;

/// Whether answers of this type are streams of frames with JSON in them: Amazon's.
pub fn is_framed(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/vnd.amazon.eventstream")
}

/// Watches one large JSON answer go by.
#[derive(Debug)]
pub struct LargeAnswer {
    is_charged: bool,
    /// It is no JSON, but frames of it.
    frames: Option<Frames>,
    endpoint: Endpoint,
    tail: Vec<u8>,
}

impl LargeAnswer {
    /// For one answer.
    pub const fn new(dialect: Dialect, endpoint: Endpoint) -> Self {
        Self {
            is_charged: usage::is_charged(dialect, endpoint),
            frames: None,
            endpoint,
            tail: Vec::new(),
        }
    }

    /// For one that comes in frames ([`is_framed`]).
    pub fn in_frames(dialect: Dialect, endpoint: Endpoint) -> Self {
        Self {
            frames: Some(Frames::default()),
            ..Self::new(dialect, endpoint)
        }
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        if let Some(frames) = &mut self.frames {
            frames.feed(bytes);
        }
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
        match self.is_charged {
            true if self.frames.is_some() => usage::in_frames(&self.tail),
            true => usage::in_tail(&self.tail),
            false => Usage::default(),
        }
    }

    /// Whether it is known whether it begins with an error: of frames, when the first of them is there.
    pub fn has_begun(&self) -> bool {
        self.frames.as_ref().is_none_or(Frames::has_begun)
    }

    /// An error that was one of its frames, and the error answer that it should have been where that is the
    /// client's to see.
    pub fn error(&self, rules: &[Rule]) -> Option<(Fault, Option<ErrorAnswer>)> {
        let error = self.frames.as_ref()?.error()?;
        let fault = classify::inside(rules, self.endpoint, error.said.clone(), None);
        let answer = fault.is_for_the_client().then(|| error.answer());
        Some((fault, answer))
    }

    /// Whose fault its end is: one that does not end as JSON does, or within a frame, was cut.
    pub fn ending(&self, rules: &[Rule]) -> Fault {
        if let Some((fault, _)) = self.error(rules) {
            return fault;
        }
        let is_cut = match &self.frames {
            Some(frames) => frames.is_cut(),
            None => !matches!(self.tail.trim_ascii_end().last(), Some(b'}' | b']')),
        };
        if is_cut {
            Fault::StreamBroken
        } else {
            Fault::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::frames::tests::frame;

    #[test]
    fn the_end_of_a_large_answer_tells_what_it_cost() {
        let mut answer = LargeAnswer::new(Dialect::OpenAi, Endpoint::Inference);
        answer.feed(br#"{"data":[{"b64_json":""#);
        for _ in 0..1_000 {
            answer.feed(&[b'A'; 7_000]);
            assert!(answer.tail.capacity() <= 8 * TAIL_BYTES_MAX);
        }
        assert_eq!(answer.ending(&[]), Fault::StreamBroken);
        for byte in br#""}],"usage":{"input_tokens":3,"output_tokens":4}}"# {
            answer.feed(&[*byte]);
        }
        answer.feed(b"\r\n");
        assert_eq!(answer.ending(&[]), Fault::None);
        assert_eq!(
            (answer.usage().input, answer.usage().output),
            (Some(3), Some(4))
        );
        let mut framed = LargeAnswer::in_frames(Dialect::Generic, Endpoint::Inference);
        framed.feed(b"\0\0\x01\x0b\x0b:event-type\x07\0\x08metadata{\"usage\":{\"inputTokens\":5,\"outputTokens\":7,\"cacheReadInputTokens\":9}}\xa1\xb2\xc3\xd4");
        assert_eq!(framed.ending(&[]), Fault::None);
        let usage = framed.usage();
        assert_eq!(
            (usage.input, usage.cache_read, usage.output),
            (Some(5), Some(9), Some(7))
        );
        let mut framed = LargeAnswer::in_frames(Dialect::Generic, Endpoint::Inference);
        for event in [
            r#"{"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}"#,
            r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":7,"invocationLatency":900}}"#,
        ] {
            let bytes = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, event);
            framed.feed(format!("\x0bchunk{{\"bytes\":\"{bytes}\",\"p\":\"ab\"}}....").as_bytes());
        }
        let usage = framed.usage();
        assert_eq!((usage.input, usage.output), (Some(5), Some(7)));
        assert!(is_framed("application/vnd.amazon.eventstream") && !is_framed("application/json"));
        let mut batch = LargeAnswer::new(Dialect::OpenAi, Endpoint::Batches);
        batch.feed(br#"{"usage":{"input_tokens":3}}"#);
        assert_eq!(batch.usage(), Usage::default());
    }

    #[test]
    fn an_error_among_frames_is_charged_to_whom_it_is_about() {
        let mut framed = LargeAnswer::in_frames(Dialect::Generic, Endpoint::Inference);
        assert!(!framed.has_begun());
        framed.feed(&frame(&[(":message-type", "event")], b"{}"));
        assert!(framed.has_begun() && framed.error(&[]).is_none());
        for (kind, fault, is_told) in [
            (
                "throttlingException",
                Fault::RateLimited { wait: None },
                false,
            ),
            ("validationException", Fault::BadRequest, true),
            (
                "serviceUnavailableException",
                Fault::Overloaded { wait: None },
                false,
            ),
            (
                "modelStreamErrorException",
                Fault::Broken { wait: None },
                true,
            ),
            (
                "internalServerException",
                Fault::Broken { wait: None },
                true,
            ),
            ("modelTimeoutException", Fault::Broken { wait: None }, true),
        ] {
            let mut framed = LargeAnswer::in_frames(Dialect::Generic, Endpoint::Inference);
            let headers = [(":message-type", "exception"), (":exception-type", kind)];
            framed.feed(&frame(&headers, br#"{"message":"m"}"#));
            assert_eq!(framed.ending(&[]), fault, "{kind}");
            let (_, told) = framed.error(&[]).expect("it is one");
            assert_eq!(told.is_some(), is_told, "{kind}");
        }
    }
}
