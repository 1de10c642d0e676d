//! Amazon's event streams: binary frames, each with headers and a payload. An error in the middle of such an
//! answer is a frame of its own, whose headers name it.
//!
//! Of each frame only the headers are read, and of an error its payload; all else is counted past. Checksums
//! are left to the client, which has to check them.
//!
//! Source: <https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html>.

use serde_json::json;

use crate::classify;
use crate::provider_error::ProviderError;
use crate::refusal::ErrorAnswer;

/// Lengths of the whole and of its headers, and their checksum.
const PRELUDE: usize = 12;
/// The checksum of the whole.
const END: usize = 4;
/// The most of headers that is read; those of Bedrock take a hundred bytes.
const HEADERS_MAX: usize = 4 * 1024;
/// The most of an error that is read.
const ERROR_MAX: usize = 16 * 1024;
/// The longest frame that there is.
const FRAME_MAX: usize = 24 * 1024 * 1024;

/// Watches frames go by.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// What is read of the frame that is under way.
    held: Vec<u8>,
    /// What is left of it to count past.
    left: usize,
    /// Whole frames so far.
    whole: u64,
    /// What comes is no frame.
    is_lost: bool,
    error: Option<FrameError>,
}

/// An error that was a frame.
#[derive(Debug)]
pub(super) struct FrameError {
    /// Its type, as it stands there.
    kind: String,
    pub(super) said: ProviderError,
    message: String,
}

impl Frames {
    /// Takes the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_lost {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                self.whole += u64::from(self.left == 0);
                bytes = &bytes[passed..];
                continue;
            }
            let wanted = self.wanted() - self.held.len();
            let taken = wanted.min(bytes.len());
            self.held.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if taken == wanted {
                self.advance();
            }
        }
    }

    /// Whether a frame is half there, or none has come.
    pub(super) fn is_cut(&self) -> bool {
        !self.is_lost && (self.left > 0 || !self.held.is_empty() || self.whole == 0)
    }

    /// Whether a whole frame has come, or none will.
    pub(super) const fn has_begun(&self) -> bool {
        self.whole > 0 || self.is_lost
    }

    /// The error that one of them was.
    pub(super) const fn error(&self) -> Option<&FrameError> {
        self.error.as_ref()
    }

    /// How much of the frame is read before anything is made of it.
    fn wanted(&self) -> usize {
        match self.lengths() {
            None => PRELUDE,
            Some((whole, headers)) => match is_error(self.headers(headers)) {
                true => whole,
                false => PRELUDE + headers,
            },
        }
    }

    /// As much is there as was wanted.
    fn advance(&mut self) {
        let Some((whole, headers)) = self.lengths() else {
            return;
        };
        let is_frame = whole <= FRAME_MAX && whole >= PRELUDE + headers + END;
        if !is_frame {
            self.is_lost = true;
            self.held = Vec::new();
            return;
        }
        let is_read = headers > HEADERS_MAX || self.held.len() >= PRELUDE + headers;
        if !is_read || self.wanted() > self.held.len() && whole <= ERROR_MAX {
            return;
        }
        if is_error(self.headers(headers)) {
            let payload = self.held.get(PRELUDE + headers..whole - END);
            self.error = Some(FrameError::new(
                self.headers(headers),
                payload.unwrap_or_default(),
            ));
        }
        self.left = whole - self.held.len();
        self.whole += u64::from(self.left == 0);
        self.held.clear();
    }

    fn lengths(&self) -> Option<(usize, usize)> {
        let length = |at: usize| {
            let bytes = self.held.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_be_bytes(bytes)).ok()
        };
        (self.held.len() >= PRELUDE).then_some(())?;
        length(0).zip(length(4))
    }

    fn headers(&self, length: usize) -> &[u8] {
        self.held.get(PRELUDE..PRELUDE + length).unwrap_or_default()
    }
}

/// Whether these are the headers of an error: one of the service's model, or any other.
fn is_error(headers: &[u8]) -> bool {
    let kind = header(headers, b":message-type");
    matches!(kind, Some(b"exception" | b"error"))
}

