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
//! | `{"code":"Arrearage","message","request_id"}`, `{"code":"words","error":"words"}` | Alibaba, xAI |
//! | `{"error":{"code":429,"metadata":{"raw","headers":{"X-RateLimit-Reset"}}}}` | OpenRouter |

use std::time::Duration;

use crate::json::{Kind, Malformed, Reader, Text};
use crate::wait::moment::Moment;
use crate::wait::stated::{Stated, Unit};
use crate::wait::words;

/// The most that is kept of a message: enough for the words we know.
const MESSAGE_BYTES_MAX: usize = 1_024;
/// The most that is kept of a type or code.
const WORD_BYTES_MAX: usize = 128;

/// The parts of an error that the fault depends on. Words are in lower case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ProviderError {
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
    /// The wait that a field states.
    pub(crate) stated_wait: Option<Stated>,
    /// It was a JSON object (or the beginning of one).
    pub(crate) is_json: bool,
    /// The message stays as it was written.
    is_verbatim: bool,
}

/// The message of an error answer, as it was written; of a long one the beginning.
pub fn message(body: &[u8]) -> Option<String> {
    let verbatim = ProviderError {
        is_verbatim: true,
        ..ProviderError::default()
    };
    let message = verbatim.read_on(body).message;
    (!message.trim().is_empty()).then_some(message)
}

impl ProviderError {
    /// Reads a body or an event's data; of one that is cut off, what stands before the cut.
    pub(crate) fn read(body: &[u8]) -> Self {
        Self::default().read_on(body)
    }

    fn read_on(mut self, body: &[u8]) -> Self {
        let mut reader = Reader::new(body);
        let _malformed = match reader.peek() {
            Ok(Kind::Array) => reader.array(|reader| self.envelope(reader)),
            Ok(Kind::Object) => self.envelope(&mut reader),
            other => other.map(drop),
        };
        self
    }

    /// The wait that a field states, else that of the message's words. Moments are seen from the
    /// answer's own `Date`.
    pub(crate) fn wait(&self, date: Option<Moment>) -> Option<Duration> {
        self.stated_wait
            .and_then(|stated| stated.wait(date))
            .or_else(|| words::read(&self.message)?.wait(date))
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
            b"type" | b"__type" | b"error_type" => {
                let kind = word(reader.string_or_skip()?);
                // The envelope's own type says nothing.
                if !matches!(kind.as_str(), "error" | "response.failed") {
                    self.kind = kind;
                }
                Ok(())
            }
            b"code" => self.code(reader),
            b"status" if reader.peek()? == Kind::Number => self.code(reader),
            b"status" => {
                let status = word(reader.string_or_skip()?);
                if self.code.is_empty() {
                    self.code = status;
                }
                Ok(())
            }
            b"message" | b"msg" | b"error_msg" => self.message(reader),
            b"details" | b"metadata" | b"headers" => self.details(reader),
            b"error_code" | b"reason" => {
                self.detail = word(reader.string_or_skip()?);
                Ok(())
            }
            _ => self.wait_member(name, reader),
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
            if !self.is_verbatim {
                self.message.make_ascii_lowercase();
            }
        }
        Ok(())
    }

    /// An object, or a list of objects of different types.
    fn details(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::Array => reader.array(|reader| self.details(reader)),
            _ => reader.object_or_skip(|name, reader| match name {
                b"error_code" | b"reason" | b"metadata" | b"headers" => self.member(name, reader),
                _ => self.wait_member(name, reader),
            }),
        }
    }

    /// A member that states a wait, or anything else.
    fn wait_member(&mut self, name: &[u8], reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let Some(unit) = wait_unit(name) else {
            return reader.skip().map(drop);
        };
        let stated = match reader.peek()? {
            Kind::String => {
                let text = reader.string()?.to_text();
                text.and_then(|text| Stated::from_text(&text, unit))
            }
            Kind::Object => protobuf_duration(reader)?,
            _ => {
                let number = reader.f64_or_skip()?;
                number.and_then(|number| Stated::from_number(number, unit, number.fract() == 0.0))
            }
        };
        self.stated_wait = self.stated_wait.or(stated);
        Ok(())
    }
}

/// What a bare number counts in the members that state waits; `None` for all others.
fn wait_unit(name: &[u8]) -> Option<Unit> {
    const SECONDS: &[&str] = &[
        // Cloudflare, many gateways.
        "retry_after",
        "retryAfter",
        "retry-after",
        // Google's `google.rpc.RetryInfo`.
        "retryDelay",
        "retry_delay",
        // Google's `ErrorInfo.metadata`.
        "quotaResetDelay",
        // OpenRouter, LiteLLM.
        "retry_after_seconds",
        "retryAfterSeconds",
        // Hugging Face, while a model is loaded.
        "estimated_time",
        // The headers of the provider behind it, as OpenRouter quotes them.
        "X-RateLimit-Reset",
    ];
    const MILLIS: &[&str] = &["retry_after_ms", "retryAfterMs", "retry-after-ms"];
    let is_in = |names: &[&str]| {
        names
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    };
    if is_in(SECONDS) {
        Some(Unit::Seconds)
    } else {
        is_in(MILLIS).then_some(Unit::Millis)
    }
}

