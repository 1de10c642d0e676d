//! What the gateway itself says to a client, in the words the client's SDK understands.
//!
//! SDKs choose the exception they raise by status and `type`; people read the message. In a stream
//! the status is long gone, and SDKs take a clean end for a complete answer, so the error must be
//! an event of the stream's own form.

use serde::Serialize;

use crate::refusal_kind::RefusalKind;
use crate::{anthropic, openai};
use keyweir_terms::dialect::Dialect;

/// A whole error answer in the client's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: String,
}

/// The form a stream's events have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamForm {
    /// Named events, `event: error` among them.
    Anthropic,
    /// Nameless chunks.
    Chunks,
    /// Named and numbered events (the Responses API).
    Responses {
        /// The number the next event has.
        sequence: u64,
    },
    /// Not known: an event that clients of either kind take for an error.
    Either,
}

impl StreamForm {
    /// The form streams of `dialect` have unless something else was seen.
    pub(super) const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Anthropic => Self::Anthropic,
            Dialect::OpenAi => Self::Chunks,
            Dialect::Generic => Self::Either,
        }
    }
}

pub(super) fn answer(
    dialect: Dialect,
    kind: RefusalKind,
    message: &str,
    request_id: &str,
) -> ErrorAnswer {
    let said = Said {
        kind,
        message,
        request_id,
    };
    let (status, body) = match dialect {
        Dialect::Anthropic => (anthropic::error(kind).0, said.in_anthropic()),
        Dialect::OpenAi => (openai::error(kind).0, said.in_openai()),
        Dialect::Generic => (openai::error(kind).0, said.in_either()),
    };
    ErrorAnswer { status, body }
}

pub(super) fn event(
    form: StreamForm,
    kind: RefusalKind,
    message: &str,
    request_id: &str,
) -> String {
    let said = Said {
        kind,
        message,
        request_id,
    };
    match form {
        StreamForm::Anthropic => format!("event: error\ndata: {}\n\n", said.in_anthropic()),
        StreamForm::Chunks => format!("data: {}\n\n", said.in_openai()),
        StreamForm::Responses { sequence } => {
            format!("event: error\ndata: {}\n\n", said.in_responses(sequence))
        }
        StreamForm::Either => format!("event: error\ndata: {}\n\n", said.in_either()),
    }
}

struct Said<'a> {
    kind: RefusalKind,
    message: &'a str,
    request_id: &'a str,
}

impl Said<'_> {
    fn in_anthropic(&self) -> String {
        #[derive(Serialize)]
        struct Error<'a> {
            r#type: &'a str,
            message: &'a str,
        }
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: &'static str,
            error: Error<'a>,
            request_id: &'a str,
        }
        render(&Body {
            r#type: "error",
            error: Error {
                r#type: anthropic::error(self.kind).1,
                message: self.message,
            },
            request_id: self.request_id,
        })
    }

    fn in_openai(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            error: OpenAiError<'a>,
        }
        render(&Body {
            error: self.openai_error(),
        })
    }

    /// The documented event is flat, but SDKs raise an exception only for an `error` object.
    fn in_responses(&self, sequence_number: u64) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: &'static str,
            sequence_number: u64,
            code: &'a str,
            message: &'a str,
            param: Option<()>,
            error: OpenAiError<'a>,
        }
        let error = self.openai_error();
        render(&Body {
            r#type: "error",
            sequence_number,
            code: error.code.unwrap_or(error.r#type),
            message: self.message,
            param: None,
            error,
        })
    }

    fn in_either(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: &'static str,
            error: OpenAiError<'a>,
            request_id: &'a str,
        }
        let error = OpenAiError {
            r#type: anthropic::error(self.kind).1,
            ..self.openai_error()
        };
        render(&Body {
            r#type: "error",
            error,
            request_id: self.request_id,
        })
    }

    const fn openai_error(&self) -> OpenAiError<'_> {
        let (_, r#type, code) = openai::error(self.kind);
        OpenAiError {
            message: self.message,
            r#type,
            param: None,
            code,
        }
    }
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<()>,
    code: Option<&'a str>,
}

fn render(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("strings and numbers always serialize")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const KINDS: [RefusalKind; 11] = [
        RefusalKind::InvalidRequest,
        RefusalKind::Authentication,
        RefusalKind::Permission,
        RefusalKind::NotFound,
        RefusalKind::MethodNotAllowed,
        RefusalKind::RequestTooLarge,
        RefusalKind::Timeout,
        RefusalKind::RateLimited,
        RefusalKind::Overloaded,
        RefusalKind::Unavailable,
        RefusalKind::Internal,
    ];

    fn parsed(body: &str) -> Value {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn an_answer_has_the_form_of_its_dialect() {
        let spent = |dialect| answer(dialect, RefusalKind::RateLimited, "wait \"3\" s", "req_1");
        let anthropic = spent(Dialect::Anthropic);
        assert_eq!(anthropic.status, 429);
        assert_eq!(
            parsed(&anthropic.body),
            json!({"type": "error", "request_id": "req_1",
                   "error": {"type": "rate_limit_error", "message": "wait \"3\" s"}})
        );
        let openai = spent(Dialect::OpenAi);
        assert_eq!(openai.status, 429);
        assert_eq!(
            parsed(&openai.body),
            json!({"error": {"message": "wait \"3\" s", "type": "rate_limit_error",
                             "param": null, "code": "rate_limit_exceeded"}})
        );
    }

    #[test]
    fn statuses_are_those_the_sdks_know() {
        let status = |dialect, kind| answer(dialect, kind, "m", "r").status;
        let anthropic = KINDS.map(|kind| status(Dialect::Anthropic, kind));
        assert_eq!(
            anthropic,
            [400, 401, 403, 404, 405, 413, 504, 429, 529, 503, 500]
        );
        let openai = KINDS.map(|kind| status(Dialect::OpenAi, kind));
        assert_eq!(
            openai,
            [400, 401, 403, 404, 405, 413, 504, 429, 503, 503, 500]
        );
    }

    #[test]
    fn an_event_is_whole_and_holds_an_error_object() {
        for form in [
            StreamForm::Anthropic,
            StreamForm::Chunks,
            StreamForm::Responses { sequence: 7 },
            StreamForm::Either,
        ] {
            for kind in KINDS {
                let event = event(form, kind, "line\nbreak", "req_1");
                let data = event.strip_prefix("event: error\n").unwrap_or(&event);
                assert_eq!(data == event, form == StreamForm::Chunks);
                let json = data
                    .strip_prefix("data: ")
                    .unwrap()
                    .strip_suffix("\n\n")
                    .unwrap();
                assert!(!json.contains('\n'));
                assert_eq!(parsed(json)["error"]["message"], "line\nbreak");
            }
        }
        let responses = event(StreamForm::Responses { sequence: 7 }, KINDS[8], "m", "r");
        assert!(
            responses.contains(r#""type":"error","sequence_number":7,"code":"server_overloaded""#)
        );
    }
}
