//! What an error answer says, in whatever shape it says it.
//!
//! | Shape | Who |
//! |---|---|
//! | `{"type":"error","error":{"type","message","details":{"error_code"}}}` | Anthropic |
//! | `{"error":{"message","type","code"}}`, `code` a word or a status | OpenAI and relatives |
//! | `{"error":{"code":429,"status","details":[{"retryDelay":"34s"}]}}`, or a list of one | Gemini |
//! | `{"error":"words"}`, `{"message":"words","type","code"}`, `{"detail":"words"}` | many |
//! | `{"type":"error","code","message"}`, `{"response":{"error":{"code","message"}}}` | events of OpenAI's responses |
//! | `{"cloudflare_error":true,"retryable":true,"retry_after":120}` | the edge in front |

use crate::json::{Kind, Malformed, Reader, Text};

/// The most that is kept of a message: enough for the words we know.
const MESSAGE_BYTES_MAX: usize = 1_024;
/// The most that is kept of a type or code.
const WORD_BYTES_MAX: usize = 128;

/// The parts of an error that the fault depends on. Words are in lower case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ErrorBody {
    /// `error.type`.
    pub(crate) kind: String,
    /// `error.code`, or Gemini's `error.status`.
    pub(crate) code: String,
    /// `error.details.error_code`, or Gemini's `reason`.
    pub(crate) detail: String,
    /// The beginning of the message.
    pub(crate) message: String,
    /// A status given as the code.
    pub(crate) status: Option<u16>,
    /// Seconds to wait.
    pub(crate) wait_secs: Option<f64>,
    /// It was a JSON object (or the beginning of one).
    pub(crate) is_json: bool,
}

impl ErrorBody {
    /// Reads a body or an event's data; of one that is cut off, what stands before the cut.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut said = Self::default();
        let mut reader = Reader::new(body);
        let _malformed = match reader.peek() {
            Ok(Kind::Array) => reader.array(|reader| said.envelope(reader)),
            Ok(Kind::Object) => said.envelope(&mut reader),
            other => other.map(drop),
        };
        said
    }

    /// Whether `word` is its type, its code or its detail.
    pub(crate) fn says(&self, word: &str) -> bool {
        self.kind == word || self.code == word || self.detail == word
    }

    fn envelope(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| {
            self.is_json = true;
            match name {
                b"error" | b"detail" if reader.peek()? == Kind::String => self.message(reader),
                b"error" | b"detail" => {
                    reader.object_or_skip(|name, reader| self.member(name, reader))
                }
                b"response" => self.envelope(reader),
                _ => self.member(name, reader),
            }
        })
    }

    fn member(&mut self, name: &[u8], reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match name {
            b"type" | b"__type" => {
                let kind = word(reader.string_or_skip()?);
                // The envelope's own type says nothing.
                if !matches!(kind.as_str(), "error" | "response.failed") {
                    self.kind = kind;
                }
                Ok(())
            }
            b"code" => self.code(reader),
            b"status" => {
                let status = word(reader.string_or_skip()?);
                if self.code.is_empty() {
                    self.code = status;
                }
                Ok(())
            }
            b"message" => self.message(reader),
            b"details" => self.details(reader),
            b"error_code" | b"reason" => {
                self.detail = word(reader.string_or_skip()?);
                Ok(())
            }
            b"retry_after" | b"retryDelay" => self.wait(reader),
            _ => reader.skip().map(drop),
        }
    }

    fn code(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if reader.peek()? == Kind::String {
            self.code = word(reader.string_or_skip()?);
            self.status = self.code.parse().ok();
            return Ok(());
        }
        let number = reader.u64_or_skip()?;
        self.status = number.and_then(|number| u16::try_from(number).ok());
        Ok(())
    }

    fn message(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if let Some(text) = reader.string_or_skip()? {
            self.message = beginning(text, MESSAGE_BYTES_MAX);
        }
        Ok(())
    }

    /// An object, or a list of objects of different types.
    fn details(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::Array => reader.array(|reader| self.details(reader)),
            _ => reader.object_or_skip(|name, reader| match name {
                b"error_code" | b"reason" | b"retry_after" | b"retryDelay" => {
                    self.member(name, reader)
                }
                _ => reader.skip().map(drop),
            }),
        }
    }

    /// Seconds as a number, or as `"34.5s"`.
    fn wait(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let secs = if reader.peek()? == Kind::String {
            let text = word(reader.string_or_skip()?);
            text.trim_end_matches('s').parse().ok()
        } else {
            reader.f64_or_skip()?
        };
        self.wait_secs = secs.or(self.wait_secs);
        Ok(())
    }
}

