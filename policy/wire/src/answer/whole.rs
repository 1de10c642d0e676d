//! What a whole answer says that came with 200 and as JSON: whose fault it is that it is none, and what
//! it cost. It is gone through once.
//!
//! What is caught: pages and banners, nothing at all, JSON that ends before its end, and an error
//! where the answer belongs, as resellers send it when the model behind them fails.

use crate::answer::usage;
use crate::classify::{self, Rule};
use crate::json::{Kind, Malformed, Reader};
use crate::provider_error::ProviderError;
use crate::wait::moment::Moment;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;
use keyweir_terms::request::{Tier, Usage};

/// Near the end of what was read: the longest token that may be cut in its middle (an escape, or
/// `false`) begins so many bytes before it.
const TOKEN_BYTES_MAX: usize = 6;
/// What a file may begin with to say that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a whole answer says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WholeAnswer {
    /// Whose fault it is that it is none, if it is none.
    pub fault: Fault,
    /// The tokens that it says were charged to its request; of a malformed one, those read before it
    /// broke.
    pub usage: Usage,
}

/// What the whole `body` says that answers a request to `endpoint`: an error in it by `rules`, or else
/// by the table. `header` looks up by lower-case name.
pub fn of_whole<'a>(
    rules: &[Rule],
    (dialect, endpoint): (Dialect, Endpoint),
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
) -> WholeAnswer {
    let json = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let top = Top::read(json);
    let fault = if top.is_cut {
        // Other APIs may answer with a number, or nothing.
        let may_be_anything = endpoint == Endpoint::Other && !begins(json);
        if may_be_anything {
            Fault::None
        } else {
            Fault::Broken { wait: None }
        }
    } else if asks_a_model(endpoint) && top.is_error() {
        let date = header("date").and_then(Moment::from_http_date);
        match classify::inside(rules, endpoint, ProviderError::read(json), date) {
            Fault::None => Fault::Broken { wait: None },
            fault => fault,
        }
    } else {
        Fault::None
    };
    let is_charged = usage::is_charged(dialect, endpoint);
    WholeAnswer {
        fault,
        usage: if is_charged {
            match top.usage() {
                untold if untold.is_empty() => usage::in_head(header),
                told => told,
            }
        } else {
            Usage::default()
        },
    }
}

/// A batch or a stored response may well report the error of what it was about; a model's answer has
/// none.
const fn asks_a_model(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Inference | Endpoint::CountTokens)
}

