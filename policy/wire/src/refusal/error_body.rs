//! How an error body is written in the client's dialect.
//!
//! SDKs choose the exception they raise by status and `type`; people read the message.

use serde::Serialize;

use crate::refusal::kind::RefusalKind;
use crate::refusal::status_and_type;

/// What is said, in no dialect yet.
pub(super) struct Said<'a> {
    pub(super) kind: RefusalKind,
    pub(super) message: &'a str,
    pub(super) request_id: &'a str,
}

impl Said<'_> {
    /// As Anthropic writes errors.
    pub(super) fn in_anthropic(&self) -> String {
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
                r#type: status_and_type::anthropic(self.kind).1,
                message: self.message,
            },
            request_id: self.request_id,
        })
    }

    /// As OpenAI and its relatives write errors.
    pub(super) fn in_openai(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            error: OpenAiError<'a>,
        }
        render(&Body {
            error: self.openai_error(),
        })
    }

    /// The documented event is flat, but SDKs raise an exception only for an `error` object.
    pub(super) fn in_responses(&self, sequence_number: u64) -> String {
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

    /// So that clients of either take it for an error.
    pub(super) fn in_either(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: &'static str,
            error: OpenAiError<'a>,
            request_id: &'a str,
        }
        let error = OpenAiError {
            r#type: status_and_type::anthropic(self.kind).1,
            ..self.openai_error()
        };
        render(&Body {
            r#type: "error",
            error,
            request_id: self.request_id,
        })
    }

    const fn openai_error(&self) -> OpenAiError<'_> {
        let (_, r#type, code) = status_and_type::openai(self.kind);
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