/// `{"seconds":8,"nanos":500000000}`, as some translations of `RetryInfo` to JSON write it.
fn protobuf_duration(reader: &mut Reader<'_>) -> Result<Option<Stated>, Malformed> {
    let (mut secs, mut nanos) = (None, 0.0);
    reader.object(|name, reader| match name {
        b"seconds" => {
            secs = reader.f64_or_skip()?;
            Ok(())
        }
        b"nanos" => {
            nanos = reader.f64_or_skip()?.unwrap_or_default();
            Ok(())
        }
        _ => reader.skip().map(drop),
    })?;
    Ok(secs.and_then(|secs| Stated::from_number(secs + nanos / 1e9, Unit::Seconds, nanos == 0.0)))
}

fn word(text: Option<Text<'_>>) -> String {
    let mut word = text.map(|text| beginning(text, WORD_BYTES_MAX));
    let word = word.get_or_insert_default();
    word.make_ascii_lowercase();
    std::mem::take(word)
}

/// The beginning of a text, without its escapes.
fn beginning(text: Text<'_>, bytes_max: usize) -> String {
    let mut words = text
        .to_text()
        .unwrap_or_else(|| String::from_utf8_lossy(text.raw()).into_owned());
    let boundary = (0..=bytes_max.min(words.len()))
        .rev()
        .find(|at| words.is_char_boundary(*at));
    words.truncate(boundary.unwrap_or_default());
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> (String, String, String, String) {
        let said = ProviderError::read(body.as_bytes());
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
    fn reads_statuses() {
        let status = |body: &str| ProviderError::read(body.as_bytes()).status;
        assert_eq!(
            status(r#"{"error":{"code":502,"message":"down"}}"#),
            Some(502)
        );
        assert_eq!(status(r#"{"error":{"code":"429"}}"#), Some(429));
        assert_eq!(status(r#"{"cloudflare_error":true}"#), None);
    }

    #[test]
    fn bodies_state_waits() {
        for (body, secs) in [
            (
                r#"{"cloudflare_error":true,"retryable":true,"retry_after":120}"#,
                Some(120.0),
            ),
            (
                r#"{"error":{"code":429,"details":[{"@type":"x","reason":"RATE"},{"retryDelay":"34.5s"}]}}"#,
                Some(34.5),
            ),
            (
                r#"{"error":{"details":[{"retryDelay":{"seconds":8,"nanos":500000000}}]}}"#,
                Some(8.5),
            ),
            (
                r#"{"error":{"details":[{"retryDelay":{"seconds":"8"}}]}}"#,
                None,
            ),
            (
                r#"{"error":{"details":[{"@type":"x","metadata":{"quotaResetDelay":"1h0m2s"}}]}}"#,
                Some(3_602.0),
            ),
            (
                r#"{"error":{"code":429,"metadata":{"headers":{"X-RateLimit-Reset":"1795312830000"}}}}"#,
                Some(30.0),
            ),
            (
                r#"{"error":{"metadata":{"retry_after_seconds":12}}}"#,
                Some(12.0),
            ),
            (r#"{"error":{"retry_after_ms":250}}"#, Some(0.25)),
            (
                r#"{"error":{"message":"x","retryAfter":"2026-11-22T02:00:30Z"}}"#,
                Some(30.0),
            ),
            (
                r#"{"error":{"message":"Rate limit reached. Please try again in 6m0s."}}"#,
                Some(360.0),
            ),
            (
                r#"{"error":{"message":"try again in\u00a020 ms"}}"#,
                Some(0.02),
            ),
            // What is stated outranks words.
            (
                r#"{"error":{"message":"try again in 5 hours","retry_after":3}}"#,
                Some(3.0),
            ),
            (r#"{"retry_after":-5}"#, None),
            (r#"{"retry_after":"soon"}"#, None),
            (r#"{"retry_after":null}"#, None),
            ("", None),
        ] {
            let date = Moment::from_http_date("Sun, 22 Nov 2026 02:00:00 GMT");
            let wait = ProviderError::read(body.as_bytes()).wait(date);
            assert_eq!(wait.map(|wait| wait.as_secs_f64()), secs, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ProviderError::read(&bytes);
        }
    }
}