/// Whether an object or a list begins here.
fn begins(json: &[u8]) -> bool {
    matches!(json.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// What stands at the top of an answer.
#[derive(Default)]
struct Top {
    /// Its end is missing, or it is no JSON from the beginning. What is malformed before its end is
    /// for the client to judge: some read more leniently than we do.
    is_cut: bool,
    has_error: bool,
    has_answer: bool,
    usage: Usage,
    tier: Option<Tier>,
}

impl Top {
    fn read(json: &[u8]) -> Self {
        let json = json.trim_ascii_end();
        let mut top = Self::default();
        let mut reader = Reader::new(json);
        let read = match reader.peek() {
            Ok(Kind::Object) => top.object(&mut reader),
            // Some of Google's errors are a list of one.
            Ok(Kind::Array) => reader.array(|reader| top.object(reader)),
            _ => {
                top.is_cut = true;
                return top;
            }
        };
        top.is_cut = read.is_err() && json.len() < reader.problem().at + TOKEN_BYTES_MAX;
        top
    }

    /// Its tier stands within it or beside it.
    fn usage(&self) -> Usage {
        Usage {
            tier: self.usage.tier.or(self.tier),
            ..self.usage
        }
    }

    const fn is_error(&self) -> bool {
        self.has_error && !self.has_answer
    }

    fn object(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| match name {
            b"error" => {
                self.has_error |= is_filled(reader)?;
                Ok(())
            }
            b"type" => {
                let kind = reader.string_or_skip()?;
                self.has_error |= kind.is_some_and(|kind| kind.raw() == b"error");
                Ok(())
            }
            b"choices" | b"content" | b"output" | b"candidates" | b"data" | b"embedding"
            | b"embeddings" | b"results" | b"text" | b"completion" => {
                self.has_answer |= is_filled(reader)?;
                Ok(())
            }
            // Cohere's usage is in `meta` where it is not in `usage`.
            b"usage" | b"usageMetadata" | b"meta" => {
                usage::merge(&mut self.usage, usage::read_object(reader)?);
                Ok(())
            }
            b"service_tier" => {
                self.tier = usage::read_tier(reader)?;
                Ok(())
            }
            _ => reader.skip().map(drop),
        })
    }
}

/// Neither `null` nor `false`, nor an empty text, list or object.
fn is_filled(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    let kind = reader.peek()?;
    let raw = reader.skip()?;
    Ok(match kind {
        Kind::Null | Kind::False => false,
        Kind::String => raw.len() > 2,
        Kind::Array | Kind::Object => !raw[1..raw.len() - 1].trim_ascii().is_empty(),
        Kind::Number | Kind::True => true,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use keyweir_terms::fault::Fault::*;

    fn judged(endpoint: Endpoint, body: &[u8]) -> Fault {
        let header = |name: &str| (name == "date").then_some("Sun, 22 Nov 2026 02:00:00 GMT");
        of_whole(&[], (Dialect::OpenAi, endpoint), header, body).fault
    }

    const BROKEN: Fault = Broken { wait: Option::None };

    #[test]
    fn an_error_with_200_is_what_it_says() {
        for (body, fault) in [
            (
                r#"{"error":{"message":"Provider returned error","code":502}}"#,
                BROKEN,
            ),
            (
                r#"{"error":{"message":"Rate limit exceeded","code":429}}"#,
                RateLimited { wait: Option::None },
            ),
            (
                r#"{"error":{"message":"Rate limit exceeded","code":429,"metadata":{"headers":{"X-RateLimit-Reset":"1795312830000"}}}}"#,
                RateLimited {
                    wait: Some(Duration::from_secs(30)),
                },
            ),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                Overloaded { wait: Option::None },
            ),
            (
                r#"{"error":{"message":"bad","code":"invalid_prompt"}}"#,
                BadRequest,
            ),
            (
                r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#,
                ContextTooLong,
            ),
            (
                r#"{"error":{"code":"Arrearage","message":"x","type":"Arrearage"},"choices":[]}"#,
                OutOfMoney { wait: Option::None },
            ),
            (r#"{"error":{"message":"oops"}}"#, BROKEN),
            (r#"{"error":"oops","choices":null}"#, BROKEN),
            (
                r#"[{"error":{"code":503,"message":"overloaded"}}]"#,
                Overloaded { wait: Option::None },
            ),
            (
                r#"{"id":"resp_1","object":"response","status":"failed","error":{"code":"server_error","message":"x"},"output":[]}"#,
                BROKEN,
            ),
            // No errors.
            (
                r#"{"id":"resp_1","object":"response","status":"completed","error":null,"output":[{}]}"#,
                None,
            ),
            (r#"{"error":{},"choices":[]}"#, None),
            (r#"{"error":"","choices":[]}"#, None),
            (
                r#"{"choices":[{"message":{"content":"x"}}],"error":{"message":"partial"}}"#,
                None,
            ),
            (r#"{"input_tokens":5}"#, None),
            ("\u{FEFF}{\"choices\":[]}", None),
            (" \r\n{}", None),
        ] {
            assert_eq!(
                judged(Endpoint::Inference, body.as_bytes()),
                fault,
                "{body}"
            );
        }
        let failed = br#"{"id":"batch_1","status":"failed","error":{"message":"x"}}"#;
        assert_eq!(judged(Endpoint::Batches, failed), None);
        assert_eq!(judged(Endpoint::Other, failed), None);
    }

    #[test]
    fn what_is_empty_cut_or_a_banner_is_no_answer() {
        let whole =
            r#"{"id":"x","choices":[{"message":{"content":"h\u00e9 \"x\""}}],"ok":true,"n":1.5}"#;
        assert_eq!(judged(Endpoint::Inference, whole.as_bytes()), None);
        for end in 0..whole.len() {
            let cut = &whole.as_bytes()[..end];
            assert_eq!(judged(Endpoint::Inference, cut), BROKEN, "{end}");
        }
        for banner in ["upstream ok", "", " ", "\u{FEFF}", "<html>"] {
            assert_eq!(
                judged(Endpoint::Inference, banner.as_bytes()),
                BROKEN,
                "{banner}"
            );
        }
    }

    #[test]
    fn what_lenient_clients_read_passes() {
        for body in [
            "{\"choices\":[{\"message\":{\"content\":\"a raw\nline\"}}],\"usage\":{}}".to_owned(),
            "{\"choices\":[1]}\n{\"choices\":[2]}".to_owned(),
            format!("{{\"data\":{}1{}}}", "[".repeat(300), "]".repeat(300)),
        ] {
            assert_eq!(judged(Endpoint::Inference, body.as_bytes()), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_fault(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = judged(Endpoint::Inference, &body);
            let _ = judged(Endpoint::Inference, &[b"{\"error\":", &body[..]].concat());
        }
    }
}