fn word(text: Option<Text<'_>>) -> String {
    text.map(|text| beginning(text, WORD_BYTES_MAX))
        .unwrap_or_default()
}

/// The beginning of a text in lower case; escapes may stay in it, the words we know have none.
fn beginning(text: Text<'_>, bytes_max: usize) -> String {
    let raw = text.raw();
    let mut words = String::from_utf8_lossy(&raw[..raw.len().min(bytes_max)]).into_owned();
    words.make_ascii_lowercase();
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> (String, String, String, String) {
        let said = ErrorBody::read(body.as_bytes());
        (said.kind, said.code, said.detail, said.message)
    }

    #[test]
    fn reads_every_shape() {
        for (body, expected) in [
            (
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow","details":{"error_code":"ramp_limit_exceeded"}},"request_id":"req_1"}"#,
                ("rate_limit_error", "", "ramp_limit_exceeded", "slow"),
            ),
            (
                r#"{"error":{"message":"No","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
                ("invalid_request_error", "model_not_found", "", "no"),
            ),
            (
                r#"[{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x","reason":"RATE"},{"retryDelay":"34s"}]}}]"#,
                ("", "resource_exhausted", "rate", "quota"),
            ),
            (
                r#"{"error":"Model 'x' not found"}"#,
                ("", "", "", "model 'x' not found"),
            ),
            (
                r#"{"object":"error","message":"Bad","type":"t","code":"1300"}"#,
                ("t", "1300", "", "bad"),
            ),
            (r#"{"detail":"Unauthorized"}"#, ("", "", "", "unauthorized")),
            (
                r#"{"__type":"ThrottlingException","message":"Wait"}"#,
                ("throttlingexception", "", "", "wait"),
            ),
            (
                r#"{"type":"error","sequence_number":3,"code":"server_error","message":"Oops","param":null}"#,
                ("", "server_error", "", "oops"),
            ),
            (
                r#"{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":{"code":"rate_limit_exceeded","message":"Wait"}}}"#,
                ("", "rate_limit_exceeded", "", "wait"),
            ),
            ("<html><h1>502</h1></html>", ("", "", "", "")),
            ("", ("", "", "", "")),
            (
                r#"{"error":{"type":"overloaded_error","message":"Over"#,
                ("overloaded_error", "", "", ""),
            ),
        ] {
            let (kind, code, detail, message) = read(body);
            assert_eq!((&*kind, &*code, &*detail, &*message), expected, "{body}");
        }
    }

    #[test]
    fn reads_waits_and_statuses() {
        let said = |body: &str| {
            let said = ErrorBody::read(body.as_bytes());
            (said.status, said.wait_secs)
        };
        let cloudflare = r#"{"cloudflare_error":true,"retryable":true,"retry_after":120}"#;
        assert_eq!(said(cloudflare), (None, Some(120.0)));
        let gemini = r#"{"error":{"code":429,"details":[{"retryDelay":"34.5s"}]}}"#;
        assert_eq!(said(gemini), (Some(429), Some(34.5)));
        let openrouter = r#"{"error":{"code":502,"message":"down"}}"#;
        assert_eq!(said(openrouter), (Some(502), None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ErrorBody::read(&bytes);
        }
    }
}