impl FrameError {
    /// Its type stands in a header, its words in the payload, or in a header, too.
    fn new(headers: &[u8], payload: &[u8]) -> Self {
        let text = |name| header(headers, name).and_then(|text| std::str::from_utf8(text).ok());
        let kind = text(b":exception-type").or_else(|| text(b":error-code"));
        let kind = kind.unwrap_or_default().to_owned();
        let message = crate::error_message(payload);
        let message = message.or_else(|| text(b":error-message").map(str::to_owned));
        let message = message.unwrap_or_default();
        let mut said = ProviderError::read(payload);
        said.kind = kind.to_ascii_lowercase();
        said.message = message.to_ascii_lowercase();
        Self {
            kind,
            said,
            message,
        }
    }

    /// The answer that it would have been, had it come before the stream: there Amazon's types begin with a
    /// capital letter.
    pub(super) fn answer(&self) -> ErrorAnswer {
        let mut letters = self.kind.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        let kind: String = first.into_iter().chain(letters).collect();
        ErrorAnswer {
            status: classify::status_inside(&self.said),
            body: json!({ "__type": kind, "message": self.message }).to_string(),
        }
    }
}

/// The text of a header. The lengths of values go by their types.
fn header<'a>(mut headers: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    while let Some((length, rest)) = headers.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (kind, rest) = rest.split_first()?;
        let (length, rest) = match kind {
            0 | 1 => (0, rest),
            2 => (1, rest),
            3 => (2, rest),
            4 => (4, rest),
            5 | 8 => (8, rest),
            6 | 7 => {
                let (length, rest) = rest.split_at_checked(2)?;
                (
                    usize::from(u16::from_be_bytes(length.try_into().ok()?)),
                    rest,
                )
            }
            9 => (16, rest),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        if name == wanted {
            return (*kind == 7).then_some(value);
        }
        headers = rest;
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A frame with these headers, all of text.
    pub(in crate::answer) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in headers {
            block.push(u8::try_from(name.len()).expect("short"));
            block.extend_from_slice(name.as_bytes());
            block.push(7);
            block.extend_from_slice(&u16::try_from(value.len()).expect("short").to_be_bytes());
            block.extend_from_slice(value.as_bytes());
        }
        let length = |length: usize| u32::try_from(length).expect("short").to_be_bytes();
        let whole = length(PRELUDE + block.len() + payload.len() + END);
        [
            &whole[..],
            &length(block.len()),
            &[0; 4],
            &block,
            payload,
            &[0; 4],
        ]
        .concat()
    }

    #[test]
    fn frames_are_read_however_they_are_cut() {
        let event = frame(
            &[(":message-type", "event"), (":event-type", "x")],
            &[7; 70_000],
        );
        let error = frame(
            &[
                (":exception-type", "throttlingException"),
                (":message-type", "exception"),
            ],
            br#"{"message":"Too many tokens, please wait"}"#,
        );
        let stream = [&event[..], &event, &error].concat();
        for size in [1, 5, 13, 4_096, stream.len()] {
            let mut frames = Frames::default();
            assert!(frames.is_cut());
            for piece in stream.chunks(size) {
                frames.feed(piece);
            }
            assert!(!frames.is_cut() && frames.has_begun(), "{size}");
            let error = frames.error().expect("the last was one");
            assert_eq!(error.said.kind, "throttlingexception");
            assert_eq!(error.said.message, "too many tokens, please wait");
            assert_eq!(
                error.answer(),
                ErrorAnswer {
                    status: 429,
                    body: r#"{"__type":"ThrottlingException","message":"Too many tokens, please wait"}"#
                        .to_owned(),
                }
            );
        }
        let mut cut = Frames::default();
        cut.feed(&stream[..stream.len() - 1]);
        assert!(cut.is_cut() && cut.error().is_none());
        // An error too long to be read is one all the same, and one of another shape.
        let mut long = Frames::default();
        let code = [
            (":message-type", "error"),
            (":error-code", "InternalFailure"),
        ];
        long.feed(&frame(&code, &[b' '; 100_000]));
        assert_eq!(long.error().expect("one").said.kind, "internalfailure");
        assert!(!long.is_cut());
    }

    #[test]
    fn what_is_no_frame_is_left_alone() {
        for bytes in [&b"{\"a\":1}{\"b\":2}"[..], &[0; 64], &[0xff; 64]] {
            let mut frames = Frames::default();
            frames.feed(bytes);
            assert!(!frames.is_cut() && frames.error().is_none(), "{bytes:?}");
        }
    }
}
